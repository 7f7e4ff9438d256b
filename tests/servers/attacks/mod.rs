//! What somebody tries who wants another user's rows, or the owner's privileges.
//!
//! Alice attacks; Bob's name is in every text of his, so that a result or an error with `Bob` in it is a leak. Functions
//! are those that the catalog has, so that a new one is attacked as well.

mod arguments;
mod calls;
mod large;
mod leaky;
mod measuring;
mod oracles;
mod path;
mod pooled;
mod squatters;
mod texts;
mod token;

use carrel_tests::{ALICE, BOB, Cluster, Database, Session};

/// What is a user's and has a name or a number that somebody could guess.
struct Things {
    user: String,
    /// With text.
    document: String,
    /// Without text, given to a worker.
    scan: String,
    scan_token: String,
    chunk: String,
    session: String,
    /// The first of the session.
    request: String,
    /// In no session.
    loose: String,
    failed: String,
    /// Given to a worker.
    leased: String,
    lease_token: String,
    event: String,
    reservation: String,
}

impl Things {
    /// Every id among them.
    fn ids(&self) -> [&str; 13] {
        [
            &self.user,
            &self.document,
            &self.scan,
            &self.scan_token,
            &self.chunk,
            &self.session,
            &self.request,
            &self.loose,
            &self.failed,
            &self.leased,
            &self.lease_token,
            &self.event,
            &self.reservation,
        ]
    }
}

/// A database in which Alice and Bob have rows in every table, work that is under way and reservations, with roles that
/// are the test's own.
struct Besieged {
    database: Database<'static>,
    alice: Things,
    bob: Things,
}

fn besieged() -> Besieged {
    let database = Cluster::shared().lived_in();
    for (user, name) in [(ALICE, "Alice"), (BOB, "Bob")] {
        database.user(user).run(&format!(
            r#"insert into carrel.documents (filename, storage_path, metadata)
                values ('Letters of {name}.pdf', 'letters/{name}.pdf', '{{"mark": "{name}"}}');
            insert into carrel.agent_sessions (title, context_state) values ('Plans of {name}', '{{"mark": "{name}"}}');
            select carrel.create_request('loose {name}', 'Loose, of {name}', idempotency_key => 'key of {name}');
            select carrel.create_request('failed {name}', 'Failed, of {name}', max_attempts => 1);
            select carrel.create_request('leased {name}', 'Leased, of {name}')"#
        ));
        database.service().run(&format!(
            r#"select carrel.reserve_usage('agent_request', 5, idempotency_key => 'held for {name}', user_id => '{user}');
            select carrel.record_usage('agent_request', 7, metadata => '{{"mark": "{name}"}}',
                idempotency_key => 'event of {name}', model => 'model of {name}', user_id => '{user}');
            select from carrel.claim_requests('worker for {name}', 1, '{{leased {name}}}', '1 hour');
            select carrel.fail_request(id, lease_token, '{{"mark": "{name}"}}')
                from carrel.claim_requests('worker for {name}', 1, '{{failed {name}}}', '1 hour')"#
        ));
    }
    database.service().run("select from carrel.claim_documents('worker', 10, '1 hour')");
    let (alice, bob) = (things_of(&database, ALICE), things_of(&database, BOB));
    Besieged { database, alice, bob }
}

fn things_of(database: &Database, user: &str) -> Things {
    let mut superuser = database.superuser();
    let mut id = |from: &str| superuser.value(&format!("select {from} and user_id = '{user}'"));
    Things {
        user: user.to_owned(),
        document: id("id from carrel.documents where filename = 'notes.md'"),
        scan: id("id from carrel.documents where filename = 'scan.pdf'"),
        scan_token: id("lease_token from carrel.document_leases
            join carrel.documents on id = document_id where filename = 'scan.pdf'"),
        chunk: id("id from carrel.document_chunks where content like '%herons%'"),
        session: id("id from carrel.agent_sessions where title = 'Birds'"),
        request: id("id from carrel.agent_requests where content = 'Where do herons nest?'"),
        loose: id("id from carrel.agent_requests where agent_type like 'loose %'"),
        failed: id("id from carrel.agent_requests where agent_type like 'failed %'"),
        leased: id("id from carrel.agent_requests where agent_type like 'leased %'"),
        lease_token: id("lease_token from carrel.agent_requests where agent_type like 'leased %'"),
        event: id("id from carrel.usage_events where idempotency_key like 'event of %'"),
        reservation: id("id from carrel.usage_reservations
            where idempotency_key like 'held for %'"),
    }
}

/// What a statement gives: its rows, or its error in all that a client sees of it.
type Outcome = Result<Vec<String>, Failure>;

#[derive(Clone, Debug, PartialEq)]
struct Failure {
    sqlstate: String,
    text: String,
}

/// Runs a statement, within a savepoint of the session's transaction, which is kept if it works.
fn outcome(session: &mut Session, sql: &str) -> Outcome {
    session.run("savepoint attempt");
    match session.simple(sql) {
        Ok(messages) => Ok(messages
            .iter()
            .filter_map(|message| match message {
                postgres::SimpleQueryMessage::Row(row) => {
                    let values = (0..row.len()).map(|column| row.get(column).unwrap_or("(null)"));
                    Some(values.collect::<Vec<_>>().join("|"))
                }
                _ => None,
            })
            .collect()),
        Err(error) => {
            let Some(error) = error.as_db_error() else { panic!("{error:?}: {sql}") };
            let parts = [
                Some(error.message()),
                error.detail(),
                error.hint(),
                error.where_(),
                error.constraint(),
            ];
            session.run("rollback to savepoint attempt");
            Err(Failure {
                sqlstate: error.code().code().to_owned(),
                text: parts.into_iter().flatten().collect::<Vec<_>>().join("\n"),
            })
        }
    }
}

/// Everything that an outcome says.
fn said(outcome: &Outcome) -> String {
    match outcome {
        Ok(rows) => rows.join("\n"),
        Err(failure) => format!("{}: {}", failure.sqlstate, failure.text),
    }
}

/// A text with every UUID replaced: two outcomes that differ in nothing else tell nobody anything.
fn without_ids(text: &str) -> String {
    let is_uuid = |part: &[u8]| {
        part.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let bytes = text.as_bytes();
    let mut kept = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        if bytes.get(place..place + 36).is_some_and(is_uuid) {
            kept.extend_from_slice(b"<id>");
            place += 36;
        } else {
            kept.push(bytes[place]);
            place += 1;
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// A text without the values that are times, for they differ from one call to the next.
fn without_times(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let values = line.split('|').filter(|value| !value.contains("+00"));
        values.collect::<Vec<_>>().join("|")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What `table` holds of Bob's, or all of it where rows have no user, each as a hash.
fn digests_of_bobs(session: &mut Session) -> Vec<String> {
    let tables = session.column(
        "select relname, exists (
            select from pg_attribute where attrelid = c.oid and attname = 'user_id' and not attisdropped
        ) from pg_class as c where relnamespace = 'carrel'::regnamespace and relkind = 'r' order by 1",
    );
    assert!(tables.len() > 10, "{tables:?}");
    let parts: Vec<_> = tables
        .iter()
        .map(|table| {
            let (table, has_user) = table.split_once('|').expect("two columns");
            let bobs = if has_user == "t" { format!("where user_id = '{BOB}'") } else { String::new() };
            format!("select '{table}', md5(string_agg(t::text, ',' order by t::text)) from carrel.{table} as t {bobs}")
        })
        .collect();
    session.column(&parts.join(" union all "))
}
