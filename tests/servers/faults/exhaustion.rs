//! A query for which there is no memory fails by itself: error 53200, and the server goes on. Where a
//! single buffer is too large for what is left its session may end, and no other.

use carrel_tests::{ALICE, BOB, Cluster, Session};

/// What a backend may take beyond what it has, in bytes.
fn limit(session: &mut Session, more: u64) {
    let pid = session.value("select pg_backend_pid()");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("VmSize");
    let size: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    let most = size * 1024 + more;
    let limited =
        Cluster::as_server("prlimit").args(["--pid", &pid, &format!("--as={most}")]).status();
    assert!(limited.expect("prlimit").success());
}

#[test]
fn a_query_for_which_there_is_no_memory_is_53200_and_the_server_goes_on() {
    let cluster = Cluster::start();
    cluster.create_roles();
    let database = cluster.lived_in_anew();
    let mut superuser = database.superuser();
    superuser.run(&format!(
        r#"
        create table public.texts as
            select 'prose' as name, repeat(E'# Part\n\nThe mole digs; it isn''t seen. **Bold** `code`.\n\n- one\n- two\n\n', 300000) as content
            union all select 'brackets', repeat('[', 12000000)
            union all select 'headings', repeat(E'# a\n', 1500000)
            union all select 'tags', repeat('<p>', 3000000)
            union all select 'keys', repeat(E'a:\n ', 1500000)
            union all select 'words', (select string_agg(md5(n::text), ' ') from generate_series(1, 600000) as n);
        create table public.events as
            select jsonb_agg(jsonb_build_object('event_type', 'chat', 'tokens_used', n, 'user_id', '{BOB}', 'metadata', jsonb_build_object('text', repeat('x', 100)))) as events
            from generate_series(1, 100000) as n;
        create table public.patches as
            select jsonb_object_agg('key ' || n, repeat('x', 100)) as patch from generate_series(1, 200000) as n;
        grant select on public.texts, public.events, public.patches to public;
        insert into carrel.documents (user_id, filename, content_text)
            select '{ALICE}', 'd' || n || '.txt', repeat('mole ' || n || ' digs a hole. ', 20 + n % 50) from generate_series(1, 3000) as n;
        insert into carrel.documents (user_id, filename, content_text)
            select '{ALICE}', 'words.txt', content from public.texts where name = 'words'"#
    ));
    let mut statements = Vec::new();
    for name in superuser.column("select name from public.texts") {
        for format in ["markdown", "html", "json", "yaml"] {
            statements.push(format!("select max(carrel.size) from (select (carrel.chunk_text(content, format => '{format}')).size from public.texts where name = '{name}') as carrel"));
        }
        statements.push(format!(
            "select carrel.count_tokens(content) from public.texts where name = '{name}'"
        ));
        statements.push(format!(
            "select carrel.add_document('a.md', content) from public.texts where name = '{name}'"
        ));
    }
    let session = "(select id from carrel.agent_sessions limit 1)";
    for statement in [
        "update carrel.documents set content_text = 'x ' || content_text where filename = 'words.txt'",
        "select count(*) from carrel.search_chunks('mole digs a hole', 1000, context_chunks => 5)",
        "select length(context) from carrel.build_context('mole', 100000000)",
        &format!(
            "select (carrel.patch_session_state({session}, patch)).version from public.patches"
        ),
        &format!("select count(*) from carrel.export_user('{ALICE}')"),
        "select count(*) from public.events, carrel.record_usage_batch(events)",
    ] {
        statements.push(statement.to_owned());
    }
    let mut outcomes = std::collections::BTreeMap::<String, usize>::new();
    let mut crashes = Vec::new();
    for statement in &statements {
        for more in [2, 6, 60, 120] {
            let mut session = match statement {
                _ if statement.contains("export_user") || statement.contains("record_usage") => {
                    database.service()
                }
                _ => database.user(ALICE),
            };
            // What all need is there already.
            session.run("select carrel.count_tokens('a'); begin");
            limit(&mut session, more << 20);
            let error = session.client().simple_query(statement).err();
            let mut outcome = match &error {
                None => "done".to_owned(),
                Some(error) => error.code().map_or("crash", |code| code.code()).to_owned(),
            };
            let again = session.client().simple_query("rollback; select carrel.count_tokens('a')");
            if outcome == "53200" && again.is_err() {
                outcome = "session ended".to_owned();
            }
            if outcome == "crash" || outcome.starts_with("57") {
                crashes.push(format!("{outcome} with {more} MiB: {statement}"));
                std::thread::sleep(std::time::Duration::from_millis(50));
                cluster.wait_for_answer();
            }
            println!("{outcome} with {more} MiB: {statement:.100}");
            *outcomes.entry(outcome).or_default() += 1;
        }
    }
    println!("{outcomes:?}");
    assert_eq!(crashes, Vec::<String>::new());
    assert!(outcomes["53200"] > 40);
    let unknown =
        outcomes.keys().find(|name| !["done", "53200", "session ended"].contains(&name.as_str()));
    assert_eq!(unknown, None);
    assert!(outcomes.get("session ended").is_none_or(|ended| *ended < 5));
    let log = cluster.log_text();
    assert!(!log.contains("terminated by signal"));
}
