//! Every function with all its arguments.

use super::requests::{OF_ALICE, OF_SERVICE, Token};
use carrel_tests::{ALICE, BOB, Case, Database, Role, identity};

/// Calls of all functions that anybody but superusers may call, with as many arguments as there are.
pub fn calls(database: &Database) -> Vec<(Token, String, String)> {
    database.superuser().run(&identity::key());
    let own = |sql: &str| database.user(ALICE).value(sql);
    let document = own("select id from carrel.documents where filename = 'notes.md'");
    let session = own("select id from carrel.agent_sessions");
    let requests = database.user(ALICE).column("select id from carrel.agent_requests order by id");
    let event = own("select id from carrel.usage_events where idempotency_key = 'first'");
    let mut service = database.service();
    let claimed =
        service.value("select id, lease_token from carrel.claim_requests('w', lease => '1 hour')");
    let (request, lease) = claimed.split_once('|').expect("a request");
    let claimed = service.value(
        "select document_id, lease_token from carrel.claim_documents('w', lease => '1 hour')",
    );
    let (scan, scan_lease) = claimed.split_once('|').expect("a document");
    let held =
        service.value(&format!("select carrel.reserve_usage('chat', 10, user_id => '{ALICE}')"));
    let words = [
        ("RESERVATION", held),
        ("REQUEST_LEASE", lease.to_owned()),
        ("REQUEST", request.to_owned()),
        ("PENDING", requests[2].clone()),
        ("SCAN_LEASE", scan_lease.to_owned()),
        ("SCAN", scan.to_owned()),
        ("DOCUMENT", document),
        ("SESSION", session),
        ("EVENT", event),
        ("TOKEN", identity::token(ALICE)),
        ("NOW", own("select to_json(now()) #>> '{}'")),
        ("ALICE", ALICE.to_owned()),
        ("BOB", BOB.to_owned()),
    ];
    let call = |case: Case| {
        let token = match case.role() {
            Role::User => OF_ALICE,
            Role::Service => OF_SERVICE,
            Role::Superuser => panic!("PostgREST is nobody's superuser"),
        };
        let arguments = match case.text("arguments") {
            "" => "{}".to_owned(),
            arguments => words
                .iter()
                .fold(arguments.to_owned(), |json, (word, value)| json.replace(word, value)),
        };
        (token, case.text("function").to_owned(), arguments)
    };
    let cases = Case::all(include_str!("calls.toml"), "call", &["function", "role", "arguments"]);
    cases.into_iter().map(call).collect()
}
