//! Databases of other locales than the tests' own: search finds the same in each.

use carrel_tests::{ALICE, Cluster, Database, Session};

/// Options of initdb. CloudNativePG's default is C, in which Postgres folds ASCII alone.
const LOCALES: [&[&str]; 3] = [
    &["--locale=C"],
    &["--locale=C.UTF-8"],
    &["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"],
];

/// Texts with a language, and words that find them and nothing else.
const TEXTS: [(&str, &str, &[&str]); 6] = [
    (
        "french",
        "L'École des Chartes",
        &["école", "ÉCOLE", "École", "écol*", "\"école des chartes\""],
    ),
    ("german", "ÄRZTE und Öfen", &["ärzte", "Ärzte", "öfen", "ÖFEN", "ärz*"]),
    ("russian", "ВОЗВРАТ билетов", &["возврат", "Возврат", "БИЛЕТОВ"]),
    ("simple", "ΟΔΟΣ Ερμού", &["ερμού", "ΕΡΜΟΎ", "Οδοσ"]),
    ("simple", "İstanbul ŞEHİR", &["ŞEHİR", "İSTANBUL"]),
    ("english", "the CAFÉ in src/Größe.rs", &["café", "größe", "GRÖßE"]),
];

#[test]
fn words_are_found_in_any_case_in_every_locale() {
    // A server without ICU has its collations nevertheless.
    let icu = "create collation icu (provider = icu, locale = 'en')";
    let has_icu = Cluster::shared().empty().superuser().attempt(icu).is_ok();
    for options in LOCALES {
        if !has_icu && options.contains(&"--locale-provider=icu") {
            continue;
        }
        let cluster = Cluster::initialized_with(options);
        cluster.create_roles();
        let database = cluster.empty();
        let mut admin = database.superuser();
        admin.run(&format!("create extension carrel; select carrel.create_user('{ALICE}')"));
        let mut alice = database.user(ALICE);
        for (language, text, _) in TEXTS {
            alice.run(&format!(
                "select carrel.add_document('{0}.txt', '{0}', language => '{language}')",
                text.replace('\'', "''")
            ));
        }
        for (_, text, queries) in TEXTS {
            for query in queries {
                assert_eq!(found(&mut alice, query), [text], "{query} in {options:?}");
            }
        }
        assert_thesaurus_folds(&database);
        database.assert_sound();
    }
}

/// Asserts it of a configuration whose dictionaries read more than one word at a time, and so are Postgres' to call.
fn assert_thesaurus_folds(database: &Database) {
    database.superuser().run(
        "create text search dictionary public.stars (template = thesaurus, dictfile = thesaurus_sample, dictionary = pg_catalog.english_stem);
        create text search configuration public.stars (copy = pg_catalog.english);
        alter text search configuration public.stars alter mapping for asciiword, word with public.stars, english_stem",
    );
    let mut alice = database.user(ALICE);
    alice.run("select carrel.add_document('stars.txt', 'supernovae stars over the CAFÉ NOËL', language => 'public.stars')");
    assert_eq!(found(&mut alice, "noël"), ["stars.txt"]);
    assert_eq!(found(&mut alice, "Noël"), ["stars.txt"]);
}

/// The names of the documents that a query finds, without the suffix of those whose names are their texts.
fn found(session: &mut Session, query: &str) -> Vec<String> {
    session.column(&format!(
        "select case filename when 'stars.txt' then filename else replace(filename, '.txt', '') end
        from carrel.search_documents('{query}')"
    ))
}
