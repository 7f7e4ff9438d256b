//! DROP EXTENSION keeps every row, unreadable; CREATE EXTENSION adopts what it finds.

use carrel_tests::{ALICE, BOB, Cluster, Database, TABLES, assert_same, contents};

/// A database that two users live in, with a role that was granted later.
fn lived_in() -> (Database<'static>, String) {
    let database = Cluster::shared().lived_in();
    let late = database.create_role("late", "");
    database.superuser().run(&format!("select carrel.grant_user('{late}')"));
    (database, late)
}

#[test]
fn drop_extension_is_refused() {
    let (database, _) = lived_in();
    assert_eq!(database.superuser().refused("drop extension carrel"), "2BP01");
    database.assert_sound();
}

#[test]
fn drop_extension_cascade_keeps_every_row() {
    let (database, _) = lived_in();
    let before = contents(&database);
    database.superuser().run("drop extension carrel cascade");
    assert_eq!(contents(&database), before);
}

#[test]
fn after_drop_extension_cascade_an_end_user_reads_nothing() {
    let (database, late) = lived_in();
    database.superuser().run("drop extension carrel cascade");
    for role in ["authenticated", &late] {
        let mut session = database.connect(role);
        session.claim(ALICE);
        for table in TABLES {
            let seen = session.attempt(&format!("select * from carrel.{table}"));
            assert!([Ok(0), Err("42501".to_owned())].contains(&seen), "{role} {table}: {seen:?}");
        }
    }
}

#[test]
fn after_drop_extension_cascade_row_level_security_is_on_everywhere() {
    let (database, _) = lived_in();
    database.superuser().run("drop extension carrel cascade");
    let open = "select relname from pg_class
        where relnamespace = 'carrel'::regnamespace and relkind = 'r' and not relrowsecurity";
    assert_eq!(database.superuser().column(open), Vec::<String>::new());
}

#[test]
fn create_extension_again_adopts_the_tables_as_they_were() {
    let (database, _) = lived_in();
    let before = contents(&database);
    let installation =
        || database.superuser().value("select distinct recorded_in from carrel.granted_roles");
    let (dump, first) = (database.dump(&[]), installation());
    database.superuser().run("drop extension carrel cascade; create extension carrel");
    assert_eq!(contents(&database), before);
    // The roles are recorded as those of the new installation.
    assert_same(&dump.replace(&first, &installation()), &database.dump(&[]));
    database.assert_sound();
}

#[test]
fn after_adoption_every_role_that_was_granted_works() {
    let (database, late) = lived_in();
    database.superuser().run("drop extension carrel cascade; create extension carrel");
    for (role, user) in [("authenticated", ALICE), (late.as_str(), BOB)] {
        let mut session = database.connect(role);
        session.claim(user);
        assert_eq!(session.number("select count(*) from carrel.documents"), 3, "{role}");
        session.run("select carrel.add_document('new.txt', 'A mole digs at night.')");
        assert_eq!(
            session.number("select count(*) from carrel.search_chunks('mole')"),
            1,
            "{role}"
        );
    }
    let mut service = database.service();
    service.run(&format!("select carrel.record_usage('agent_request', user_id => '{BOB}')"));
    assert_eq!(service.number("select count(*) from carrel.verify_usage()"), 0);
    assert_eq!(service.value("select carrel.process_documents()"), "0");
}

#[test]
fn adoption_does_not_grant_to_a_role_that_was_revoked() {
    let (database, late) = lived_in();
    database.superuser().run(&format!(
        "select carrel.revoke_user('{late}'); drop extension carrel cascade; create extension carrel"
    ));
    let mut session = database.connect(&late);
    assert_eq!(session.refused("select carrel.version()"), "42501");
    assert_eq!(session.refused("select from carrel.documents"), "42501");
}

#[test]
fn an_adopted_database_is_dumped_and_restored_for_every_role() {
    let (database, late) = lived_in();
    database.superuser().run("drop extension carrel cascade; create extension carrel");
    let dump = database.dump_to_file(&[]);
    let restored = Cluster::shared().empty();
    restored.restore_plain(&dump);
    assert_same(&database.dump(&[]), &restored.dump(&[]));
    restored.assert_sound();
    for (role, user) in [("authenticated", ALICE), (late.as_str(), BOB)] {
        let mut session = restored.connect(role);
        session.claim(user);
        session.run("select carrel.add_document('new.txt', 'A mole digs at night.')");
        assert_eq!(
            session.number("select count(*) from carrel.search_chunks('mole')"),
            1,
            "{role}"
        );
    }
    restored.service().run(&format!("select carrel.record_usage('x', user_id => '{BOB}')"));
}

#[test]
fn what_was_dropped_with_cascade_can_be_dumped_restored_and_then_adopted() {
    let (database, late) = lived_in();
    let before = contents(&database);
    database.superuser().run("drop extension carrel cascade");
    let dump = database.dump_to_file(&[]);
    let restored = Cluster::shared().empty();
    restored.restore_plain(&dump);
    restored.superuser().run("create extension carrel");
    assert_eq!(contents(&restored), before);
    restored.assert_sound();
    let mut session = restored.connect(&late);
    session.claim(ALICE);
    assert_eq!(session.number("select count(*) from carrel.search_chunks('herons')"), 1);
}
