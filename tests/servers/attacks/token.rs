//! Verified identity: with `carrel.identity_source = token`, an end user is who a signed token says, whatever else they
//! send.

use carrel_tests::identity::{Signer, authenticate, token};
use carrel_tests::{ALICE, BOB, Cluster, Database, Session, TABLES, grants};

/// A database in which Alice and Bob have rows in every table, and end users are verified.
fn verified() -> Database<'static> {
    verifying(Cluster::shared().lived_in())
}

fn verifying(database: Database<'_>) -> Database<'_> {
    let mut superuser = database.superuser();
    superuser.give_key();
    superuser.run(&format!("alter database {} set carrel.identity_source = token", database.name));
    database
}

const WHO: &str = "select carrel.current_user_id()";

/// A way to say in SQL that one is Bob.
const FORGERIES: [&str; 5] = [
    r#"set request.jwt.claims = '{"sub": "BOB"}'"#,
    r#"select set_config('request.jwt.claims', '{"sub": "BOB"}', false)"#,
    "set request.jwt.claim.sub = 'BOB'",
    "select carrel.act_as('BOB')",
    r#"begin; set local request.jwt.claims = '{"sub": "BOB"}'; select carrel.act_as('BOB')"#,
];

#[track_caller]
fn assert_nobody(session: &mut Session, why: &str) {
    assert_eq!(session.value(WHO), "", "{why}");
    for table in TABLES {
        assert_eq!(session.number(&format!("select count(*) from carrel.{table}")), 0, "{why}");
    }
    assert_eq!(
        session.attempt("select carrel.create_session('x')"),
        Err("28000".to_owned()),
        "{why}"
    );
}

#[test]
fn claims_and_act_as_make_nobody_of_an_end_user() {
    let database = verified();
    for forgery in FORGERIES {
        let mut session = database.connect("authenticated");
        session.run(&forgery.replace("BOB", BOB));
        assert_nobody(&mut session, forgery);
    }
}

#[test]
fn claims_and_act_as_do_not_change_whom_a_token_names() {
    let database = verified();
    for forgery in FORGERIES {
        let mut session = database.connect("authenticated");
        session.run(&format!("begin; {}", authenticate(ALICE)));
        session.run(&forgery.replace("BOB", BOB).replace("begin; ", ""));
        assert_eq!(
            session.column("select distinct user_id from carrel.documents"),
            [ALICE],
            "{forgery}"
        );
        assert_eq!(session.value(WHO), ALICE, "{forgery}");
    }
}

#[test]
fn a_token_is_for_one_transaction() {
    let mut session = verified().connect("authenticated");
    for end in ["commit", "rollback", "commit and chain; commit", "abort"] {
        session.run("begin");
        assert_eq!(session.value(&authenticate(ALICE)), ALICE);
        for table in TABLES {
            let owners = session.column(&format!("select distinct user_id from carrel.{table}"));
            assert_eq!(owners, [ALICE], "{table}");
        }
        session.run(end);
        assert_nobody(&mut session, end);
    }
    // Without a transaction it is lost at once.
    session.run(&authenticate(ALICE));
    assert_nobody(&mut session, "no block");
    session.run("begin");
    session.run(&authenticate(ALICE));
    session.refused("select 1 / 0");
    session.run("rollback");
    assert_nobody(&mut session, "an error");
}

#[test]
fn a_prepared_transaction_leaves_no_identity_behind() {
    let cluster = Cluster::start_with(&["max_prepared_transactions=2"]);
    cluster.create_roles();
    let database = verifying(cluster.lived_in_anew());
    let mut session = database.connect("authenticated");
    session.run(&format!(
        "begin; {}; select carrel.create_session('x'); prepare transaction 'p'",
        authenticate(ALICE)
    ));
    assert_nobody(&mut session, "prepared");
    session.run("commit prepared 'p'");
    assert_nobody(&mut session, "committed");
    let written = "select count(*) from carrel.agent_sessions where title = 'x' and user_id = '";
    assert_eq!(database.superuser().number(&format!("{written}{ALICE}'")), 1);
}

#[test]
fn a_rolled_back_savepoint_takes_the_identity_with_it() {
    let mut session = verified().connect("authenticated");
    let (alice, bob) = (authenticate(ALICE), authenticate(BOB));
    session.run(&format!("begin; {alice}; savepoint s; {bob}"));
    assert_eq!(session.value(WHO), BOB);
    session.run("rollback to s");
    assert_eq!(session.value(WHO), ALICE);
    session.run(&format!("{bob}; release s"));
    assert_eq!(session.value(WHO), BOB);
    session.run("rollback; begin; savepoint s");
    session.run(&format!("{bob}; rollback to s"));
    assert_eq!(session.value(WHO), "");
    session.run(&format!("commit; begin; {alice}"));
    // A block that catches its error is a savepoint as well.
    session.run(&format!(
        "do $$ begin perform carrel.authenticate('{}'); perform 1 / 0; exception when others then null; end $$",
        token(BOB)
    ));
    assert_eq!(session.value(WHO), ALICE);
    session.run("do $$ begin perform carrel.authenticate('no token'); exception when others then null; end $$");
    assert_eq!(session.value(WHO), ALICE);
}

/// Ways to write the setting that has the verified user, with the user in the place of WHOM.
const WRITES: [&str; 13] = [
    "set carrel.verified_user = 'WHOM'",
    "set local carrel.verified_user = 'WHOM'",
    "set session carrel.verified_user to 'WHOM'",
    "set \"carrel.verified_user\" = 'WHOM'",
    "set CARREL.Verified_User = 'WHOM'",
    "select set_config('carrel.verified_user', 'WHOM', false)",
    "select set_config('carrel.verified_user', 'WHOM', true)",
    "select set_config('CARREL.VERIFIED_USER', 'WHOM', true)",
    "alter role current_user set carrel.verified_user = 'WHOM'",
    "create function pg_temp.f() returns uuid language sql set carrel.verified_user = 'WHOM' as 'select carrel.current_user_id()'",
    "do $$ begin perform set_config('carrel.verified_user', 'WHOM', true); end $$",
    "create temp table t (i int);
        create function pg_temp.g() returns trigger language plpgsql as $$
            begin perform set_config('carrel.verified_user', 'WHOM', true); return new; end $$;
        create trigger t before insert on pg_temp.t for each row execute function pg_temp.g();
        insert into pg_temp.t values (1)",
    "create function pg_temp.h() returns uuid language sql security definer as
            $$ select set_config('carrel.verified_user', 'WHOM', true); select carrel.current_user_id() $$;
        select pg_temp.h()",
];

#[test]
fn no_sql_writes_the_verified_user() {
    let database = verified();
    for write in WRITES {
        let write = write.replace("WHOM", BOB);
        let mut session = database.connect("authenticated");
        session.run("select carrel.version()");
        assert_eq!(session.refused(&write), "42501", "{write}");
        assert_nobody(&mut session, &write);
        session.run(&format!("begin; {}; savepoint s", authenticate(ALICE)));
        assert_eq!(session.refused(&write), "42501", "{write}");
        session.run("rollback to s");
        assert_eq!(session.value(WHO), ALICE, "{write}");
    }
    // Nor does a superuser's, for nobody should be somebody without saying so.
    let mut superuser = database.superuser();
    superuser.run("select carrel.version()");
    for write in [
        format!("alter database {} set carrel.verified_user = '{BOB}'", database.name),
        format!("alter role authenticated set carrel.verified_user = '{BOB}'"),
        format!("set carrel.verified_user = '{BOB}'"),
    ] {
        assert_eq!(superuser.refused(&write), "42501", "{write}");
    }
}

#[test]
fn the_verified_user_cannot_be_kept_for_another_transaction() {
    let database = verified();
    let mut session = database.connect("authenticated");
    let keep = [
        "create function pg_temp.f() returns uuid language sql set carrel.verified_user from current as 'select carrel.current_user_id()'",
        "alter role current_user set carrel.verified_user from current",
        "select set_config('carrel.verified_user', current_setting('carrel.verified_user'), false)",
    ];
    for keep in keep {
        session.run(&format!("begin; {}", authenticate(ALICE)));
        assert_eq!(session.refused(keep), "42501", "{keep}");
        session.run("rollback");
        assert_nobody(&mut session, keep);
    }
    session.run(&format!("begin; {}", authenticate(ALICE)));
    let update = "update pg_settings set setting = setting where name like 'carrel.verified_user'";
    session.run(&format!("{update}; commit"));
    assert_nobody(&mut session, "pg_settings");
}

#[test]
fn whatever_empties_the_verified_user_makes_nobody() {
    let mut session = verified().connect("authenticated");
    for empties in [
        "reset carrel.verified_user",
        "set carrel.verified_user = ''",
        "set carrel.verified_user to default",
        "set local carrel.verified_user = ''",
        "reset all",
        "select carrel.authenticate(null)",
    ] {
        session.run(&format!("begin; {}; {empties}", authenticate(ALICE)));
        assert_nobody_in_block(&mut session, empties);
        session.run("rollback");
        assert_nobody(&mut session, empties);
    }
    // For the time of a function.
    session.run(&format!(
        "create function pg_temp.f() returns uuid language sql set carrel.verified_user = '' as 'select carrel.current_user_id()';
        begin; {}",
        authenticate(ALICE)
    ));
    assert_eq!(session.value("select pg_temp.f()"), "");
    assert_eq!(session.value(WHO), ALICE);
}

#[track_caller]
fn assert_nobody_in_block(session: &mut Session, why: &str) {
    assert_eq!(session.value(WHO), "", "{why}");
    assert_eq!(session.number("select count(*) from carrel.documents"), 0, "{why}");
}

#[test]
fn what_is_set_before_the_library_is_loaded_is_of_no_effect() {
    let database = verified();
    let claims = format!(r#"set request.jwt.claims = '{{"sub": "{BOB}"}}'"#);
    for early in [
        format!("set carrel.verified_user = '{BOB}'"),
        format!("set CARREL.verified_USER = '{BOB}'"),
        "set carrel.identity_source = 'claims'".to_owned(),
        "set carrel.identity_source = ''".to_owned(),
        "set carrel.identity_source = 'token'; reset carrel.identity_source".to_owned(),
        "set Carrel.Identity_Source = 'claims'; reset all".to_owned(),
        "begin; set local carrel.identity_source = 'claims'; commit".to_owned(),
        format!(
            "set carrel.identity_source = 'claims'; set carrel.verified_user = '{BOB}'; set carrel.identity_claim = 'org'"
        ),
    ] {
        let mut session = database.connect("authenticated");
        session.run(&early);
        session.run(&claims);
        assert_nobody(&mut session, &early);
        session.run(&format!("begin; {}", authenticate(ALICE)));
        assert_eq!(session.value(WHO), ALICE, "{early}");
    }
    let mut late = database.connect("authenticated");
    late.run("select carrel.version()");
    for setting in ["identity_source = claims", "identity_source to default"] {
        assert_eq!(late.refused(&format!("set carrel.{setting}")), "42501");
    }
}

#[test]
fn what_a_client_gives_at_connection_does_not_loosen_whom_is_trusted() {
    let database = verified();
    let claims = format!(r#"set request.jwt.claims = '{{"sub": "{BOB}"}}'"#);
    for options in [
        "-c carrel.identity_source=claims",
        "--carrel.identity-source=claims",
        "-c CARREL.IDENTITY_SOURCE=claims",
        "-c carrel.identity_source=token",
        "-c carrel.identity_source=",
        "-c carrel.identity_claim=org",
        "-c carrel.identity_source=claims -c carrel.identity_source=x",
    ] {
        let mut session = database.connect_with("authenticated", options);
        session.run(&claims);
        for table in TABLES {
            let read = session.attempt(&format!("select from carrel.{table}"));
            assert_eq!(read, Err("42501".to_owned()), "{options}");
        }
        assert_eq!(session.refused(WHO), "42501", "{options}");
        for unset in
            ["reset all", "reset carrel.identity_source", "set carrel.identity_source = 'claims'"]
        {
            let _ = session.attempt(unset);
            assert_eq!(session.refused(WHO), "42501", "{options} {unset}");
        }
    }
    // Not even before the first function is called, by a query of which workers do all.
    let mut session = database.connect_with(
        "authenticated",
        &format!(
            "-c carrel.identity_source=claims -c {}=on -c parallel_leader_participation=off",
            parallel_mode(&database)
        ),
    );
    session.run(&claims);
    let counted = session.attempt("select count(*) from carrel.documents");
    assert_eq!(counted, Err("42501".to_owned()));
    let mut session =
        database.connect_with("authenticated", &format!("-c carrel.verified_user={BOB}"));
    session.run(&claims);
    assert_nobody(&mut session, "verified_user");
    // Who may set it may give it.
    let mut superuser = database.connect_with("postgres", "-c carrel.identity_source=claims");
    assert_eq!(superuser.value(WHO), "");
    assert_eq!(superuser.value("show carrel.identity_source"), "claims");
}

#[test]
fn parallel_workers_know_the_verified_user_and_nobody_else() {
    let database = verified();
    database.superuser().run(
        "create table public.many as select n from generate_series(1, 20000) as n;
        grant select on public.many to authenticated; analyze public.many",
    );
    let mut session = database.connect("authenticated");
    session.run(
        "set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
        set max_parallel_workers_per_gather = 2; set parallel_leader_participation = off",
    );
    let asked = "select distinct carrel.current_user_id() from public.many";
    session.run(&format!(r#"set request.jwt.claims = '{{"sub": "{BOB}"}}'"#));
    assert_eq!(session.column(asked), [""]);
    session.run(&format!("begin; {}", authenticate(ALICE)));
    let plan =
        session.column(&format!("explain (analyze, costs off, timing off) {asked}")).join("\n");
    assert!(plan.contains("Workers Launched: ") && !plan.contains("Launched: 0"), "{plan}");
    assert_eq!(session.column(asked), [ALICE]);
    assert_eq!(session.value("select current_setting('carrel.verified_user')"), ALICE);
    session.run("commit");
    assert_eq!(session.column(asked), [""]);
}

#[test]
fn a_function_of_the_owners_does_not_trust_the_claims_of_its_caller() {
    let database = verified();
    database.superuser().run(
        "create function public.documents_of_claims() returns bigint language sql security definer as
            'select count(*) from carrel.documents where user_id = carrel.current_user_id()';
        create function public.bob_by_claims() returns bigint language plpgsql security definer as $$ begin
            perform set_config('request.jwt.claims', '{\"sub\": \"b0b00000-0000-4000-8000-000000000002\"}', true);
            perform carrel.act_as('b0b00000-0000-4000-8000-000000000002');
            return (select count(*) from carrel.documents where user_id = carrel.current_user_id()); end $$",
    );
    let mut session = database.connect("authenticated");
    session.run(&format!(r#"set request.jwt.claims = '{{"sub": "{BOB}"}}'"#));
    assert_eq!(session.number("select public.documents_of_claims()"), 0);
    assert_eq!(session.number("select public.bob_by_claims()"), 0);
    assert_eq!(session.refused("select from carrel.search_chunks('herons')"), "28000");
    // The superuser's own session is trusted.
    let mut superuser = database.superuser();
    superuser.run(&format!(r#"set request.jwt.claims = '{{"sub": "{BOB}"}}'"#));
    assert_eq!(superuser.number("select public.documents_of_claims()"), 3);
}

#[test]
fn services_and_superusers_act_as_whom_they_say() {
    let database = verified();
    for role in ["service_role", "postgres"] {
        let mut session = database.connect(role);
        session.run(&format!("begin; select carrel.act_as('{ALICE}')"));
        assert_eq!(session.value(WHO), ALICE, "{role}");
        session.run("commit");
        session.run(&format!(r#"set request.jwt.claims = '{{"sub": "{BOB}"}}'"#));
        assert_eq!(session.value(WHO), BOB, "{role}");
        // A token is more than claims, and what is said last counts.
        session.run(&format!("begin; {}", authenticate(ALICE)));
        assert_eq!(session.value(WHO), ALICE, "{role}");
        session.run(&format!("select carrel.act_as('{BOB}')"));
        assert_eq!(session.value(WHO), BOB, "{role}");
        session.run("select carrel.act_as(null)");
        assert_eq!(session.value(WHO), "", "{role}");
        session.run("commit");
    }
    // One connection in both roles, as poolers have it; a revoke holds at once.
    let role = database.create_role("authenticator", "noinherit");
    database.superuser().run(&format!("grant authenticated, service_role to {role}"));
    let mut session = database.connect(&role);
    session.run(&format!(r#"set request.jwt.claims = '{{"sub": "{BOB}"}}'"#));
    for _ in 0..3 {
        session.run("set role service_role");
        assert_eq!(session.value(WHO), BOB);
        session.run("set role authenticated");
        assert_nobody(&mut session, "after the service");
    }
    let second = database.create_role("worker", "");
    database.superuser().run(&format!(
        "select carrel.grant_service('{second}'); select carrel.grant_user('{second}')"
    ));
    let mut worker = database.connect(&second);
    worker.claim(BOB);
    worker.run(&format!(r#"set request.jwt.claims = '{{"sub": "{BOB}"}}'"#));
    assert_eq!(worker.value(WHO), BOB);
    database.superuser().run(&format!("select carrel.revoke_service('{second}')"));
    let mut worker_again = database.connect(&second);
    worker_again.run(&format!(r#"set request.jwt.claims = '{{"sub": "{BOB}"}}'"#));
    assert_eq!(worker_again.value(WHO), "");
    database
        .superuser()
        .run(&format!("drop owned by {second}, {role}; drop role {second}, {role}"));
}

#[test]
fn claims_that_a_plain_roles_function_left_in_a_services_session_name_nobody() {
    let database = verified();
    let role = database.create_role("app", "");
    database.superuser().run(&format!("grant create on database {} to {role}", database.name));
    let mut app = database.connect(&role);
    app.run(&format!(
        r#"create schema app; grant usage on schema app to public;
        create function app.plant() returns text language sql security definer as
            $$ select set_config('request.jwt.claims', '{{"sub": "{BOB}"}}', false) $$;
        create function app.plant_old() returns text language sql security definer as
            $$ select set_config('request.jwt.claim.sub', '{BOB}', false) $$"#
    ));
    for plant in ["app.plant()", "app.plant_old()"] {
        let mut service = database.service();
        service.run(&format!("select {plant}"));
        assert_eq!(service.value(WHO), "", "{plant}");
        // Its own claims count again.
        service.run(&format!(r#"set request.jwt.claims = '{{"sub": "{ALICE}"}}'"#));
        assert_eq!(service.value(WHO), ALICE, "{plant}");
    }
}

/// A key of a test's own, added to a database as an issuer's.
fn issuer(database: &Database, signer: &Signer, key_id: &str) {
    database.superuser().run(&format!(
        "insert into carrel.jwt_keys (issuer, key_id, algorithm, key) values ('test', '{key_id}', '{}', '{}')",
        signer.algorithm(),
        signer.jwk()
    ));
}

fn claims(members: &str) -> String {
    format!(r#"{{"iss": "test", "sub": "{ALICE}", "exp": 4102444800{members}}}"#)
}

#[test]
fn a_token_of_every_algorithm_authenticates() {
    let database = verified();
    let mut session = database.connect("authenticated");
    for algorithm in ["RS256", "ES256", "EdDSA", "HS256"] {
        let signer = Signer::new(algorithm, "one");
        issuer(&database, &signer, algorithm);
        // The session knows of the new key at once.
        let token = signer.token(&claims(""));
        assert_eq!(
            session.value(&format!("select carrel.authenticate('{token}')")),
            ALICE,
            "{algorithm}"
        );
    }
}

#[test]
fn a_token_that_fails_a_check_is_28000_and_says_which() {
    let database = verified();
    let signer = Signer::new("EdDSA", "one");
    issuer(&database, &signer, "one");
    let secret = Signer::Hs256(signer.jwk().into_bytes());
    let bare = |claims: &str| signer.token(claims);
    let mut session = database.connect("authenticated");
    for (token, message) in [
        (String::new(), "not a signed JWT: it does not have three parts"),
        ("x".repeat(20_000), "token has 20000 bytes: it may have 16384"),
        (signer.token(&claims("")) + "=", "not a signed JWT: the signature is not base64url"),
        (signer.sign(r#"{"alg": "none"}"#, &claims("")), "token is not signed (alg \"none\")"),
        (secret.token(&claims("")), "token is signed with HS256, but the key is for EdDSA"),
        (Signer::new("EdDSA", "other").token(&claims("")), "token has an invalid signature"),
        (
            signer.sign(r#"{"alg": "EdDSA", "kid": "two"}"#, &claims("")),
            "token is signed by unknown key \"two\" of its issuer",
        ),
        (bare(r#"{"iss": "other", "exp": 4102444800}"#), "token has unknown issuer \"other\""),
        (bare(&claims(r#", "aud": "app""#)), "token is for another audience: \"app\""),
        (bare(&claims(r#", "nbf": 4102444000"#)), "token is not valid yet"),
        (bare(r#"{"iss": "test", "exp": 1000000000}"#), "token expired"),
        (bare(r#"{"iss": "test"}"#), "token has no claim \"exp\""),
        (
            bare(r#"{"iss": "test", "exp": 4102444800}"#),
            "token does not name a user: it has no claim \"sub\"",
        ),
        (
            bare(r#"{"iss": "test", "exp": 4102444800, "sub": "bob"}"#),
            "token does not name a user: claim sub is not a uuid: \"bob\"",
        ),
        (
            bare(&claims(r#", "sub": "x""#)),
            "malformed token payload: a member is given more than once",
        ),
    ] {
        let failure = session.failure(&format!("select carrel.authenticate('{token}')"));
        assert_eq!(failure.code().code(), "28000", "{failure:?}");
        assert!(failure.message().starts_with(message), "{}\n{message}", failure.message());
        let said = format!("{failure:?}");
        assert!(token.is_empty() || !said.contains(&token[..20]), "{said}");
        assert_nobody(&mut session, message);
    }
}

#[test]
fn a_token_stays_neither_in_the_log_nor_in_pg_stat_activity() {
    let cluster =
        Cluster::start_with(&["log_min_error_statement=debug5", "log_error_verbosity=verbose"]);
    cluster.create_roles();
    let database = verifying(cluster.lived_in_anew());
    let mut session = database.connect("authenticated");
    let good = token(ALICE);
    let stranger = Signer::new("EdDSA", "stranger").token(&claims(""));
    // Lost at once: a warning, which is logged as well, wherever it was called.
    session.run(&format!("select carrel.authenticate('{good}')"));
    session.run(&format!("do $$ begin execute 'select carrel.authenticate(''{good}'')'; end $$"));
    session.refused(&format!("select carrel.authenticate('{stranger}')"));
    session.refused(&format!("do $$ begin perform carrel.authenticate('{stranger}'); end $$"));
    session.refused(&format!(
        "do $$ begin execute 'select carrel.authenticate(''{stranger}'')'; end $$"
    ));
    session.refused(&format!("begin; select carrel.authenticate('{good}'); select 1 / 0"));
    session.run("rollback");
    let seen = session.column(&format!(
        "begin; select carrel.authenticate('{good}');
        select query from pg_stat_activity where pid = pg_backend_pid()"
    ));
    assert_eq!(seen, [ALICE, "select carrel.authenticate('…')"]);
    session.run("commit");
    let row = session
        .client()
        .query_one("select carrel.authenticate($1)::text", &[&good])
        .expect("a row");
    assert_eq!(row.get::<_, String>(0), ALICE);
    session
        .client()
        .query("select carrel.authenticate($1)::text", &[&stranger])
        .expect_err("an error");
    session.run("select 1");
    let log = cluster.log_text();
    assert!(log.contains("unknown issuer") && log.contains("division by zero"), "{log}");
    for token in [&good, &stranger] {
        for part in token.split('.') {
            assert!(!log.contains(part), "{part} in the log:\n{log}");
        }
    }
}

#[test]
fn keys_are_rotated_while_sessions_are_open() {
    let database = verified();
    let (old, new) = (Signer::new("ES256", "old"), Signer::new("ES256", "new"));
    let mut session = database.connect("authenticated");
    let mut admin = database.superuser();
    let mut works = |signer: &Signer, id: &str| {
        let token = signer.sign(&format!(r#"{{"alg": "ES256", "kid": "{id}"}}"#), &claims(""));
        session.attempt(&format!("select carrel.authenticate('{token}')")).is_ok()
    };
    issuer(&database, &old, "old");
    assert!(works(&old, "old") && !works(&new, "new"));
    issuer(&database, &new, "new");
    assert!(works(&old, "old") && works(&new, "new"));
    admin.run("begin; delete from carrel.jwt_keys where key_id = 'old'");
    assert!(works(&old, "old"));
    admin.run("rollback");
    assert!(works(&old, "old"));
    admin.run("update carrel.jwt_keys set valid_until = now() where key_id = 'old'");
    assert!(!works(&old, "old") && works(&new, "new"));
    admin.run("update carrel.jwt_keys set valid_until = 'infinity', valid_from = now() + interval '1 day' where key_id = 'old'");
    assert!(!works(&old, "old"));
    admin.run("update carrel.jwt_keys set valid_from = '-infinity'");
    assert!(works(&old, "old"));
    admin.run("delete from carrel.jwt_keys where key_id = 'old'");
    assert!(!works(&old, "old") && works(&new, "new"));
    admin.run("begin");
    admin.run("truncate carrel.jwt_keys; commit");
    assert!(!works(&new, "new"));
}

#[test]
fn keys_are_the_operators_alone() {
    let database = verified();
    for role in ["authenticated", "service_role"] {
        let mut session = database.connect(role);
        for statement in [
            "select key from carrel.jwt_keys",
            "insert into carrel.jwt_keys (issuer, algorithm, key) values ('x', 'HS256', repeat('x', 32))",
            "update carrel.jwt_keys set issuer = 'x'",
            "delete from carrel.jwt_keys",
            r#"select from carrel.import_jwks('{"keys": []}', 'x')"#,
        ] {
            let outcome = session.attempt(statement);
            assert!(grants::came_to_nothing(&outcome), "{role}: {statement}: {outcome:?}");
        }
    }
    // Even where somebody granted too much, a role that policies hold for sees none.
    database.superuser().run("grant all on carrel.jwt_keys to authenticated");
    let mut session = database.connect("authenticated");
    assert_eq!(session.number("select count(*) from carrel.jwt_keys"), 0);
    let insert = "insert into carrel.jwt_keys (issuer, algorithm, key) values ('x', 'HS256', repeat('x', 32))";
    assert_eq!(session.refused(insert), "42501");
}

#[test]
fn a_claim_of_the_token_makes_an_organisation_the_tenant() {
    let database = verified();
    let name = &database.name;
    database
        .superuser()
        .run(&format!("alter database {name} set carrel.identity_claim = 'app_metadata.org_id'"));
    let signer = Signer::new("EdDSA", "one");
    issuer(&database, &signer, "one");
    let mut session = database.connect("authenticated");
    let token = signer.token(&claims(&format!(r#", "app_metadata": {{"org_id": "{BOB}"}}"#)));
    session.run(&format!("begin; select carrel.authenticate('{token}')"));
    assert_eq!(session.column("select distinct user_id from carrel.documents"), [BOB]);
}

#[test]
fn a_token_counts_beside_claims_where_claims_are_trusted() {
    let database = Cluster::shared().lived_in();
    let mut superuser = database.superuser();
    superuser.give_key();
    superuser.run(&format!("alter database {} set carrel.identity_source = claims", database.name));
    let mut session = database.connect("authenticated");
    session.run(&format!(r#"set request.jwt.claims = '{{"sub": "{BOB}"}}'"#));
    session.run(&format!("begin; {}", authenticate(ALICE)));
    assert_eq!(session.value(WHO), ALICE);
    session.run(&format!("select carrel.act_as('{BOB}')"));
    assert_eq!(session.value(WHO), BOB);
    session.run("commit");
    assert_eq!(session.value(WHO), BOB);
}

#[test]
fn a_parallel_worker_that_loads_the_library_first_believes_no_settings() {
    let database = verified();
    database.superuser().run(
        "create function public.f(oid) returns text language plpgsql parallel safe stable as
        'declare r text; begin execute ''select string_agg(filename, chr(10)) from carrel.documents'' into r; return r; end'",
    );
    // A session that has not loaded the library takes any setting of that name.
    let mut session = database.connect("authenticated");
    session.run(&format!(
        "set carrel.identity_source = 'claims';
        set request.jwt.claims = '{{\"sub\": \"{ALICE}\"}}';
        set {} = on; set parallel_setup_cost = 0; set parallel_tuple_cost = 0;
        set min_parallel_table_scan_size = 0; set parallel_leader_participation = off",
        parallel_mode(&database)
    ));
    let read = "select public.f(oid) from pg_class limit 1";
    let plan = session.column(&format!("explain {read}")).join(" ");
    assert!(plan.contains("Gather"), "{plan}");
    assert_eq!(session.refused(read), "28000");
}

/// Setting that has queries run in parallel workers.
fn parallel_mode(database: &Database) -> &'static str {
    if database.version() >= 160_000 { "debug_parallel_query" } else { "force_parallel_mode" }
}
