//! Clients that work until the server is gone, each of which knows what it was told is committed.

use super::Dice;
use carrel_tests::{ALICE, BOB, Database, Session};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A user who adds, changes and deletes documents.
    Writes,
    /// A service that records, consumes, reserves and takes back usage.
    Bills,
    /// A user who asks agents, and changes their mind.
    Asks,
    /// An agent.
    Works,
    /// A user whose session has a state.
    Talks,
    /// An operator who has users come and go.
    Registers,
    /// A service that processes what was left pending. It is told nothing that it could lose.
    Processes,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Writes,
        Self::Bills,
        Self::Asks,
        Self::Works,
        Self::Talks,
        Self::Registers,
        Self::Processes,
    ];
}

pub struct Client {
    pub kind: Kind,
    number: usize,
    user: &'static str,
    dice: Dice,
    turn: usize,
    /// What it was told is committed: names, and what is under them.
    known: BTreeMap<String, String>,
    /// What the last transaction changes, as long as it is not known whether it was committed.
    doubt: Changes,
    /// How many transactions it was told are committed.
    pub acknowledged: usize,
}

pub enum Outcome {
    Done,
    /// With an error that is none of those that working side by side brings.
    Refused(String),
    /// The server is gone, maybe with what was asked of it done.
    Gone,
}

/// Names, each with what is under it then; None: nothing.
type Changes = Vec<(String, Option<String>)>;

impl Client {
    pub fn new(kind: Kind, number: usize, seed: u64) -> Self {
        Self {
            kind,
            number,
            user: [ALICE, BOB][number % 2],
            dice: Dice::new(seed ^ (number as u64) << 32),
            turn: 0,
            known: BTreeMap::new(),
            doubt: Vec::new(),
            acknowledged: 0,
        }
    }

    fn session(&self, database: &Database) -> Session {
        match self.kind {
            Kind::Writes | Kind::Asks | Kind::Talks => database.user(self.user),
            Kind::Registers => database.superuser(),
            _ => database.service(),
        }
    }

    /// Works until the server is gone.
    pub fn work(&mut self, database: &Database) {
        let mut session = self.session(database);
        loop {
            match self.step(&mut session) {
                Outcome::Done => {}
                Outcome::Gone => return,
                Outcome::Refused(error) => panic!("{:?}: {error}", self.kind),
            }
        }
    }

    /// Works until something is refused, the server is gone, or time is up.
    pub fn work_until_refused(&mut self, database: &Database, time: Duration) -> Outcome {
        let until = Instant::now() + time;
        let mut session = self.session(database);
        while Instant::now() < until {
            match self.step(&mut session) {
                Outcome::Done => {}
                outcome => return outcome,
            }
        }
        Outcome::Done
    }

    /// Does one transaction.
    fn step(&mut self, session: &mut Session) -> Outcome {
        self.turn += 1;
        let (sql, changes) = match self.next(session) {
            Ok(Some(next)) => next,
            Ok(None) => return Outcome::Done,
            Err(error) => return self.judge(&error, session),
        };
        self.doubt = changes;
        match session.client().batch_execute(&sql) {
            Ok(()) => {
                self.acknowledged += 1;
                apply(&mut self.known, std::mem::take(&mut self.doubt));
                Outcome::Done
            }
            Err(error) => self.judge(&error, session),
        }
    }

    fn judge(&mut self, error: &postgres::Error, session: &mut Session) -> Outcome {
        let refused = match error.code().map(|code| code.code()) {
            // The server says that it is gone, or says nothing any more.
            None | Some("57P01" | "57P02" | "57P03") => return Outcome::Gone,
            // Another took over the request; it was cancelled meanwhile; a deadlock.
            Some("PT409" | "PT404" | "40P01") => None,
            Some(state) => Some(format!("{state}: {error:?}")),
        };
        if session.client().batch_execute("rollback").is_err() {
            return Outcome::Gone;
        }
        // What failed changed nothing.
        self.doubt.clear();
        refused.map_or(Outcome::Done, Outcome::Refused)
    }

    /// The next transaction, and what it changes of what this client keeps in mind.
    fn next(
        &mut self,
        session: &mut Session,
    ) -> Result<Option<(String, Changes)>, postgres::Error> {
        let next = match self.kind {
            Kind::Writes => self.write(),
            Kind::Bills => self.bill(),
            Kind::Asks => self.ask(),
            Kind::Works => return self.answer(session),
            Kind::Talks => self.talk(),
            Kind::Registers => self.register(),
            Kind::Processes => {
                std::thread::sleep(Duration::from_millis(5));
                ("select carrel.process_documents(3)".to_owned(), Vec::new())
            }
        };
        Ok(Some(next))
    }

    fn key(&self, suffix: &str) -> String {
        format!("c{}-{}{suffix}", self.number, self.turn)
    }

    /// One of the names for which `fits` is true of what is under it.
    fn any(&mut self, fits: impl Fn(&str) -> bool) -> Option<String> {
        let fitting: Vec<&String> =
            self.known.iter().filter(|(_, value)| fits(value)).map(|(name, _)| name).collect();
        let chosen = self.dice.below(fitting.len().max(1) as u64) as usize;
        fitting.get(chosen).map(|name| (*name).clone())
    }

    fn text(&mut self) -> String {
        let key = self.key("");
        let times = [3, 30, 300][self.dice.below(3) as usize] + self.dice.below(20) as usize;
        (0..times).map(|n| format!("# Part {n}\n\nThe mole of {key} digs hole {n}.\n\n")).collect()
    }

    fn write(&mut self) -> (String, Changes) {
        let name = self.key([".md", ".txt"][self.turn % 2]);
        let text = self.text();
        let add = |name: &str, text: &str| {
            format!(
                "insert into carrel.documents (filename, content_text) values ('{name}', '{text}')"
            )
        };
        let change = |name: &str, text: &str| {
            format!("update carrel.documents set content_text = '{text}' where filename = '{name}'")
        };
        let delete = |name: &str| format!("delete from carrel.documents where filename = '{name}'");
        let (one, other) = (self.any(|_| true), self.any(|_| true));
        let written = (name.clone(), Some(text.clone()));
        // Checking takes the longer the more there is.
        let choice = if self.known.len() > 40 { 3 } else { self.dice.below(10) };
        match (choice, one, other) {
            (0..3, Some(one), _) => (change(&one, &text), vec![(one, Some(text))]),
            (3, Some(one), _) => (delete(&one), vec![(one, None)]),
            (4, Some(one), Some(other)) if one != other => (
                format!(
                    "begin; {}; {}; {}; commit",
                    add(&name, &text),
                    change(&one, &text),
                    delete(&other)
                ),
                vec![written, (one, Some(text)), (other, None)],
            ),
            (5, ..) => (
                format!(
                    "begin; set local carrel.processing = deferred; {}; commit",
                    add(&name, &text)
                ),
                vec![written],
            ),
            (6, ..) => (format!("select carrel.add_document('{name}', '{text}')"), vec![written]),
            _ => (add(&name, &text), vec![written]),
        }
    }

    fn bill(&mut self) -> (String, Changes) {
        let (key, user) = (self.key(""), self.user);
        let tokens = self.dice.below(50);
        let record = |function: &str, key: &str, tokens: &str| {
            format!(
                "carrel.{function}('agent_request', {tokens}, 0.5, idempotency_key => '{key}', user_id => '{user}')"
            )
        };
        let one = vec![(key.clone(), Some(format!("event {tokens}")))];
        let held = self.any(|value| value == "held");
        let recorded = self.any(|value| value.starts_with("event "));
        // The same key again gives the same reservation.
        let reservation = |key: &str| {
            format!(
                "carrel.reserve_usage('agent_request', 50, ttl => '1 day', idempotency_key => '{key}', user_id => '{user}')"
            )
        };
        match (self.dice.below(8), held, recorded) {
            (0, ..) => {
                (format!("select {}", reservation(&key)), vec![(key, Some("held".to_owned()))])
            }
            (1, Some(held), _) => (
                format!("select carrel.settle_usage({}, {tokens})", reservation(&held)),
                vec![(held, Some(format!("settled {tokens}")))],
            ),
            (2, Some(held), _) => (
                format!("select carrel.release_usage({})", reservation(&held)),
                vec![(held, Some("released".to_owned()))],
            ),
            (3, ..) => {
                let keys: Vec<String> = (0..20).map(|n| self.key(&format!("-{n}"))).collect();
                let event = |key: &String| {
                    format!(
                        r#"{{"event_type": "x", "tokens_used": {tokens}, "idempotency_key": "{key}", "user_id": "{user}"}}"#
                    )
                };
                let events: Vec<String> = keys.iter().map(event).collect();
                (
                    format!(
                        "select count(*) from carrel.record_usage_batch('[{}]')",
                        events.join(",")
                    ),
                    keys.into_iter().map(|key| (key, Some(format!("of many {tokens}")))).collect(),
                )
            }
            (4, _, Some(recorded)) => {
                let amount = self.known[&recorded].replace("event ", "");
                // The same event again is the first one.
                let event = record("record_usage", &recorded, &amount);
                (
                    format!(
                        "select carrel.void_usage(event_id, 'a mistake', '{key}') from {event}"
                    ),
                    vec![
                        (recorded, Some(format!("void {amount}"))),
                        (key, Some(format!("voids {}", -amount.parse::<i64>().expect("tokens")))),
                    ],
                )
            }
            (choice, ..) => {
                let function = if choice > 5 { "consume_usage" } else { "record_usage" };
                (format!("select {}", record(function, &key, &tokens.to_string())), one)
            }
        }
    }

    fn ask(&mut self) -> (String, Changes) {
        let key = self.key("");
        let session = "(select id from carrel.agent_sessions where title = 'Birds')";
        let asked = vec![(key.clone(), Some(String::new()))];
        match (self.dice.below(6), self.any(|_| true)) {
            (0, Some(one)) => (
                format!(
                    "select carrel.cancel_request(id) from carrel.agent_requests where idempotency_key = '{one}'
                        and status in ('pending', 'processing')"
                ),
                Vec::new(),
            ),
            (1 | 2, _) => (
                format!("insert into carrel.agent_requests (agent_type, content, session_id, idempotency_key) values ('a', 'c', {session}, '{key}')"),
                asked,
            ),
            _ => (
                format!("select carrel.create_request('a', 'c', {session}, idempotency_key => '{key}', reserve_tokens => 20)"),
                asked,
            ),
        }
    }

    fn answer(
        &mut self,
        session: &mut Session,
    ) -> Result<Option<(String, Changes)>, postgres::Error> {
        let number = self.number;
        let claim = format!(
            "select id, lease_token from carrel.claim_requests('worker {number}', lease => '1 second')"
        );
        let rows = session.client().simple_query(&claim)?;
        let claimed = rows.iter().find_map(|row| match row {
            postgres::SimpleQueryMessage::Row(row) => Some((row.get(0)?, row.get(1)?)),
            _ => None,
        });
        let Some((id, token)) = claimed else {
            std::thread::sleep(Duration::from_millis(5));
            return Ok(None);
        };
        let nonce = self.turn;
        Ok(match self.dice.below(6) {
            // What it does not finish lapses.
            0 => None,
            1 => Some((
                format!("select carrel.fail_request('{id}', '{token}', '{{}}', '0', tokens => 1)"),
                Vec::new(),
            )),
            choice => {
                let heartbeat = match choice {
                    2 => format!("select carrel.heartbeat_request('{id}', '{token}', 0.5); "),
                    _ => String::new(),
                };
                Some((
                    format!(
                        r#"{heartbeat}select carrel.complete_request('{id}', '{token}', '{{"worker": {number}, "nonce": {nonce}}}', tokens => 3)"#
                    ),
                    vec![(id.to_owned(), Some(nonce.to_string()))],
                ))
            }
        })
    }

    fn talk(&mut self) -> (String, Changes) {
        let title = self.key("");
        match (self.dice.below(10), self.any(|_| true)) {
            (1.., Some(title)) => {
                let count: u64 = self.known[&title].parse().expect("a count");
                (
                    format!(
                        r#"select carrel.patch_session_state(id, '{{"count": {}}}', {count}) from carrel.agent_sessions where title = '{title}'"#,
                        count + 1
                    ),
                    vec![(title, Some((count + 1).to_string()))],
                )
            }
            _ => (
                format!(r#"select carrel.create_session('{title}', '{{"count": 0}}')"#),
                vec![(title, Some("0".to_owned()))],
            ),
        }
    }

    fn register(&mut self) -> (String, Changes) {
        let name = self.key("");
        match (self.dice.below(3), self.any(|_| true)) {
            (0, Some(name)) => (
                format!(
                    "select carrel.delete_user(user_id) from carrel.user_profiles where name = '{name}'"
                ),
                vec![(name, None)],
            ),
            _ => (
                format!(
                    "begin;
                    select carrel.record_usage('agent_request', 7, 0.1, user_id => carrel.create_user(name => '{name}'));
                    insert into carrel.documents (user_id, filename, content_text)
                        select user_id, 'mine.txt', 'A mole digs.' from carrel.user_profiles where name = '{name}';
                    commit"
                ),
                vec![(name, Some("7".to_owned()))],
            ),
        }
    }

    /// Asserts that what it was told is there, and what it was not told is there as a whole or not at
    /// all; goes on from what is there.
    pub fn check(&mut self, superuser: &mut Session) {
        let (number, like) = (self.number, format!("like 'c{}-%'", self.number));
        let query = match self.kind {
            Kind::Writes => {
                format!("select filename, content_text from carrel.documents where filename {like}")
            }
            Kind::Bills => format!(
                "select idempotency_key, case when e.voids is not null then 'voids '
                        when exists (select from carrel.usage_events as v where v.voids = e.id) then 'void '
                        when event_type = 'x' then 'of many ' else 'event ' end || tokens_used
                    from carrel.usage_events as e where idempotency_key {like}
                union all
                select r.idempotency_key, concat_ws(' ', r.state, e.tokens_used)
                    from carrel.usage_reservations as r left join carrel.usage_events as e on e.id = r.event_id
                    where r.idempotency_key {like}"
            ),
            Kind::Asks => format!(
                "select idempotency_key, '' from carrel.agent_requests where idempotency_key {like}"
            ),
            Kind::Works => format!(
                "select id, results ->> 'nonce' from carrel.agent_requests
                where status = 'completed' and results ->> 'worker' = '{number}'"
            ),
            Kind::Talks => format!(
                "select title, case when context_state ->> 'count' = version::text then version::text else 'astray' end
                from carrel.agent_sessions where title {like}"
            ),
            Kind::Registers => format!(
                "select name, (select sum(tokens_used) from carrel.usage_events as e
                    where e.user_id = p.user_id and exists (select from carrel.documents as d where d.user_id = p.user_id))
                from carrel.user_profiles as p where name {like}"
            ),
            Kind::Processes => return,
        };
        let rows = superuser.column(&query);
        let count = rows.len();
        let found: BTreeMap<String, String> = rows
            .into_iter()
            .map(|row| row.split_once('|').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("two"))
            .collect();
        assert_eq!(found.len(), count, "something is there twice");
        if found != self.known {
            let mut with_doubt = self.known.clone();
            apply(&mut with_doubt, self.doubt.clone());
            let differing: Vec<_> = found
                .iter()
                .filter(|(name, value)| with_doubt.get(*name) != Some(value))
                .map(|(name, value)| format!("found {name}: {value:.80}"))
                .chain(
                    with_doubt
                        .iter()
                        .filter(|(name, value)| found.get(*name) != Some(value))
                        .map(|(name, value)| format!("expected {name}: {value:.80}")),
                )
                .collect();
            assert!(
                found == with_doubt,
                "{:?} {number}: {differing:#?}\nin doubt: {:?}",
                self.kind,
                self.doubt.iter().map(|(name, _)| name).collect::<Vec<_>>()
            );
        }
        self.known = found;
        self.doubt.clear();
    }
}

fn apply(known: &mut BTreeMap<String, String>, changes: Changes) {
    for (name, value) in changes {
        match value {
            Some(value) => known.insert(name, value),
            None => known.remove(&name),
        };
    }
}
