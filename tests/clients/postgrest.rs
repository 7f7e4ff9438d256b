//! What PostgREST does, done by hand: for each request the statements that it sends, in their order and shape. A role
//! that logs in and becomes another, claims, access modes, arguments by name out of JSON, results as JSON, relations
//! by foreign keys.

mod calls;
mod requests;

use calls::calls;
use carrel_tests::{ALICE, BOB, Cluster, Database, TABLES};
use requests::{OF_ALICE, OF_BOB, OF_NOBODY, OF_SERVICE, PostgRest, Token};
use std::collections::BTreeSet;

fn is_json(database: &Database, text: &str, what: &str) -> bool {
    let text = text.replace('\'', "''");
    database.superuser().value(&format!("select pg_typeof('{text}'::json)")) == "json"
        || panic!("{what}")
}

#[test]
fn every_function_is_called_with_all_its_arguments_out_of_json() {
    let database = Cluster::shared().lived_in();
    let mut api = PostgRest::connect(&database);
    let calls = calls(&database);
    let given: BTreeSet<_> = calls.iter().map(|(_, name, json)| {
        let keys = database.superuser().value(&format!(
            "select coalesce(string_agg(key, ', ' order by key), '') from json_object_keys('{json}') as key"
        ));
        format!("{name}({keys})")
    }).collect();
    let there: BTreeSet<_> = database.superuser().column(
        "select proname || '(' || array_to_string(array(
            select argument from unnest(proargnames[:pronargs]) as argument order by 1), ', ') || ')'
        from pg_proc where pronamespace = 'carrel'::regnamespace and has_function_privilege('service_role', oid, 'execute')",
    ).into_iter().collect();
    assert_eq!(given, there);
    let mut outcomes = Vec::new();
    for (token, name, json) in &calls {
        match api.post(*token, name, json, false) {
            Ok(body) => assert!(is_json(&database, &body, name)),
            Err((code, _)) => outcomes.push(format!("{name} {code}")),
        }
    }
    // Without pgvector there are no embeddings.
    assert_eq!(outcomes, ["chunks_to_embed 55000", "set_embeddings 55000"]);
}

#[test]
fn functions_that_only_read_work_by_get_with_text_for_every_argument() {
    let database = Cluster::shared().lived_in();
    let mut api = PostgRest::connect(&database);
    let document =
        database.user(ALICE).value("select id from carrel.documents where filename = 'notes.md'");
    let session = database.user(ALICE).value("select id from carrel.agent_sessions");
    let documents = format!("{{{document}}}");
    type Call<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let calls: [Call; 18] = [
        (
            "search_chunks",
            &[
                ("query", "herons"),
                ("max_results", "1"),
                ("document_ids", &documents),
                ("metadata", r#"{"shelf": 1}"#),
                ("created_after", "2020-01-01"),
            ],
            "herons of Alice",
        ),
        ("search_documents", &[("query", "herons"), ("created_before", "2100-01-01")], "notes.md"),
        ("build_context", &[("query", "herons"), ("max_tokens", "100")], "herons of Alice"),
        ("current_usage", &[], "agent_request"),
        ("check_quota", &[("event_type", "agent_request"), ("amount", "1.5")], r#""allowed":true"#),
        (
            "usage_report",
            &[("start_at", "2020-01-01"), ("end_at", "2100-01-01"), ("group_by", "{model}")],
            "small",
        ),
        ("session_history", &[("session_id", &session)], "Where do herons nest?"),
        ("billing_period", &[("user_id", ALICE)], "["),
        ("price_usage", &[("model", "m"), ("tokens", r#"{"input": 1}"#)], "null"),
        (
            "chunk_text",
            &[("content", "a b"), ("chunk_size", "1"), ("unit", "words")],
            r#""chunk_index":1"#,
        ),
        ("count_tokens", &[("content", "herons")], "2"),
        (
            "analyze_text",
            &[("content", "Herons"), ("language", "english")],
            r#""lexemes":["heron"]"#,
        ),
        ("suggest", &[("prefix", "her")], r#""word":"herons""#),
        ("similar_documents", &[("document_id", &document)], "["),
        ("default_language", &[], "english"),
        ("current_user_id", &[], ALICE),
        ("is_operator", &[], "false"),
        ("version", &[], "0.1.0"),
    ];
    for (name, arguments, expected) in calls {
        let body =
            api.get(OF_ALICE, name, arguments).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(body.contains(expected), "{name}: {body}");
    }
    // That is all of them, but for what indexes are made of.
    let there = database.superuser().column(
        "select proname from pg_proc where pronamespace = 'carrel'::regnamespace and provolatile <> 'v'
            and has_function_privilege('authenticated', oid, 'execute') and proname !~ '_keys$' order by 1",
    );
    let given: BTreeSet<_> = calls.iter().map(|(name, ..)| *name).collect();
    assert_eq!(given.into_iter().collect::<Vec<_>>(), there);
    // Those that write can't be reached so.
    let refused = api.get(OF_ALICE, "create_session", &[]).expect_err("a GET that writes");
    assert_eq!(refused.0, "25006");
}

#[test]
fn tables_come_as_arrays_and_values_as_values() {
    let database = Cluster::shared().lived_in();
    let mut api = PostgRest::connect(&database);
    let mut post = |name: &str, json: &str| api.post(OF_ALICE, name, json, false).expect(name);
    assert_eq!(post("count_tokens", r#"{"content": "herons"}"#), "2");
    assert_eq!(post("current_user_id", "{}"), format!(r#""{ALICE}""#));
    assert_eq!(post("act_as", &format!(r#"{{"user_id": "{ALICE}"}}"#)), r#""""#);
    assert_eq!(post("search_chunks", r#"{"query": "zebra"}"#), "[]");
    let context = post("build_context", r#"{"query": "zebra"}"#);
    assert_eq!(context, r#"[{"context":"","citations":[],"tokens":0}]"#);
}

#[test]
fn each_request_is_of_its_token_and_nothing_is_left_for_the_next() {
    let database = Cluster::shared().lived_in();
    let mut api = PostgRest::connect(&database);
    const SOURCE: &str =
        r#"select distinct "carrel"."documents"."user_id" from "carrel"."documents""#;
    for _ in 0..10 {
        for (token, expected) in [
            (OF_ALICE, format!(r#"[{{"user_id":"{ALICE}"}}]"#)),
            (OF_BOB, format!(r#"[{{"user_id":"{BOB}"}}]"#)),
            (OF_NOBODY, "[]".to_owned()),
            (OF_SERVICE, "[]".to_owned()),
        ] {
            assert_eq!(api.rows(token, true, SOURCE), Ok(expected));
        }
    }
    assert_eq!(api.session.refused(SOURCE), "42501");
    let malformed = api.rows(Token("authenticated", "ada"), true, SOURCE).expect_err("no uuid");
    assert_eq!(malformed.0, "28000");
}

#[test]
fn errors_are_what_postgrest_makes_a_status_of() {
    let database = Cluster::shared().lived_in();
    database.superuser().run(
        "update carrel.plan_limits set limit_value = 1, enforcement = 'hard' where measure = 'documents'",
    );
    let of_bob = database.user(BOB).value("select min(id::text) from carrel.agent_requests");
    let session = database.user(ALICE).value("select id from carrel.agent_sessions");
    let mut api = PostgRest::connect(&database);
    let mut refused =
        |token, name: &str, json: &str| api.post(token, name, json, true).expect_err(name);
    let (code, hint) =
        refused(OF_ALICE, "add_document", r#"{"filename": "a", "content_text": "b"}"#);
    assert_eq!(code, "PT402");
    assert!(hint.contains("choose a plan that has more"), "{hint}");
    let cancel = format!(r#"{{"request_id": "{of_bob}"}}"#);
    assert_eq!(refused(OF_ALICE, "cancel_request", &cancel).0, "PT404");
    let stale = format!(r#"{{"session_id": "{session}", "patch": {{}}, "expected_version": 9}}"#);
    assert_eq!(refused(OF_ALICE, "patch_session_state", &stale).0, "PT409");
    let later = format!(
        r#"{{"event_type": "chat", "occurred_at": "2100-01-01T00:00:00Z", "user_id": "{ALICE}"}}"#
    );
    assert_eq!(refused(OF_SERVICE, "record_usage", &later).0, "PT422");
    // 403 for who has a token and no right, 401 by its own rule for who has none.
    assert_eq!(refused(OF_ALICE, "claim_requests", r#"{"worker": "w"}"#).0, "42501");
    assert_eq!(refused(OF_NOBODY, "search_chunks", r#"{"query": "herons"}"#).0, "28000");
}

#[test]
fn rows_are_read_with_what_refers_to_them_inserted_changed_and_deleted() {
    let database = Cluster::shared().installed();
    database
        .service()
        .run(&format!("select carrel.create_user('{ALICE}'), carrel.create_user('{BOB}')"));
    let mut api = PostgRest::connect(&database);
    let insert = r#"insert into "carrel"."documents"("content_text", "filename", "metadata")
        select pgrst_body."content_text", pgrst_body."filename", pgrst_body."metadata"
        from (select '[{"filename": "a.md", "content_text": "Herons.", "metadata": {"n": 1}},
            {"filename": "b.md", "content_text": "Owls.", "metadata": {}}]'::json as json_data) as pgrst_payload,
        lateral (select "content_text", "filename", "metadata" from json_to_recordset(pgrst_payload.json_data)
            as _("content_text" text, "filename" text, "metadata" jsonb)) as pgrst_body
        returning "carrel"."documents"."filename", "carrel"."documents"."processing_status""#;
    assert_eq!(
        api.rows(OF_ALICE, false, insert).expect("inserted").replace(", \n ", ","),
        r#"[{"filename":"a.md","processing_status":"completed"},{"filename":"b.md","processing_status":"completed"}]"#
    );
    let embedded = r#"select "carrel"."documents"."filename",
            coalesce("documents_document_chunks_1"."documents_document_chunks_1", '[]') as "document_chunks"
        from "carrel"."documents" left join lateral (
            select json_agg("documents_document_chunks_1") as "documents_document_chunks_1" from (
                select "document_chunks_1"."content" from "carrel"."document_chunks" as "document_chunks_1"
                where "document_chunks_1"."user_id" = "carrel"."documents"."user_id"
                    and "document_chunks_1"."document_id" = "carrel"."documents"."id"
            ) as "documents_document_chunks_1"
        ) as "documents_document_chunks_1" on true
        where "carrel"."documents"."metadata" @> '{"n": 1}' order by "carrel"."documents"."filename" asc"#;
    let read = api.rows(OF_ALICE, true, embedded);
    assert_eq!(
        read.as_deref(),
        Ok(r#"[{"filename":"a.md","document_chunks":[{"content":"Herons."}]}]"#)
    );
    assert_eq!(api.rows(OF_BOB, true, embedded).as_deref(), Ok("[]"));
    let patch = r#"update "carrel"."documents" set "filename" = pgrst_body."filename"
        from (select '{"filename": "c.md"}'::json as json_data) as pgrst_payload,
        lateral (select "filename" from json_to_record(pgrst_payload.json_data) as _("filename" text) limit 1) as pgrst_body
        where "carrel"."documents"."filename" = 'a.md' returning "carrel"."documents"."filename""#;
    assert_eq!(api.rows(OF_BOB, false, patch).as_deref(), Ok("[]"));
    assert_eq!(api.rows(OF_ALICE, false, patch).as_deref(), Ok(r#"[{"filename":"c.md"}]"#));
    let delete = r#"delete from "carrel"."documents" returning "carrel"."documents"."filename""#;
    assert_eq!(api.rows(OF_BOB, false, delete).as_deref(), Ok("[]"));
    assert!(api.rows(OF_ALICE, false, delete).expect("deleted").contains("c.md"));
    database.assert_sound();
}

#[test]
fn relations_that_it_reads_out_of_foreign_keys_are_one_for_each_two_tables() {
    let database = Cluster::shared().installed();
    let mut superuser = database.superuser();
    let relations = superuser.column(&format!(
        "select conrelid::regclass, confrelid::regclass,
            array(select attname from unnest(conkey) with ordinality as _ (k, place)
                join pg_attribute on attrelid = conrelid and attnum = k order by place),
            array(select attname from unnest(confkey) with ordinality as _ (k, place)
                join pg_attribute on attrelid = confrelid and attnum = k order by place)
        from pg_constraint where contype = 'f' and conparentid = 0
            and conrelid::regclass::text = any ('{{{of_users}}}') and confrelid::regclass::text = any ('{{{of_users}}}')
        order by 1, 2",
        of_users = TABLES.map(|table| format!("carrel.{table}")).join(",")
    ));
    let mut relations: Vec<_> =
        relations.iter().map(|relation| relation.replace("carrel.", "")).collect();
    relations.sort();
    assert_eq!(
        relations,
        [
            "agent_requests|agent_sessions|{user_id,session_id}|{user_id,id}",
            "agent_requests|user_profiles|{user_id}|{user_id}",
            "agent_sessions|user_profiles|{user_id}|{user_id}",
            "document_chunks|documents|{user_id,document_id}|{user_id,id}",
            "documents|user_profiles|{user_id}|{user_id}",
            "usage_events|user_profiles|{user_id}|{user_id}",
        ]
    );
    // A table between two others, whose key is made of both their keys, would be a second relation of theirs.
    let junctions = "select c.conrelid::regclass from pg_constraint as c
        join pg_constraint as key on key.conrelid = c.conrelid and key.contype = 'p' and c.conkey <@ key.conkey
        where c.contype = 'f' and c.connamespace = 'carrel'::regnamespace group by 1 having count(*) > 1";
    assert_eq!(superuser.column(junctions), Vec::<String>::new());
}

#[test]
fn its_schema_cache_takes_every_function_and_tells_them_apart_by_their_names() {
    let database = Cluster::shared().installed();
    let mut superuser = database.superuser();
    // As it reads arguments: named, except for one of a body's type; nothing variadic, no composite out of tables.
    let not_callable = "select proname from pg_proc
        where pronamespace = 'carrel'::regnamespace and prorettype <> 'trigger'::regtype and prokind = 'f'
            and (provariadic <> 0 or coalesce(array_length(proargnames, 1), 0) < pronargs or '' = any (proargnames))";
    assert_eq!(superuser.column(not_callable), Vec::<String>::new());
    let overloaded = "select proname from pg_proc where pronamespace = 'carrel'::regnamespace group by 1 having count(*) > 1";
    assert_eq!(superuser.column(overloaded), Vec::<String>::new());
    // A query's parameters of its own can't be arguments by GET.
    let reserved = "select proname, argument from pg_proc, unnest(proargnames[:pronargs]) as argument
        where pronamespace = 'carrel'::regnamespace
            and argument in ('select', 'order', 'limit', 'offset', 'columns', 'on_conflict', 'and', 'or', 'not')";
    assert_eq!(superuser.column(reserved), Vec::<String>::new());
}
