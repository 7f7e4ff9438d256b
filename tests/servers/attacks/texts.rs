//! Texts that are SQL, formats, escapes or no text at all, wherever a text can be given: they come back as they were, or
//! an error says what is wrong with them.

use super::calls::functions;
use super::{Besieged, besieged, digests_of_bobs, outcome, said};
use carrel_tests::{ALICE, Session, identity};

/// Texts that something between a client and a row could take for more than a text.
const TEXTS: [&str; 18] = [
    "'; drop table carrel.documents; --",
    "\"; drop table carrel.documents; --",
    "$$; drop table carrel.documents; $$",
    "%s %I %L %1$s %n %x %p %%",
    "\\",
    "\\'; select pg_sleep(60); --",
    "\\x00 \\u0000 \\000",
    "$1 :name {} ${jndi:x} {{7*7}}",
    "../../../../etc/passwd",
    "evil\u{202e}fdp.exe",
    "\u{200b}\u{feff}",
    "\u{1}\u{7f}\u{85}",
    "🦆\u{200d}🦆 \u{301}\u{301}\u{301}",
    "NULL",
    "",
    " ",
    "<script>alert(1)</script> <mark> & -->",
    "a:1A & !b | c <-> d:* ( ' ",
];

/// A text as a literal.
fn literal(text: &str) -> String {
    format!("e'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn acting(besieged: &Besieged, role: &str) -> Session {
    let mut session = besieged.database.connect(role);
    session.run(&format!("begin; {}", identity::act(ALICE)));
    session
}

#[test]
fn names_and_texts_come_back_as_they_were() {
    let besieged = besieged();
    let mut alice = besieged.database.user(ALICE);
    // A name that is blank is refused, as other tests show.
    for text in TEXTS.iter().filter(|text| !text.trim().is_empty()) {
        let text_literal = literal(text);
        let stored = alice.value(&format!(
            "insert into carrel.documents (filename, content_text, storage_path, file_type, metadata)
            values ({text_literal}, {text_literal}, {text_literal}, {text_literal}, jsonb_build_object({text_literal}, {text_literal}))
            returning (filename, content_text, storage_path, file_type, metadata ->> {text_literal})
                = ({text_literal}, {text_literal}, {text_literal}, {text_literal}, {text_literal})"
        ));
        assert_eq!(stored, "t", "{text:?}");
        let session = alice.value(&format!("select carrel.create_session({text_literal})"));
        let patched = alice.value(&format!(
            "select context_state ->> {text_literal} = {text_literal}
            from carrel.patch_session_state('{session}', jsonb_build_object({text_literal}, {text_literal}))"
        ));
        assert_eq!(patched, "t", "{text:?}");
        let title = alice.value(&format!(
            "select title = {text_literal} from carrel.agent_sessions where id = '{session}'"
        ));
        assert_eq!(title, "t", "{text:?}");
    }
    let kept = TEXTS.iter().filter(|text| !text.trim().is_empty()).count() as i64;
    let documents = alice.number("select count(*) from carrel.documents");
    assert_eq!(documents, 4 + kept);
    besieged.database.assert_sound();
}

#[test]
fn requests_and_their_errors_come_back_as_they_were() {
    let besieged = besieged();
    let mut alice = besieged.database.user(ALICE);
    let mut worker = besieged.database.service();
    for text in TEXTS.into_iter().filter(|text| !text.trim().is_empty()) {
        let text = literal(text);
        let request = alice.value(&format!(
            "select carrel.create_request({text}, {text}, idempotency_key => {text})"
        ));
        let same = alice.value(&format!(
            "select carrel.create_request({text}, {text}, idempotency_key => {text})"
        ));
        assert_eq!(request, same, "{text}");
        let claimed = worker.value(&format!(
            "select lease_token from carrel.claim_requests({text}, 1, array[{text}], '1 hour')
            where (agent_type, content) = ({text}, {text})"
        ));
        worker.run(&format!(
            "select carrel.fail_request('{request}', '{claimed}', jsonb_build_object({text}, {text}))"
        ));
        let kept = alice.value(&format!(
            "select (agent_type, content, error ->> {text}, idempotency_key) = ({text}, {text}, {text}, {text})
            from carrel.agent_requests where id = '{request}'"
        ));
        assert_eq!(kept, "t", "{text}");
    }
    besieged.database.assert_sound();
}

#[test]
fn every_text_argument_takes_every_text_or_says_what_is_wrong() {
    let besieged = besieged();
    let mut superuser = besieged.database.superuser();
    let before = digests_of_bobs(&mut superuser);
    let functions = functions(&mut superuser);
    for role in ["authenticated", "service_role"] {
        let mut session = acting(&besieged, role);
        for function in &functions {
            let sensible = function.sensible(&besieged.alice);
            for (name, type_name, _) in &function.arguments {
                for text in TEXTS {
                    let value = match type_name.as_str() {
                        "text" | "name" => literal(text),
                        "text[]" => format!("array[{}]", literal(text)),
                        "jsonb" => format!("jsonb_build_object({0}, {0})", literal(text)),
                        _ => break,
                    };
                    let others = sensible.iter().filter(|(other, _)| other != name).cloned();
                    let call =
                        function.call(&others.chain([(name.as_str(), value)]).collect::<Vec<_>>());
                    session.run("savepoint one");
                    let outcome = outcome(&mut session, &call);
                    session.run("rollback to savepoint one");
                    if let Err(failure) = &outcome {
                        let expected = [
                            "28000", "22023", "42501", "55000", "PT404", "PT409", "PT402", "23503",
                            "23514",
                        ];
                        assert!(
                            expected.contains(&failure.sqlstate.as_str()),
                            "{call}\n{}",
                            said(&outcome)
                        );
                    }
                }
            }
        }
        session.run("commit");
    }
    assert_eq!(digests_of_bobs(&mut superuser), before);
    besieged.database.assert_sound();
}

#[test]
fn json_that_postgres_can_not_hold_is_refused_everywhere() {
    let besieged = besieged();
    let mut service = acting(&besieged, "service_role");
    let functions = functions(&mut besieged.database.superuser());
    let mut tried = 0;
    for function in &functions {
        let sensible = function.sensible(&besieged.alice);
        for (name, _, _) in
            function.arguments.iter().filter(|(_, type_name, _)| type_name == "jsonb")
        {
            // Zero bytes, halves of surrogate pairs, numbers beyond what numeric has.
            for json in [
                r#"{"a": "\u0000"}"#,
                r#"{"\u0000": 1}"#,
                r#"{"a": "\ud800"}"#,
                r#"{"a": "\udc00\ud800"}"#,
                r#"{"a": 1e1000000}"#,
            ] {
                let others = sensible.iter().filter(|(other, _)| other != name).cloned();
                let call = function.call(
                    &others.chain([(name.as_str(), format!("'{json}'"))]).collect::<Vec<_>>(),
                );
                let failure = outcome(&mut service, &call).expect_err(&call);
                let expected = ["22P05", "22P02", "22003", "42501"];
                assert!(expected.contains(&failure.sqlstate.as_str()), "{call}: {failure:?}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 50, "{tried}");
}

#[test]
fn claims_of_any_text_name_nobody_or_are_refused() {
    let besieged = besieged();
    let mut session = besieged.database.connect("authenticated");
    let strange = [
        r#"{"sub": "\u0000"}"#,
        r#"{"sub": "\ud800"}"#,
        r#"{"sub": "a11ce000-0000-4000-8000-000000000001\u0000"}"#,
        r#"{"sub": "\u0061\u0031\u0031ce000-0000-4000-8000-00000000000g"}"#,
        r#"{"s\u0075b": 5}"#,
        "{\"sub\": \"a11ce000-0000-4000-8000-000000000001\u{202e}\"}",
        r#"{"sub": "a11ce000-0000-4000-8000-000000000001"} {"sub": "b0b00000-0000-4000-8000-000000000002"}"#,
        r#"{"sub": "a11ce000-0000-4000-8000-000000000001",}"#,
    ];
    for claims in TEXTS.into_iter().chain(strange).filter(|claims| !claims.is_empty()) {
        session.run(&format!("set request.jwt.claims = {}", literal(claims)));
        assert_eq!(session.refused("select carrel.current_user_id()"), "28000", "{claims:?}");
        assert_eq!(session.refused("select from carrel.documents"), "28000", "{claims:?}");
    }
}

#[test]
fn names_of_a_megabyte_are_kept_or_refused() {
    let besieged = besieged();
    let mut alice = besieged.database.user(ALICE);
    for unit in ["x", "x ", "😀", "a'", "%s", "\\"] {
        let long = format!("repeat({}, 1000000)", literal(unit));
        for statement in [
            format!("insert into carrel.documents (filename) values ({long})"),
            format!(
                "select carrel.add_document({long}, 'A mole digs.', {long}, jsonb_build_object('a', {long}))"
            ),
            format!("select carrel.create_session({long}, jsonb_build_object({long}, {long}))"),
            format!("select carrel.create_request({long}, {long}, idempotency_key => {long})"),
            format!("select from carrel.search_documents({long})"),
            format!("select from carrel.search_chunks('mole', file_types => array[{long}])"),
            format!("select from carrel.check_quota({long})"),
            format!("select carrel.add_document('x', 'y', language => {long})"),
            format!("select from carrel.chunk_text('x', unit => {long})"),
            format!("update carrel.user_profiles set name = {long}"),
            format!(
                "select set_config('request.jwt.claims', {long}, true), carrel.current_user_id()"
            ),
        ] {
            if let Err(sqlstate) = alice.attempt(&statement) {
                // Also: a row that no index holds, a key that jsonb doesn't.
                let expected = ["22023", "54000", "28000"];
                assert!(expected.contains(&sqlstate.as_str()), "{statement}: {sqlstate}");
            }
        }
    }
    besieged.database.assert_sound();
}
