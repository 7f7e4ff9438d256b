//! Prisma: `db pull` reads the tables as they are, and the client that it generates from that works for users.

use carrel_tests::{ALICE, BOB, Cluster, Database, Pooler, clients, installed, succeed};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;

/// What `db pull` gives for a database.
#[track_caller]
fn pulled(database: &Database) -> String {
    succeed(&mut pull(database, CARREL));
    std::fs::read_to_string(clients().join("prisma/pulled/schema.prisma")).expect("what was pulled")
}

/// The line of the datasource that names schemas.
const CARREL: &str = r#"schemas  = ["carrel"]"#;

/// `db pull` of these schemas.
fn pull(database: &Database, schemas: &str) -> Command {
    let (base, directory) = (clients().join("prisma/base.prisma"), clients().join("prisma/pulled"));
    std::fs::create_dir_all(&directory).expect("a directory");
    let base = std::fs::read_to_string(base).expect("what it begins with");
    assert!(base.contains(CARREL));
    std::fs::write(directory.join("schema.prisma"), base.replace(CARREL, schemas)).expect("a file");
    let mut pull = prisma(database);
    pull.args(["db", "pull"]);
    pull
}

/// Prisma's own program, as the tables' owner: others are shown less of the catalog.
fn prisma(database: &Database) -> Command {
    let mut node = database.client(installed("node"), "postgres");
    node.current_dir(clients().join("prisma")).arg("node_modules/prisma/build/index.js").envs([
        ("CHECKPOINT_DISABLE", "1"),
        ("PRISMA_HIDE_UPDATE_MESSAGE", "1"),
        ("NO_COLOR", "1"),
    ]);
    node
}

/// There is one directory for what is pulled.
static PULLED: Mutex<()> = Mutex::new(());

#[test]
fn db_pull_reads_every_table_with_every_column_and_relation() {
    let _alone = PULLED.lock();
    let database = Cluster::shared().installed();
    let schema = pulled(&database);
    let mut model = "";
    let (mut fields, mut relations, mut unsupported) =
        (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for line in schema.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["model", name, "{"] => model = name,
            ["}"] => model = "",
            [name, kind, ..] if !model.is_empty() && name.starts_with(char::is_alphabetic) => {
                let field = format!("{model}.{name}");
                if let Some((_, keys)) = line.split_once("@relation(fields: [") {
                    let (keys, rest) = keys.split_once("], references: [").expect("references");
                    let (targets, _) = rest.split_once(']').expect("its end");
                    relations.insert(format!(
                        "{model} ({keys}) {} ({targets})",
                        kind.trim_end_matches('?')
                    ));
                } else if !kind.ends_with("[]") || kind == "String[]" {
                    if kind.starts_with("Unsupported") {
                        unsupported.push(field.clone());
                    }
                    fields.insert(field);
                }
            }
            _ => {}
        }
    }
    let mut superuser = database.superuser();
    let columns = superuser.column(
        "select relname || '.' || attname from pg_attribute join pg_class on pg_class.oid = attrelid
        where relnamespace = 'carrel'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped",
    );
    let lost: Vec<_> = columns.iter().filter(|column| !fields.contains(*column)).collect();
    assert!(lost.is_empty() && columns.len() > 150, "{lost:?} of {}", columns.len());
    let keys = superuser.column(
        "select regexp_replace(format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)),
            '^carrel.(.*) FOREIGN KEY (.*) REFERENCES carrel.(\\w+)(\\(.*?\\)).*', '\\1 \\2 \\3 \\4')
        from pg_constraint where connamespace = 'carrel'::regnamespace and contype = 'f'",
    );
    assert_eq!(relations, keys.into_iter().collect());
    assert_eq!(
        unsupported,
        [
            "document_chunks.search_vector",
            "documents.search_vector",
            "model_prices.valid_during",
            "plan_limits.window_length",
        ]
    );
}

#[test]
fn where_auth_users_exists_db_pull_needs_both_schemas_as_the_documentation_says() {
    let _alone = PULLED.lock();
    let database = Cluster::shared().empty();
    database.superuser().run(
        "create schema auth;
        create table auth.users (id uuid primary key, email text, raw_user_meta_data jsonb);
        create extension carrel",
    );
    let refused = pull(&database, CARREL).output().expect("prisma");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("P4002") && said.contains("auth"), "{said}");
    let page = include_str!("../../docs/clients.md");
    let both = r#"schemas  = ["auth", "carrel"]"#;
    assert!(page.contains(both));
    succeed(&mut pull(&database, both));
    let schema = std::fs::read_to_string(clients().join("prisma/pulled/schema.prisma"));
    let schema = schema.expect("what was pulled");
    assert!(
        schema.contains("model user_profiles {") && schema.contains("model users {"),
        "{schema}"
    );
}

#[test]
fn the_client_that_prisma_generates_works_for_users_and_through_a_pooler() {
    let _alone = PULLED.lock();
    let database = Cluster::shared().lived_in();
    pulled(&database);
    succeed(prisma(&database).arg("generate"));
    let run = |mut node: Command| {
        succeed(node.current_dir(clients().join("prisma")).args(["client.ts", ALICE, BOB]))
    };
    let expected = "added: completed true\n\
        found: [{\"filename\":\"tea.md\",\"document_chunks\":[{\"section_title\":\"Green tea\",\
        \"content\":\"# Green tea\\n\\nTwo minutes.\"}]}]\n\
        searched: tea.md\n\
        the other sees their own: true\n\
        nobody sees: 0\n\
        refused: P2010 22023\n";
    assert_eq!(run(database.client(installed("node"), "authenticated")), expected);
    database.user(ALICE).run("delete from carrel.documents where filename = 'tea.md'");
    let pooler = Pooler::start(&database, "authenticated", 2, "");
    assert_eq!(run(pooler.client(&database, installed("node"), "authenticated")), expected);
}
