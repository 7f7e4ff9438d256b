//! psycopg 3 and SQLAlchemy 2: the examples in clients/python, run as they stand.

use carrel_tests::{Cluster, Database, installed, succeed};

/// What an example prints, in a database in which others have rows.
#[track_caller]
fn printed(database: &Database, example: &str) -> String {
    let mut python = database.client(installed("python"), "authenticated");
    python.env("PYTHONDONTWRITEBYTECODE", "1").args(["-W", "error"]);
    succeed(python.arg(format!("python/{example}.py")))
}

#[track_caller]
fn assert_prints(example: &str, expected: &[&str]) {
    let printed = printed(&Cluster::shared().lived_in(), example);
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn psycopg_adds_documents_and_finds_them_as_a_user() {
    assert_prints(
        "psycopg_user",
        &[
            "inserted: completed",
            "found: tea.md ['Green tea'] <mark>Brew</mark> <mark>green</mark> <mark>tea</mark> at 80 °C for two minutes.",
            "filtered: ['coffee.md']",
            "documents: 2",
            "nobody's: 0",
        ],
    );
}

#[test]
fn asynchronous_psycopg_serves_users_at_once() {
    assert_prints("psycopg_async", &["each found their own: 8"]);
}

#[test]
fn psycopg_sends_whole_transactions_of_users_in_a_pipeline() {
    assert_prints(
        "psycopg_pipeline",
        &[
            "in the pipeline: True",
            "one after the other: [20, 0]",
            "failed: 22023",
            "afterwards: 20",
        ],
    );
}

#[test]
fn statements_that_psycopg_prepared_serve_each_user_their_own() {
    assert_prints("psycopg_prepared", &["prepared statements, used: (5, True)"]);
}

#[test]
fn psycopg_keeps_the_sqlstate_and_the_hint_of_errors() {
    let printed = printed(&Cluster::shared().lived_in(), "psycopg_errors");
    let errors: Vec<_> =
        printed.lines().map(|line| line.split(" | ").collect::<Vec<_>>()).collect();
    let codes: Vec<_> = errors.iter().map(|error| error[0]).collect();
    assert_eq!(
        codes,
        [
            "22023 InvalidParameterValue",
            "28000 InvalidAuthorizationSpecification",
            "42501 InsufficientPrivilege",
            "PT404 ProgrammingError",
            "PT409 ProgrammingError",
            "PT402 ProgrammingError",
        ]
    );
    assert!(errors[1][2].contains("Call carrel.act_as()"), "{:?}", errors[1]);
    assert_eq!(errors[4][2], "Read it again, and patch what is there now.");
    assert!(errors[5][2].contains("choose a plan that has more"), "{:?}", errors[5]);
}

#[test]
fn a_worker_in_psycopg_does_what_there_is_and_bills_it() {
    let database = Cluster::shared().installed();
    let printed = printed(&database, "psycopg_worker");
    assert_eq!(
        printed.lines().collect::<Vec<_>>(),
        [
            "done: 2",
            "('Which tea is the mildest?', 'completed', {'answer': 'WHICH TEA IS THE MILDEST?'}, None)",
            "('A poem about tea', 'failed', None, {'message': 'no poems'})",
            "[(210, Decimal('0.0004'))]",
        ]
    );
    database.assert_sound();
}

#[test]
fn an_orm_session_of_sqlalchemy_is_one_users_in_each_of_its_transactions() {
    assert_prints(
        "sqlalchemy_orm",
        &[
            "chunks: [('Green tea', '# Green tea\\n\\nTwo minutes.')]",
            "requests: ['How long?']",
            "found: green-tea.md Two <mark>minutes</mark>.",
            "by metadata: ['green-tea.md']",
            "the other's: []",
            "by its id: None",
            "chunks left: 0",
        ],
    );
}

#[test]
fn sqlalchemy_reflects_every_column_type_and_key() {
    let database = Cluster::shared().installed();
    let printed = printed(&database, "sqlalchemy_reflection");
    let mut reflected: Vec<_> = printed.lines().collect();
    reflected.sort_unstable();
    let mut there = database.superuser().column(
        "select relname || '.' || attname || ' ' || format_type(atttypid, atttypmod)
                || case when attcollation = '\"C\"'::regcollation and atttypid <> 'name'::regtype
                    then ' collate \"c\"' else '' end
                || case when attnotnull then ' not null' else '' end
            from pg_attribute join pg_class as c on c.oid = attrelid
            where relnamespace = 'carrel'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
        union all
        select relname || ' ' || lower(regexp_replace(pg_get_constraintdef(o.oid), '\\).ON .*', ')'))
            from pg_constraint as o join pg_class as c on c.oid = conrelid
            where relnamespace = 'carrel'::regnamespace and contype in ('p', 'u', 'f')",
    );
    there.sort_unstable();
    assert!(there.len() > 200, "{there:#?}");
    assert_eq!(reflected, there);
}
