//! The other user's ids, keys and words as arguments of every function: they give nothing of the other's, change nothing,
//! and tell no more than those of a row that doesn't exist.

use super::calls::{Function, functions};
use super::{
    Besieged, Outcome, besieged, digests_of_bobs, outcome, said, without_ids, without_times,
};
use carrel_tests::{ALICE, Session, identity};
use std::collections::HashMap;

/// An id that nothing has.
const NOBODYS: &str = "deadbeef-0000-4000-8000-000000000000";

/// Who calls: the roles that end users have, with an identity and without.
struct Attacker {
    role: String,
    user: Option<&'static str>,
}

impl Attacker {
    fn step_in(&self, session: &mut Session) {
        session.run(&format!("set local role {}", self.role));
        if let Some(user) = self.user {
            session.run(&identity::act(user));
        }
    }
}

fn attackers(besieged: &Besieged) -> Vec<Attacker> {
    let database = &besieged.database;
    let metering = database.create_role("metering", "");
    database.superuser().run(&format!("select carrel.grant_user('{metering}', true)"));
    let roles = ["authenticated".to_owned(), metering];
    let users = [Some(ALICE), None];
    let pairs =
        roles.iter().flat_map(|role| users.map(|user| Attacker { role: role.clone(), user }));
    pairs.collect()
}

/// The values that could name something of Bob's in an argument of a type, each with one of the same kind that names
/// nothing at all, and is like no word of Alice.
fn aims(type_name: &str, besieged: &Besieged) -> Vec<(String, String)> {
    let ids = || besieged.bob.ids().into_iter();
    match type_name {
        "uuid" => ids().map(|id| (format!("'{id}'"), format!("'{NOBODYS}'"))).collect(),
        "uuid[]" => {
            let all: Vec<_> = ids().collect();
            let mixed = format!("{{{},{}}}", all.join(","), besieged.alice.document);
            vec![
                (format!("'{{{}}}'", all.join(",")), format!("'{{{NOBODYS}}}'")),
                (format!("'{mixed}'"), format!("'{{{NOBODYS},{}}}'", besieged.alice.document)),
            ]
        }
        "text" => {
            let words =
                ["event of ", "held for ", "key of ", "herons of ", "Letters of ", "model of "];
            let of_bob = words.map(|words| (format!("'{words}Bob'"), format!("'{words}Zyx'")));
            ids().map(|id| (format!("'{id}'"), format!("'{NOBODYS}'"))).chain(of_bob).collect()
        }
        "text[]" => vec![("'{leased Bob,loose Bob}'".into(), "'{leased Zyx,loose Zyx}'".into())],
        "jsonb" => {
            let aimed = |id: &str| {
                let keys =
                    ["user_id", "document_id", "request_id", "event_id", "chunk_id", "voids"];
                let members: String = keys.map(|key| format!(r#""{key}": "{id}", "#)).concat();
                format!(r#"{{{members}"event_type": "x"}}"#)
            };
            let pairs = ids().flat_map(|id| {
                [
                    (format!("'{}'", aimed(id)), format!("'{}'", aimed(NOBODYS))),
                    (format!("'[{}]'", aimed(id)), format!("'[{}]'", aimed(NOBODYS))),
                ]
            });
            pairs.chain([(r#"'{"mark": "Bob"}'"#.into(), r#"'{"mark": "Zyx"}'"#.into())]).collect()
        }
        _ => Vec::new(),
    }
}

/// SQLSTATEs in docs/functions.md, and those of constraints and limits.
fn is_documented(sqlstate: &str) -> bool {
    const DOCUMENTED: [&str; 9] =
        ["22023", "28000", "42501", "55000", "P0002", "PT402", "PT404", "PT409", "PT422"];
    DOCUMENTED.contains(&sqlstate) || sqlstate.starts_with("23") || sqlstate.starts_with("54")
}

/// Asserts that a call tells nothing of Bob's beyond what it says itself, and fails as documented.
#[track_caller]
fn assert_tells_nothing(besieged: &Besieged, call: &str, outcome: &Outcome) {
    let said = said(outcome);
    if let Err(failure) = outcome {
        assert!(is_documented(&failure.sqlstate), "{call}\n{said}");
    }
    // What the call itself says may come back in an error, or in what Alice has stored by it.
    let mut left = said.replace("event of Bob", "");
    for word in call.split(['\'', '"', '{', '}', ',']).filter(|word| word.contains("Bob")) {
        left = left.replace(word, "");
    }
    assert!(!left.contains("Bob"), "{call}\n{said}");
    for id in besieged.bob.ids() {
        assert!(call.contains(id) || !said.contains(id), "{call}\n{said}");
    }
}

/// Calls as an attacker, in a transaction that is rolled back; how it went, and whether Bob's rows are as they were.
fn attempt(session: &mut Session, attacker: &Attacker, call: &str, before: &[String]) -> Outcome {
    session.run("begin");
    attacker.step_in(session);
    let outcome = outcome(session, call);
    // What fails is undone by Postgres.
    if outcome.is_ok() {
        session.run("set constraints all immediate; reset role; reset request.jwt.claims");
        assert_eq!(digests_of_bobs(session), before, "{call} as {}", attacker.role);
    }
    session.run("rollback");
    outcome
}

/// Sends every call of one function's to its target, by every attacker.
fn attack(besieged: &Besieged, session: &mut Session, attackers: &[Attacker], function: &Function) {
    let before = digests_of_bobs(session);
    let sensible = function.sensible(&besieged.alice);
    for attacker in attackers {
        let call = function.call(&sensible);
        let outcome = attempt(session, attacker, &call, &before);
        assert_tells_nothing(besieged, &call, &outcome);
        if matches!(&outcome, Err(failure) if failure.text.starts_with("permission denied for function"))
        {
            continue;
        }
        for (name, type_name, _) in &function.arguments {
            let with = |value: String| {
                let others = sensible.iter().filter(|(other, _)| other != name).cloned();
                function.call(&others.chain([(name.as_str(), value)]).collect::<Vec<_>>())
            };
            let mut misses = HashMap::new();
            for (aimed, astray) in aims(type_name, besieged) {
                let call = with(aimed);
                let hit = attempt(session, attacker, &call, &before);
                assert_tells_nothing(besieged, &call, &hit);
                // Says back the words that it is given.
                if function.is_immutable || function.name == "analyze_text" {
                    continue;
                }
                let seen = |outcome: &Outcome| {
                    without_times(&without_ids(&said(outcome))).replace("Bob", "Zyx")
                };
                let miss = misses
                    .entry(with(astray))
                    .or_insert_with_key(|call| seen(&attempt(session, attacker, call, &before)));
                assert_eq!(&seen(&hit), miss, "{call} as {}", attacker.role);
            }
            let null = with("null".to_owned());
            let outcome = attempt(session, attacker, &null, &before);
            assert_tells_nothing(besieged, &null, &outcome);
        }
        for things in [&besieged.bob, &besieged.alice] {
            let nulls: Vec<_> = function
                .sensible(things)
                .into_iter()
                .map(|(name, value)| {
                    if std::ptr::eq(things, &besieged.bob) {
                        (name, value)
                    } else {
                        (name, "null".to_owned())
                    }
                })
                .collect();
            let call = function.call(&nulls);
            let outcome = attempt(session, attacker, &call, &before);
            assert_tells_nothing(besieged, &call, &outcome);
        }
    }
}

#[test]
fn no_argument_of_any_function_reaches_another_users_rows() {
    let besieged = besieged();
    let attackers = attackers(&besieged);
    let mut session = besieged.database.superuser();
    session.run("set timezone = 'UTC'");
    let functions = functions(&mut session);
    for function in &functions {
        // By its name an end user may do anything as anybody, which is what it is for where claims are trusted.
        if function.name != "act_as" || identity::by_token() {
            attack(&besieged, &mut session, &attackers, function);
        }
    }
}
