//! Dumps of less than everything: what each holds, and how it comes back.

use crate::dump::{assert_everybody_works, assert_restores, grown};
use carrel_tests::{
    ALICE, BOB, Cluster, Database, TABLES, assert_same, assert_same_lines, contents, privileges,
};

/// The six tables as options of pg_dump.
fn six_tables() -> Vec<String> {
    TABLES.map(|table| format!("--table=carrel.{table}")).into()
}

#[test]
fn three_dumps_by_section_restore_in_order_to_the_same() {
    let (original, late) = grown();
    let sections = ["pre-data", "data", "post-data"].map(|name| format!("--section={name}"));
    let dumps = sections.map(|section| original.dump_to_file(&[&section]));
    let restored = assert_restores(&original, |restored| {
        dumps.iter().for_each(|dump| restored.restore_plain(dump));
    });
    assert_everybody_works(&restored, &late);
}

#[test]
fn one_archive_restores_by_section_to_the_same() {
    let (original, late) = grown();
    let dump = original.dump_to_file(&["-Fd", "-j", "4"]);
    let restored = assert_restores(&original, |restored| {
        for section in ["--section=pre-data", "--section=data", "--section=post-data"] {
            restored.restore(&[section, "-j", "4"], &dump);
        }
    });
    assert_everybody_works(&restored, &late);
}

#[test]
fn documents_that_were_lost_come_back_out_of_an_archive_with_their_chunks() {
    let (database, late) = grown();
    let mut superuser = database.superuser();
    // Stored limits count documents.
    superuser.run(
        "update carrel.plan_limits set enforcement = 'hard', limit_value = 10 where period = 'stored'
            and measure = 'documents'",
    );
    database.user(ALICE).run("select carrel.add_document('counted.md', 'A badger.')");
    let rows = |database: &Database| -> Vec<String> {
        let is_users =
            |row: &String| TABLES.iter().any(|table| row.starts_with(&format!("{table}|")));
        contents(database).into_iter().filter(is_users).collect()
    };
    let before = rows(&database);
    let dump = database.dump_to_file(&["-Fc"]);
    superuser.run("delete from carrel.documents");
    assert_eq!(superuser.number("select count(*) from carrel.document_chunks"), 0);
    // By name, an archive's chunks come before the documents that they refer to.
    for table in ["documents", "document_chunks"] {
        database.restore(&["-a", "-n", "carrel", "-t", table], &dump);
    }
    superuser.run("select carrel.migrate()");
    assert_same_lines(&before, &rows(&database));
    database.assert_sound();
    assert_everybody_works(&database, &late);
    let fill = "select carrel.add_document(n::text, 'x') from generate_series(1, 6) as n";
    let mut alice = database.user(ALICE);
    alice.run(fill);
    assert_eq!(alice.refused("select carrel.add_document('eleventh', 'x')"), "PT402");
}

#[test]
fn a_dump_of_the_schema_without_the_extension_is_refused_and_leaves_nothing() {
    let (original, _) = grown();
    let dump = original.dump_to_file(&["-n", "carrel"]);
    let restored = Cluster::shared().empty();
    let before = restored.dump(&[]);
    let error = restored.fail_to_restore_plain(&dump);
    assert!(error.contains("function carrel."), "{error}");
    assert_same(&before, &restored.dump(&[]));
}

#[test]
fn a_dump_with_row_security_is_refused_and_restores_once_the_setting_is_off() {
    let (original, late) = grown();
    let dump = original.dump_to_file(&["--enable-row-security"]);
    let restored = Cluster::shared().empty();
    let before = restored.dump(&[]);
    let error = restored.fail_to_restore_plain(&dump);
    assert!(error.contains("already exists"), "{error}");
    assert_same(&before, &restored.dump(&[]));

    let restored = assert_restores(&original, |restored| {
        let text = std::fs::read_to_string(&dump).expect("the dump");
        let off = text.replace("\nSET row_security = on;\n", "\nSET row_security = off;\n");
        let path = dump.with_extension("off");
        std::fs::write(&path, off).expect("a file beside it");
        restored.restore_plain(&path);
    });
    assert_everybody_works(&restored, &late);
}

#[test]
fn what_a_user_dumps_with_row_security_are_their_rows_alone() {
    let database = Cluster::shared().lived_in();
    let tables = six_tables();
    let mut options = vec!["--enable-row-security", "--data-only", "--inserts"];
    options.extend(tables.iter().map(String::as_str));
    let dump = database.dump_to_file_as("authenticated", ALICE, &options);
    let text = std::fs::read_to_string(&dump).expect("the dump");
    for table in TABLES {
        let mine = database
            .superuser()
            .number(&format!("select count(*) from carrel.{table} where user_id = '{ALICE}'"));
        let inserts = text.matches(&format!("\nINSERT INTO carrel.{table} ")).count() as i64;
        assert_eq!(inserts, mine, "{table}");
    }
    assert!(text.contains(ALICE) && !text.contains(BOB));

    // Into a database without her; what triggers would derive is in the dump.
    let restored = Cluster::shared().installed();
    let off = text.replace("\nSET row_security = on;\n", "\nSET row_security = off;\n");
    let path = dump.with_extension("off");
    std::fs::write(&path, off).expect("a file beside it");
    restored.restore_plain(&path);
    restored.superuser().run("select carrel.migrate(), carrel.rebuild_usage()");
    restored.assert_sound();
    // Summing up again touches the profile.
    let rows = |database: &Database, table: &str| {
        database.superuser().column(&format!(
            "select to_jsonb(t) - case when '{table}' = 'user_profiles' then 'updated_at' else '' end
            from carrel.{table} as t where user_id = '{ALICE}' order by 1"
        ))
    };
    for table in TABLES {
        assert_same_lines(&rows(&database, table), &rows(&restored, table));
    }
    assert_same_lines(&privileges(&database), &privileges(&restored));
    let mut alice = restored.user(ALICE);
    assert_eq!(alice.number("select count(*) from carrel.search_chunks('herons nest')"), 1);
}

#[test]
fn without_the_option_a_user_can_dump_nothing() {
    let database = Cluster::shared().lived_in();
    let tables = six_tables();
    let mut options = vec!["--data-only"];
    options.extend(tables.iter().map(String::as_str));
    let error = database.fail_to_dump_as("authenticated", &options);
    assert!(error.contains("row-level security"), "{error}");
}
