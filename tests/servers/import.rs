//! Moving in: what an application had in tables of its own comes over to carrel as it is.

use carrel_tests::{ALICE, BOB, Cluster, Database, at_once};

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
fn a_dry_run_says_which_users_are_put_on_another_plan() {
    let database = with_application();
    let mut superuser = database.superuser();
    let user = "(select user_id from public.user_profiles limit 1)";
    superuser.run(&format!(
        "update public.user_profiles set plan_type = 'pro';
        select carrel.create_user({user}, plan_type => 'free')"
    ));
    let planned = superuser.column(
        "select row_count, problem from carrel.import_from('public') where problem like '%plan%'",
    );
    assert_eq!(planned, ["1|profiles that are put on another plan: free to pro"]);
    let plan = format!("select plan_type from carrel.user_profiles where user_id = {user}");
    assert_eq!(superuser.value(&plan), "free");
    import(&database);
    assert_eq!(superuser.value(&plan), "pro");
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
        "id, user_id, event_type, tokens_used, cost::text::numeric, coalesce(metadata, '{}'), created_at",
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
            "update usage_events set cost = 'NaN' where cost > 100",
            "usage_events: 1 cost not from 0 to 10^15",
        ),
        (
            "update usage_events set cost = -1, tokens_used = -1",
            "usage_events: 3 tokens_used not from 0 to 10^15\nusage_events: 3 cost not from 0 to 10^15",
        ),
        (
            "update usage_events set created_at = 'infinity' where cost > 100",
            "usage_events: 1 times that are infinite or beyond the year 9999",
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
        (
            "alter table documents drop constraint documents_pkey cascade; update documents set id = 'd0000000-0000-4000-8000-000000000001' where filename = 'left.txt'",
            "documents: 1 more than one row with the same id",
        ),
        (
            "alter table documents add language text; update documents set language = 'klingon' where filename = 'left.txt'",
            "documents: 1 unknown language \"klingon\"",
        ),
        (
            "alter table user_profiles add billing_timezone text default 'Moon/Base'",
            "user_profiles: 2 time zone \"Moon/Base\" not recognized",
        ),
        (
            "update usage_events set event_type = '*' where tokens_used = 7",
            "usage_events: 1 event_type must not be *, which stands for all",
        ),
        (
            "alter table document_chunks add start_offset integer, add end_offset integer, add heading_path text[];
            update document_chunks set start_offset = 4, end_offset = 3, heading_path = '{a,null}' where chunk_index = 1",
            "document_chunks: 1 start_offset not from 0, or end_offset before it\ndocument_chunks: 1 heading_path with nulls or of more than one dimension",
        ),
        (
            "alter table agent_requests add max_attempts integer default 0",
            "agent_requests: 3 max_attempts not from 1",
        ),
        (
            "update user_profiles set created_at = '10000-01-01'; update agent_sessions set updated_at = '-infinity'",
            "user_profiles: 2 times that are infinite or beyond the year 9999\nagent_sessions: 1 times that are infinite or beyond the year 9999",
        ),
        (
            "alter table documents alter user_id type text; update documents set user_id = 'user_42' where filename = 'left.txt'",
            "documents: 1 user_id: invalid input syntax for type uuid: \"user_42\"",
        ),
        (
            r#"alter table usage_events alter metadata type json; update usage_events set metadata = '{"a": "\u0000"}'"#,
            "usage_events: 1 metadata: unsupported Unicode escape sequence",
        ),
        (
            "alter table documents rename to files; create view documents as select * from files",
            "documents: 1 is no table: only tables are imported",
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
    // What the application did not have stays as it is.
    superuser.run(&format!(
        "create schema bare create table user_profiles (user_id uuid, name text);
        insert into bare.user_profiles values ('{ALICE}', null);
        select carrel.import_from('bare', false)"
    ));
    assert_eq!(
        superuser.column(&format!(
            "select name, plan_type from carrel.user_profiles where user_id = '{ALICE}'"
        )),
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
            "documents|4|times without a zone, taken as UTC: created_at",
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

/// Whoever owns the tables could have the superuser who imports them run their code: in what Postgres looks at when it
/// plans a statement, in casts and in types.
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
        create function act() returns int volatile language plpgsql as $$
            begin
                if current_user <> 'application' then raise exception 'run as %', current_user; end if;
                return 1;
            end $$;
        create function hidden(int) returns int immutable language plpgsql as 'begin return app.act(); end';
        create type status as enum ('completed', 'failed');
        create function as_text(status) returns text immutable language sql as 'select app.hidden(2)::text';
        create cast (status as text) with function as_text(status);
        create domain label as text check (hidden(3) = 1);
        create table documents (
            id uuid, user_id uuid, filename label, processing_status status, content_text text check (hidden(4) = 1)
        ) partition by list ((hidden(length(filename))));
        create table part partition of documents for values in (1);
        create index on documents ((hidden(6)));
        create statistics watched on (filename || hidden(7)), id from part;
        alter table documents enable row level security;
        create policy all_rows on documents using (hidden(8) = 1);
        insert into documents values
            ('d0000000-0000-4000-8000-000000000001', 'a11ce000-0000-4000-8000-000000000001', 'x.txt', 'failed'),
            ('d0000000-0000-4000-8000-000000000002', 'a11ce000-0000-4000-8000-000000000001', 'y.txt', null);
        reset role;
        reset search_path",
    );
    assert!(
        superuser
            .failure("select count(*) from app.documents where content_text is null")
            .message()
            .contains("run as")
    );
    superuser.run("select carrel.import_from('app'); select carrel.import_from('app', false)");
    assert_eq!(
        superuser.column("select filename, processing_status from carrel.documents order by 1"),
        ["x.txt|failed", "y.txt|pending"]
    );
}

#[test]
fn documents_that_were_not_processed_to_the_end_are_processed_again_where_they_can_be() {
    let database = with_application();
    let mut superuser = database.superuser();
    superuser.run(
        "update public.documents set processing_status = 'processing' where filename = 'moles.md';
        update public.documents set processing_status = 'processing', content_text = null where filename = 'herons.txt';
        update public.documents set processing_status = 'failed' where filename = 'left.txt';
        update public.documents set processing_status = 'completed' where filename = 'scan.pdf'",
    );
    let problems = "select row_count, problem from carrel.import_from('public') where table_name = 'documents' and problem is not null";
    assert_eq!(
        superuser.column(problems),
        [
            "1|texts that were not cut to the end, left to carrel.process_documents(): their chunks are left out",
            "1|without a text, and not processed to the end: completed with the chunks that are there",
            "1|completed with neither text nor chunks: pending, for carrel.claim_documents()",
        ]
    );
    import(&database);
    let state = "select filename, processing_status, (select count(*) from carrel.document_chunks as c where c.document_id = d.id) from carrel.documents as d order by 1";
    let herons = "herons.txt|completed|1";
    assert_eq!(
        superuser.column(state),
        [herons, "left.txt|failed|0", "moles.md|pending|0", "scan.pdf|pending|0"]
    );
    assert_eq!(superuser.number("select carrel.process_documents()"), 1);
    assert_eq!(
        superuser.column(state),
        [herons, "left.txt|failed|0", "moles.md|completed|1", "scan.pdf|pending|0"]
    );
    database.assert_sound();
}

#[test]
fn a_request_that_several_sessions_name_is_in_the_first_of_them() {
    let database = with_application();
    let mut superuser = database.superuser();
    superuser.run(
        r#"insert into public.agent_sessions (user_id, request_chain, created_at) values
            ('a11ce000-0000-4000-8000-000000000001', '["a0000000-0000-4000-8000-000000000001", "a0000000-0000-4000-8000-000000000001"]', '2025-04-01')"#,
    );
    let found = import(&database);
    let twice =
        "agent_sessions|2|entries of request_chain that are in another one before, left out";
    assert!(found.contains(&twice.to_owned()), "{found:?}");
    assert_eq!(
        superuser.column("select jsonb_array_length(request_chain) from carrel.agent_sessions order by created_at"),
        ["2", "0"]
    );
    database.assert_sound();
}

/// The application writes until it is locked; whoever else records usage goes on until then.
#[test]
fn rows_that_are_committed_while_the_import_waits_come_over_and_it_holds_nobody_until_then() {
    let database = with_application();
    let mut superuser = database.superuser();
    superuser.run(&format!("select carrel.create_user('{THIRD}', 'C.')"));
    let mut application = database.superuser();
    application.run(
        "begin; insert into public.usage_events (user_id, event_type, tokens_used) values ('b0b00000-0000-4000-8000-000000000002', 'chat', 9)",
    );
    std::thread::scope(|scope| {
        let imported = scope.spawn(|| import(&database));
        let waits = "select count(*) from pg_locks where not granted and relation = 'public.usage_events'::regclass";
        while superuser.number(waits) == 0 {
            assert!(!imported.is_finished());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let record = format!("select carrel.record_usage('chat', 3, user_id => '{THIRD}')");
        let recorded =
            database.service().attempt(&format!("set statement_timeout = '5s'; {record}"));
        application.run("commit");
        assert!(recorded.is_ok(), "{recorded:?}");
        assert!(imported.join().is_ok_and(|rows| rows.contains(&"usage_events|4|".to_owned())));
    });
    assert_eq!(
        superuser.number("select sum(tokens_used) from carrel.usage_events"),
        12 + 5 + 7 + 9 + 3
    );
    assert_eq!(superuser.number("select count(*) from carrel.verify_usage()"), 0);
    let old = "begin isolation level repeatable read; select carrel.import_from('public', false)";
    assert_eq!(superuser.refused(old), "55000");
}

#[test]
fn of_two_imports_at_once_one_brings_the_rows() {
    let database = with_application();
    let outcomes = at_once(
        2,
        |_| database.superuser(),
        |_, mut session| session.attempt("select carrel.import_from('public', false)"),
    );
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    database.assert_sound();
}

#[test]
fn a_dry_run_works_where_nothing_can_be_written() {
    let database = with_application();
    let mut superuser = database.superuser();
    superuser.run("create temporary table import_documents ()");
    let dry = "select count(*) from carrel.import_from('public')";
    let rows = superuser.number(dry);
    superuser.run("begin isolation level repeatable read read only");
    assert_eq!(superuser.number(dry), rows);
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
    assert_eq!(superuser.refused("select carrel.create_views('carrel')"), "22023");
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
    // Once revoked, a role gets nothing; one that is gone is nobody.
    let (revoked, gone) = (database.create_role("revoked", ""), database.create_role("gone", ""));
    superuser.run(&format!(
        "select carrel.grant_user('{revoked}'); select carrel.revoke_user('{revoked}');
        select carrel.grant_user('{gone}'); drop owned by {gone}; drop role {gone};
        create schema \"Second App\"; select carrel.create_views('Second App')"
    ));
    let granted =
        format!("select has_table_privilege('{revoked}', '\"Second App\".documents', 'select')");
    assert_eq!(superuser.value(&granted), "f");
    let error = superuser.failure("select carrel.create_views('Second App')");
    assert!(error.hint().is_some_and(|hint| hint.contains("\"Second App_before\"")));
    assert_eq!(database.service().refused("select carrel.create_views('public')"), "42501");
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
