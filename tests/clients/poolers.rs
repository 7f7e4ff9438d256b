//! PgBouncer in transaction mode: users take turns in four server connections, and nothing of one is left for the
//! next.

use carrel_tests::{
    ALICE, BOB, Cluster, Database, Pooler, Session, at_once, clients, installed, succeed,
};
use postgres::types::{ToSql, Type};
use std::io::{Write, stdout};

const CONNECTIONS: usize = 4;
const CLIENTS: usize = 16;
const USERS: usize = 8;

/// How a client sends its statements.
enum Statements {
    AsText,
    /// With arguments, and prepared where they are run, without a name: what any pooler takes.
    Typed,
    /// Prepared once, and run in many transactions.
    Prepared([postgres::Statement; 3]),
}

/// Whose documents there are, what search finds in them, and something that is written.
const OWN: &str = "select user_id::text from carrel.documents";
const FOUND: &str = "select content from carrel.search_chunks('herons', max_results => 3)";
const ADDED: &str = "insert into carrel.agent_sessions (title) values ($1) returning user_id::text";

impl Statements {
    fn prepared(session: &mut Session) -> Self {
        Self::Prepared([OWN, FOUND, ADDED].map(|sql| session.client().prepare(sql).expect(sql)))
    }

    /// What the three give in this session.
    fn run(&self, session: &mut Session) -> [Vec<String>; 3] {
        let client = session.client();
        let title: &(dyn ToSql + Sync) = &"pooled";
        let results = match self {
            Self::AsText => {
                return [OWN, FOUND, &ADDED.replace("$1", "'pooled'")]
                    .map(|sql| session.column(sql));
            }
            Self::Typed => [
                client.query_typed(OWN, &[]),
                client.query_typed(FOUND, &[]),
                client.query_typed(ADDED, &[(title, Type::TEXT)]),
            ],
            Self::Prepared([own, found, added]) => {
                [client.query(own, &[]), client.query(found, &[]), client.query(added, &[title])]
            }
        };
        results.map(|rows| rows.expect("rows").iter().map(|row| row.get(0)).collect())
    }
}

/// A database with users, each with as many documents as its place says, about birds of its own.
fn aviary() -> (Database<'static>, Vec<String>) {
    let database = Cluster::shared().installed();
    let users: Vec<_> = (0..USERS)
        .map(|number| {
            let user = database.service().value("select carrel.create_user()");
            database.user(&user).run(&format!(
                "select carrel.add_document(n || '.md', 'Herons and bird{number}s.')
                from generate_series(0, {number}) as n"
            ));
            user
        })
        .collect();
    (database, users)
}

/// One client's transactions for one user after the other; how many of each user's were committed.
fn take_turns(
    session: &mut Session,
    statements: &Statements,
    client: usize,
    users: &[String],
    turns: usize,
) -> Vec<i64> {
    let mut committed = vec![0; users.len()];
    for turn in 0..turns {
        let number = (client * 3 + turn * 5 + turn / 7) % users.len();
        let user = &users[number];
        session.run(&format!("begin; select carrel.act_as('{user}')"));
        let [own, found, added] = statements.run(session);
        assert_eq!(own, vec![user.clone(); number + 1]);
        assert_eq!(found.len(), (number + 1).min(3));
        let theirs = format!("bird{number}s.");
        assert!(found.iter().all(|content| content.ends_with(&theirs)), "{found:?}");
        assert_eq!(added, std::slice::from_ref(user));
        match turn % 4 {
            0 => session.run("rollback"),
            1 => {
                // A transaction that fails, with its identity still set.
                session.refused("select 1 / 0");
                session.run("rollback");
            }
            _ => {
                session.run("commit");
                committed[number] += 1;
            }
        }
        // Whichever connection this goes to, nobody is left in it.
        let left = "select (select count(*) from carrel.documents), current_setting('request.jwt.claims', true)";
        assert_eq!(session.value(left), "0|", "after {user}");
    }
    committed
}

/// All clients at once, with what `prepare` gives each; asserts that what they wrote is whose they said.
fn interleave(
    pooler: &Pooler,
    database: &Database,
    users: &[String],
    turns: usize,
    prepare: impl Fn(usize, &mut Session) -> Statements + Sync,
) {
    let committed = at_once(
        CLIENTS,
        |client| {
            let mut session = pooler.connect("authenticated");
            let statements = prepare(client, &mut session);
            (session, statements)
        },
        |client, (mut session, statements)| {
            take_turns(&mut session, &statements, client, users, turns)
        },
    );
    for (number, user) in users.iter().enumerate() {
        let written =
            format!("select count(*) from carrel.agent_sessions where user_id = '{user}'");
        let expected: i64 = committed.iter().map(|counts| counts[number]).sum();
        assert!(expected > turns as i64 / 2);
        assert_eq!(database.superuser().number(&written), expected);
    }
    let connections = "select count(*) from pg_stat_activity where usename = 'authenticated' and datname = current_database()";
    assert_eq!(database.superuser().number(connections), CONNECTIONS as i64);
    database.assert_sound();
}

#[test]
fn nothing_crosses_in_ten_thousand_transactions_of_users_over_four_connections() {
    let (database, users) = aviary();
    let pooler = Pooler::start(&database, "authenticated", CONNECTIONS, "");
    interleave(&pooler, &database, &users, 10_000 / CLIENTS, |client, _| match client % 2 {
        0 => Statements::AsText,
        _ => Statements::Typed,
    });
}

#[test]
fn nothing_crosses_in_statements_that_clients_prepared_through_the_pooler() {
    if Pooler::version() < (1, 21) {
        // Past the test's capture of what it prints, for somebody should know.
        let (major, minor) = Pooler::version();
        let needed = "what clients prepare through PgBouncer needs 1.21 or newer, and this is";
        let _ = writeln!(stdout(), "poolers: skipped: {needed} {major}.{minor}");
        return;
    }
    let (database, users) = aviary();
    let pooler = Pooler::start_for_prepared_statements(&database, "authenticated", CONNECTIONS);
    interleave(&pooler, &database, &users, 2_000 / CLIENTS, |_, session| {
        Statements::prepared(session)
    });
}

/// Runs a client's example for pooled connections, which prints how many transactions of Alice's and Bob's it had.
#[track_caller]
fn assert_pools(program: &str, arguments: &[&str]) {
    let database = Cluster::shared().lived_in();
    let pooler = Pooler::start(&database, "authenticated", CONNECTIONS, "");
    let mut client = pooler.client(&database, installed(program), "authenticated");
    client.env("PYTHONDONTWRITEBYTECODE", "1").args(arguments).args([ALICE, BOB]);
    assert_eq!(succeed(&mut client), "400 transactions\n");
    assert!(clients().join(arguments[0]).is_file());
}

#[test]
fn psycopg_pools_where_it_prepares_nothing() {
    assert_pools("python", &["python/pooled_psycopg.py"]);
}

#[test]
fn sqlalchemy_pools_where_psycopg_prepares_nothing() {
    assert_pools("python", &["python/pooled_sqlalchemy.py"]);
}

#[test]
fn asyncpg_pools_where_it_keeps_no_statements() {
    assert_pools("python", &["python/pooled_asyncpg.py"]);
}

#[test]
fn postgres_js_pools_where_it_prepares_nothing() {
    assert_pools("node", &["poolers/postgres.mjs"]);
}

#[test]
fn without_help_of_the_pooler_a_statement_is_only_known_where_it_was_prepared() {
    let database = Cluster::shared().lived_in();
    let pooler = Pooler::start(&database, "authenticated", 2, "");
    let mut session = pooler.connect("authenticated");
    let statement = session.client().prepare("select 1").expect("prepared");
    // Another client has that connection now.
    let mut other = pooler.connect("authenticated");
    other.run("begin");
    let error = session.client().query(&statement, &[]).expect_err("another connection");
    assert_eq!(error.code().map(|code| code.code()), Some("26000"));
}
