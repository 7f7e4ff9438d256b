//! tokio-postgres: the example in clients/rust, whose statements say what types they take and give.

use carrel_tests::{Cluster, Database, installed, succeed};

#[track_caller]
fn printed(database: &Database, part: &str) -> Vec<String> {
    let mut example = database.client(installed("carrel-example"), "authenticated");
    succeed(example.arg(part)).lines().map(str::to_owned).collect()
}

#[test]
fn the_database_takes_and_gives_the_types_that_rusts_statements_say() {
    let database = Cluster::shared().installed();
    assert_eq!(printed(&database, "check"), ["ok"; 8]);
}

#[test]
fn statements_whose_types_have_changed_are_told_before_they_are_run() {
    let database = Cluster::shared().installed();
    let mut owner = database.superuser();
    owner.run("alter table carrel.agent_requests rename column token_cost to tokens");
    owner.run("alter table carrel.documents alter column filename type varchar(200)");
    let told = printed(&database, "check");
    let problems: Vec<_> = told.iter().filter(|line| *line != "ok").collect();
    assert_eq!(told.len() - problems.len(), 6, "{told:#?}");
    assert!(problems.iter().any(|line| line.starts_with("42703: ")), "{told:#?}");
    assert!(problems.iter().any(|line| line.contains("takes [Varchar, ")), "{told:#?}");
}

#[test]
fn a_user_adds_a_document_and_finds_it_from_rust() {
    let database = Cluster::shared().lived_in();
    assert_eq!(
        printed(&database, "search"),
        [
            "added: completed",
            "found: tea.md Brew green tea at 80 °C for two <mark>minutes</mark>.",
            "nobody's: 0"
        ]
    );
}

#[test]
fn a_worker_in_rust_does_what_users_ask_for() {
    let database = Cluster::shared().installed();
    assert_eq!(
        printed(&database, "work"),
        [r#"Which tea is the mildest? completed {"answer":"WHICH TEA IS THE MILDEST?"} 210"#]
    );
    database.assert_sound();
}

#[test]
fn errors_have_their_sqlstate_and_their_hint_in_rust() {
    let told = printed(&Cluster::shared().installed(), "fail");
    assert!(
        told[0].starts_with("28000 Call carrel.act_as() or set request.jwt.claims first."),
        "{told:?}"
    );
}
