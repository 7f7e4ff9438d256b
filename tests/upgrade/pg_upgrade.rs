//! pg_upgrade takes a database that two users live in to a newer Postgres: nothing is lost, and everybody goes on.

use carrel_tests::{
    ALICE, BOB, Cluster, Database, TABLES, assert_same_lines, catalog, contents, privileges,
};

/// What was there before.
struct Before {
    name: String,
    contents: Vec<String>,
    privileges: Vec<String>,
    /// What services hold: a statement for each that they end with.
    under_way: [String; 3],
}

/// A database of the older Postgres in which work is under way, and to which its operator added: a column with a
/// privilege of its own, a policy, an index, roles that were granted later, one that only reports.
fn grown(old: &Cluster) -> Database<'_> {
    old.create_roles();
    let database = old.lived_in_anew();
    database.superuser().run(
        "create role late login; create role metering login; create role reporting login bypassrls;
        select carrel.grant_user('late'), carrel.grant_user('metering', self_metering => true);
        alter table carrel.documents add column archived_at timestamptz, add column note text default 'none';
        update carrel.documents set archived_at = '2026-01-01' where filename = 'long.txt';
        create index documents_archived_at_idx on carrel.documents (user_id, archived_at);
        create policy documents_hide_archived on carrel.documents as restrictive
            for select using (archived_at is null or pg_has_role('postgres', 'member'));
        grant update (note) on carrel.documents to authenticated, late;
        grant usage on schema carrel to reporting;
        grant select on carrel.usage_totals to reporting with grant option;
        grant select (plan_type, name) on carrel.user_profiles to reporting;
        grant execute on function carrel.version() to reporting",
    );
    database
}

/// Asserts that doctor() has nothing to say but of the privileges that `reporting` was granted.
fn assert_too_much_is_granted_to_one_alone(database: &Database) {
    let complaints = database.complaints();
    let lines = complaints.iter().flat_map(|complaint| complaint.lines());
    let others: Vec<_> = lines
        .filter(|line| !line.trim_start_matches("privileges: ").starts_with("role reporting "))
        .collect();
    assert!(!complaints.is_empty() && others.is_empty(), "{complaints:?}");
}

/// The database behind pg_upgrade.
fn upgrade(option: &str) -> (Cluster, Before) {
    let old = Cluster::start_older();
    let database = grown(&old);
    let under_way = [
        format!(
            "select format('select carrel.settle_usage(%L, 40)',
                carrel.reserve_usage('agent_request', 50, user_id => '{BOB}', ttl => '1 day'))"
        ),
        "select format('select carrel.complete_request(%L, %L, ''{}'', 10, 0.01)', id, lease_token)
        from carrel.claim_requests('worker', 1, lease => '1 day')"
            .to_owned(),
        "select format('select carrel.set_document_text(%L, %L, ''A scanned mole.'')', document_id, lease_token)
        from carrel.claim_documents('scanner', 1, '1 day')"
            .to_owned(),
    ]
    .map(|begin| database.service().value(&begin));
    assert_too_much_is_granted_to_one_alone(&database);
    let before = Before {
        name: database.name.clone(),
        contents: contents(&database),
        privileges: privileges(&database),
        under_way,
    };
    (Cluster::upgraded_from(&old, option), before)
}

/// Asserts that everything is there, and works for everybody.
fn assert_went_on(upgraded: &Cluster, before: &Before) {
    let database = upgraded.database(&before.name);
    assert_same_lines(&before.contents, &contents(&database));
    assert_same_lines(&before.privileges, &privileges(&database));
    assert_too_much_is_granted_to_one_alone(&database);
    assert_eq!(database.service().number("select count(*) from carrel.verify_usage()"), 0);

    for (role, user) in [("authenticated", ALICE), ("late", BOB), ("metering", ALICE)] {
        let mut session = database.connect(role);
        session.claim(user);
        let mine =
            format!("count(*) > 0 and count(*) = count(*) filter (where user_id = '{user}')");
        for table in TABLES {
            let sees = session.value(&format!("select {mine} from carrel.{table}"));
            assert_eq!(sees, "t", "{role} {table}");
        }
        let hidden = "select count(*) from carrel.documents where archived_at is not null";
        assert_eq!(session.number(hidden), 0, "the operator's policy");
        let found = "select filename from carrel.search_chunks('herons nest')";
        assert_eq!(session.value(found), "notes.md", "{role}");
        session.run(&format!("select carrel.add_document('{role}.md', 'A mole digs at night.')"));
        let found = session.value("select filename from carrel.search_chunks('mole digs')");
        assert_eq!(found, format!("{role}.md"));
        let theirs =
            format!("update carrel.documents set filename = 'x' where user_id <> '{user}'");
        assert_eq!(session.touched(&theirs), 0, "{role}");
        session.run(&format!("delete from carrel.documents where filename = '{role}.md'"));
    }
    let mut alice = database.user(ALICE);
    assert_eq!(
        alice.touched("update carrel.documents set note = 'mine' where filename = 'notes.md'"),
        1
    );
    assert_eq!(alice.touched("update carrel.user_profiles set name = 'A.'"), 1);
    let mut reporting = database.connect("reporting");
    reporting
        .run("select name, plan_type from carrel.user_profiles; select from carrel.usage_totals");
    assert_eq!(reporting.refused("select usage_count from carrel.user_profiles"), "42501");
    assert_eq!(reporting.refused("select from carrel.documents"), "42501");

    let mut service = database.service();
    before.under_way.iter().for_each(|end| service.run(end));
    service.run(
        "select carrel.complete_request(id, lease_token, '{}', 10, 0.01) from carrel.claim_requests('w', 10)",
    );
    let done = "select count(*) from carrel.agent_requests where status = 'completed'";
    assert_eq!(database.superuser().number(done), 6);
    assert_eq!(service.number("select count(*) from carrel.verify_usage()"), 0);
    database.superuser().run("select carrel.migrate()");
    assert_too_much_is_granted_to_one_alone(&database);
}

#[test]
fn after_pg_upgrade_that_copies_everything_is_there_and_everybody_goes_on() {
    let (upgraded, before) = upgrade("--copy");
    assert_went_on(&upgraded, &before);
}

#[test]
fn after_pg_upgrade_that_links_everything_is_there_and_everybody_goes_on() {
    let (upgraded, before) = upgrade("--link");
    assert_went_on(&upgraded, &before);
}

#[test]
fn what_pg_upgrade_brings_is_what_the_newer_postgres_installs() {
    let old = Cluster::start_older();
    old.create_roles();
    let name = old.lived_in_anew().name;
    let upgraded = Cluster::upgraded_from(&old, "--link");
    let fresh = upgraded.empty();
    fresh.superuser().run("create extension carrel");
    assert_same_lines(&catalog(&upgraded.database(&name)), &catalog(&fresh));
}
