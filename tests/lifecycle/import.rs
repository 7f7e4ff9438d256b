//! Moving in: what an application had in tables of its own comes over to carrel as it is.

use carrel_tests::{ALICE, BOB, Cluster, Database};

/// Tables as Drizzle made them, with rows.
const APPLICATION: &str = include_str!("import/application.sql");
const THIRD: &str = "cafe0000-0000-4000-8000-000000000003";

fn with_application() -> Database<'static> {
    let database = Cluster::shared().installed();
    database.superuser().run(APPLICATION);
    database
}

fn import(database: &Database) -> Vec<String> {
    database.superuser().column(
        "select table_name, row_count, problem from carrel.import_from('public', dry_run => false)",
    )
}

/// A column of an old table and of carrel's that should be the same, row by row.
fn assert_kept(database: &Database, table: &str, columns: &str) {
    let mut superuser = database.superuser();
    let differences = format!(
        "select (select count(*) from (select {columns} from public.{table} except select {columns} from carrel.{table}) as lost)
            + abs((select count(*) from public.{table}) - (select count(*) from carrel.{table}))"
    );
    assert_eq!(superuser.number(&differences), 0, "{table}");
}

#[test]
fn a_dry_run_reports_tables_and_what_would_become_of_them_and_changes_nothing() {
    let database = with_application();
    let mut superuser = database.superuser();
    assert_eq!(
        superuser.column("select table_name, row_count, problem from carrel.import_from('public')"),
        [
            "user_profiles|2|",
            "user_profiles|1|profiles made for users who had none",
            "documents|4|",
            "documents|1|texts without chunks, left to carrel.process_documents()",
            "document_chunks|3|",
            "agent_sessions|1|",
            "agent_sessions|2|entries of request_chain that are no requests of the user, left out",
            "agent_requests|3|",
            "agent_requests|1|processing, pending again for carrel's workers",
            "usage_events|3|",
        ]
    );
    for table in carrel_tests::TABLES {
        assert_eq!(superuser.number(&format!("select count(*) from carrel.{table}")), 0, "{table}");
    }
    assert_eq!(superuser.number("select count(*) from pg_class where relname like 'import%'"), 0);
}

#[test]
fn ids_timestamps_chunks_and_amounts_are_what_they_were() {
    let database = with_application();
    assert_eq!(import(&database).len(), 10);
    assert_kept(
        &database,
        "documents",
        "id, user_id, filename, file_type, file_size, content_text, storage_path, created_at, updated_at",
    );
    assert_kept(
        &database,
        "document_chunks",
        "id, document_id, chunk_index, content, section_title, created_at",
    );
    assert_kept(&database, "agent_sessions", "id, user_id, context_state, created_at, updated_at");
    assert_kept(
        &database,
        "agent_requests",
        "id, user_id, agent_type, content, results, token_cost, created_at, updated_at",
    );
    assert_kept(
        &database,
        "usage_events",
        "id, user_id, event_type, tokens_used, cost::numeric, coalesce(metadata, '{}'), created_at",
    );
    let mut superuser = database.superuser();
    assert_eq!(
        superuser.column("select id = (select id from public.user_profiles as o where o.user_id = p.user_id), name, plan_type, billing_anchor = created_at from carrel.user_profiles as p order by user_id"),
        ["t|Alice|pro|t", "t|Bob|free|t", "||free|t"]
    );
    database.assert_sound();
}

#[test]
fn what_follows_from_the_rows_is_made_anew() {
    let database = with_application();
    import(&database);
    let mut superuser = database.superuser();
    assert_eq!(superuser.number("select count(*) from carrel.verify_usage()"), 0);
    assert_eq!(
        superuser.column("select usage_count from carrel.user_profiles order by user_id"),
        ["1", "0", "0"]
    );
    assert_eq!(
        superuser.column("select id, status, progress, session_id, completed_at = updated_at from carrel.agent_requests order by id"),
        [
            "a0000000-0000-4000-8000-000000000001|completed|1|e0000000-0000-4000-8000-000000000001|t",
            "a0000000-0000-4000-8000-000000000002|pending|0|e0000000-0000-4000-8000-000000000001|",
            "a0000000-0000-4000-8000-000000000003|failed|0||t",
        ]
    );
    assert_eq!(
        superuser.value("select request_chain from carrel.agent_sessions"),
        r#"["a0000000-0000-4000-8000-000000000002", "a0000000-0000-4000-8000-000000000001"]"#
    );
    assert_eq!(
        superuser
            .column("select filename, processing_status, words from carrel.documents order by id"),
        [
            "moles.md|completed|5",
            "herons.txt|completed|2",
            "left.txt|pending|",
            "scan.pdf|pending|"
        ]
    );
    assert_eq!(superuser.number("select carrel.process_documents()"), 1);
    let mut alice = database.user(ALICE);
    assert_eq!(
        alice.column("select filename, section_title from carrel.search_chunks('who digs')"),
        ["moles.md|Moles"]
    );
    assert_eq!(
        alice.column("select filename from carrel.search_documents('badgers')"),
        ["left.txt"]
    );
    assert_eq!(alice.column("select filename from carrel.search_documents('heron')"), [""; 0]);
    assert_eq!(
        database.user(BOB).column("select filename from carrel.search_documents('heron')"),
        ["herons.txt"]
    );
    assert_eq!(
        database.user(THIRD).column("select filename from carrel.search_documents('scan')"),
        ["scan.pdf"]
    );
    let mut service = database.service();
    let claimed = "select id from carrel.claim_requests('w', 10)";
    assert_eq!(service.column(claimed), ["a0000000-0000-4000-8000-000000000002"]);
    database.assert_sound();
}

#[test]
fn chunks_stay_as_they_are_until_their_text_changes() {
    let database = with_application();
    import(&database);
    let mut alice = database.user(ALICE);
    let chunks = "select id, content from carrel.document_chunks order by chunk_index";
    let before = alice.column(chunks);
    alice.run("update carrel.documents set metadata = '{\"read\": true}', filename = 'burrows.md' where filename = 'moles.md'");
    assert_eq!(alice.column(chunks), before);
    assert_eq!(
        alice.column("select filename from carrel.search_documents('burrow')"),
        ["burrows.md"]
    );
}

#[test]
fn rows_that_cannot_be_are_named_and_nothing_is_imported() {
    let wrong = [
        (
            "update user_profiles set plan_type = 'gold' where name = 'Bob'",
            "user_profiles: 1 unknown plan_type, to be added to carrel.plans: gold",
        ),
        (
            "update documents set processing_status = 'queued'",
            "documents: 4 unknown processing_status: queued",
        ),
        (
            "update agent_requests set status = 'done' where progress = 1",
            "agent_requests: 1 unknown status: done",
        ),
        (
            "update agent_requests set progress = 40 where progress > 0",
            "agent_requests: 2 progress not from 0 to 1",
        ),
        (
            "update usage_events set cost = 'NaN' where cost > 0.01",
            "usage_events: 1 cost not from 0 to 10^15",
        ),
        (
            "update usage_events set cost = -1, tokens_used = -1",
            "usage_events: 3 tokens_used not from 0 to 10^15\nusage_events: 3 cost not from 0 to 10^15",
        ),
        (
            "update usage_events set created_at = 'infinity' where cost > 0.01",
            "usage_events: 1 infinite created_at or occurred_at",
        ),
        (
            "update document_chunks set chunk_index = 1",
            "document_chunks: 1 more than one chunk of a document with the same chunk_index",
        ),
        (
            "alter table document_chunks drop constraint document_chunks_document_id_fkey; delete from documents where filename = 'herons.txt'",
            "document_chunks: 1 without their document",
        ),
        (
            "alter table documents alter user_id drop not null; update documents set user_id = null where filename = 'herons.txt'",
            "documents: 1 without user_id",
        ),
        (
            "alter table user_profiles drop constraint user_profiles_user_id_key; update user_profiles set user_id = 'a11ce000-0000-4000-8000-000000000001'",
            "user_profiles: 1 more than one profile for a user",
        ),
        (
            "update agent_sessions set request_chain = '{}'",
            "agent_sessions: 1 without id, or request_chain is no array",
        ),
    ];
    let database = with_application();
    let mut superuser = database.superuser();
    for (change, expected) in wrong {
        superuser
            .run(&format!("begin; set local search_path = public; {change}; savepoint changed"));
        superuser.run("select carrel.import_from('public')");
        let error = superuser.failure("select carrel.import_from('public', dry_run => false)");
        assert_eq!(error.code().code(), "23514");
        assert_eq!(error.detail(), Some(expected), "{change}");
        superuser.run("rollback to changed");
        assert_eq!(superuser.number("select count(*) from carrel.user_profiles"), 0);
        superuser.run("rollback");
    }
}

#[test]
fn what_was_imported_is_not_imported_again() {
    let database = with_application();
    import(&database);
    let error =
        database.superuser().failure("select carrel.import_from('public', dry_run => false)");
    assert_eq!(error.code().code(), "23514");
    assert!(error.detail().is_some_and(|detail| {
        detail.contains("documents: 4 ids that are in carrel.documents already")
    }));
    database.assert_sound();
}

#[test]
fn profiles_that_are_there_already_become_what_they_were_in_the_application() {
    let database = with_application();
    let mut superuser = database.superuser();
    superuser.run(&format!("select carrel.create_user('{ALICE}', 'A.')"));
    import(&database);
    assert_eq!(
        superuser.column("select name, plan_type from carrel.user_profiles where user_id = 'a11ce000-0000-4000-8000-000000000001'"),
        ["Alice|pro"]
    );
    assert_eq!(superuser.number("select count(*) from carrel.verify_usage()"), 0);
}

#[test]
fn tables_with_other_types_and_names_and_without_some_columns_are_read() {
    let database = with_application();
    let mut superuser = database.superuser();
    superuser.run(
        "create schema \"My App\";
        alter table documents set schema \"My App\";
        alter table document_chunks set schema \"My App\";
        set search_path = \"My App\";
        create type status as enum ('pending', 'processing', 'completed', 'failed');
        alter table documents alter processing_status drop default;
        alter table documents alter processing_status type status using processing_status::status;
        alter table documents alter user_id type text, drop updated_at, drop search_vector, add folder text;
        alter table documents alter created_at type timestamp using created_at at time zone 'UTC';
        set timezone = 'America/New_York'",
    );
    assert_eq!(
        superuser.column("select table_name, row_count, problem from carrel.import_from('My App', false) where problem is not null"),
        [
            "user_profiles|0|there is no such table",
            "user_profiles|3|profiles made for users who had none",
            "documents|4|columns that carrel does not have, left out: folder",
            "documents|4|timestamps without time zone, taken as UTC: created_at",
            "documents|1|texts without chunks, left to carrel.process_documents()",
            "agent_sessions|0|there is no such table",
            "agent_requests|0|there is no such table",
            "usage_events|0|there is no such table",
        ][..].to_vec()
    );
    let created = "select created_at at time zone 'UTC' = (select created_at from \"My App\".documents as o where o.id = d.id) from carrel.documents as d";
    assert_eq!(superuser.column(created), ["t"; 4]);
    database.assert_sound();
}

#[test]
fn code_of_the_applications_is_not_run_by_the_superuser_who_imports() {
    let database = with_application();
    let mut superuser = database.superuser();
    superuser.run(
        "create role application login;
        grant application to current_user;
        create schema app authorization application;
        set role application;
        set search_path = app;
        create type status as enum ('completed', 'failed');
        create function as_text(status) returns text language plpgsql as $$
            begin raise exception 'run as %', current_user; end $$;
        create cast (status as text) with function as_text(status);
        create table documents (id uuid, user_id uuid, filename text, processing_status status);
        insert into documents values
            ('d0000000-0000-4000-8000-000000000001', 'a11ce000-0000-4000-8000-000000000001', 'x.txt', 'failed'),
            ('d0000000-0000-4000-8000-000000000002', 'a11ce000-0000-4000-8000-000000000001', 'y.txt', null);
        reset role;
        reset search_path;
        select carrel.import_from('app', false)",
    );
    assert_eq!(
        superuser.column("select filename, processing_status from carrel.documents order by 1"),
        ["x.txt|failed", "y.txt|pending"]
    );
}

#[test]
fn only_a_superuser_imports_and_only_from_a_schema_that_has_something() {
    let database = with_application();
    assert_eq!(database.service().refused("select carrel.import_from('public')"), "42501");
    let mut superuser = database.superuser();
    for nothing in ["'carrel'", "'nobody'", "null", "'pg_catalog'"] {
        let import = format!("select carrel.import_from({nothing})");
        assert_eq!(superuser.refused(&import), "22023", "{nothing}");
    }
}

#[test]
fn views_in_the_old_place_let_the_application_go_on() {
    let database = with_application();
    import(&database);
    let mut superuser = database.superuser();
    assert_eq!(superuser.refused("select carrel.create_views()"), "55000");
    superuser.run(
        "create schema before;
        do $$ declare t text; begin
            foreach t in array array['document_chunks', 'documents', 'user_profiles', 'agent_sessions', 'agent_requests', 'usage_events'] loop
                execute format('alter table public.%I set schema before', t);
            end loop;
        end $$;
        select carrel.create_views()",
    );
    let mut alice = database.user(ALICE);
    assert_eq!(alice.number("select count(*) from documents"), 2);
    let insert = "insert into documents (filename, file_type, content_text) values ('new.txt', 'text/plain', 'An otter swims.') returning processing_status, user_id";
    assert_eq!(alice.column(insert), [format!("completed|{ALICE}")]);
    let update = format!("update documents set filename = 'x' where user_id = '{BOB}'");
    assert_eq!(alice.touched(&update), 0);
    let foreign = format!("insert into documents (user_id, filename) values ('{BOB}', 'x')");
    assert_eq!(alice.refused(&foreign), "42501");
    assert_eq!(alice.refused("update user_profiles set plan_type = 'enterprise'"), "42501");
    assert_eq!(alice.touched("delete from documents where filename = 'new.txt'"), 1);
    assert_eq!(database.connect("authenticated").number("select count(*) from documents"), 0);
    // They are the operator's: carrel updates and dumps as if they were not there.
    superuser.run("select carrel.migrate()");
    let dump = database.dump_to_file(&[]);
    let restored = database.cluster.empty();
    restored.restore_plain(&dump);
    assert_eq!(restored.user(ALICE).number("select count(*) from documents"), 2);
}

#[test]
fn a_hundred_thousand_rows_are_imported_and_searched() {
    let database = with_application();
    let mut superuser = database.superuser();
    superuser.run(
        "insert into public.user_profiles (user_id, name) select md5('user ' || n)::uuid, 'User ' || n from generate_series(1, 200) as n;
        insert into public.documents (id, user_id, filename, file_type, file_size, processing_status, content_text)
            select md5('document ' || n)::uuid, md5('user ' || 1 + n % 200)::uuid, 'd' || n || '.txt', 'text/plain', 40, 'completed',
                repeat('The mole ' || n || ' digs a hole. ', 20) from generate_series(1, 4000) as n;
        insert into public.document_chunks (document_id, chunk_index, content)
            select md5('document ' || n)::uuid, i, repeat('The mole ' || n || ' digs a hole. ', 4) from generate_series(1, 4000) as n, generate_series(0, 4) as i;
        insert into public.agent_requests (id, user_id, agent_type, content, status, progress)
            select md5('request ' || n)::uuid, md5('user ' || 1 + n % 200)::uuid, 'chat', 'Question ' || n, 'completed', 1 from generate_series(1, 25000) as n;
        insert into public.agent_sessions (user_id, request_chain)
            select md5('user ' || 1 + u % 200)::uuid, (select jsonb_agg(md5('request ' || n)::uuid) from generate_series(u, 25000, 200) as n) from generate_series(1, 200) as u;
        insert into public.usage_events (user_id, event_type, tokens_used, cost, created_at)
            select md5('user ' || 1 + n % 200)::uuid, 'agent_request', n % 900, n / 1e6, now() - n * interval '10 minutes' from generate_series(1, 51000) as n;
        analyze"
    );
    import(&database);
    assert_eq!(superuser.number("select count(*) from carrel.verify_usage()"), 0);
    database.assert_sound();
    let of_one = superuser.value("select md5('user 8')::uuid");
    let found = "select filename from carrel.search_documents('mole 1007')";
    assert_eq!(database.user(&of_one).column(found)[0], "d1007.txt");
}
