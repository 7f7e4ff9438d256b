//! Connections and plans that users share: nothing of one is left for the next.

use super::{Besieged, besieged};
use carrel_tests::{ALICE, BOB, Database, Pooler, Session, at_once, identity};

/// Prepared once in each server connection, with a plan that serves all users.
const PREPARED: &str = "set plan_cache_mode = force_generic_plan; set role authenticated; \
    prepare own as select user_id::text from carrel.documents; \
    prepare found as select content from carrel.search_chunks('herons'); \
    prepare added as insert into carrel.agent_sessions (title) values ($1) returning user_id::text; \
    prepare changed as update carrel.agent_sessions set title = title where title = $1 returning user_id::text; \
    reset role";

/// Whom a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Alice,
    Bob,
    Nobody,
    Service,
    ServiceForAlice,
}

const EVERYBODY: [Who; 5] = [Who::Alice, Who::Bob, Who::Nobody, Who::Service, Who::ServiceForAlice];

impl Who {
    fn user(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Alice | Self::ServiceForAlice => Some((ALICE, "Alice")),
            Self::Bob => Some((BOB, "Bob")),
            Self::Nobody | Self::Service => None,
        }
    }

    fn role(self) -> &'static str {
        match self {
            Self::Alice | Self::Bob | Self::Nobody => "authenticated",
            Self::Service | Self::ServiceForAlice => "service_role",
        }
    }

    /// Says who it is, as PostgREST does or by act_as().
    fn step_in(self, session: &mut Session, by_act_as: bool) {
        let set_role = format!("select set_config('role', '{}', true)", self.role());
        match self.user() {
            Some((user, _)) if identity::by_token() && self != Self::ServiceForAlice => {
                session.run(&format!("{set_role}; {}", identity::authenticate(user)));
            }
            Some((user, _)) if by_act_as => session.run(&format!(
                "{set_role}; select carrel.act_as('{user}')"
            )),
            Some((user, _)) => session.run(&format!(
                r#"select set_config('role', '{}', true), set_config('request.jwt.claims', '{{"sub": "{user}"}}', true)"#,
                self.role()
            )),
            None => session.run(&set_role),
        }
    }

    /// Asserts that what is read and written within the transaction is this one's.
    #[track_caller]
    fn assert_alone(self, session: &mut Session, title: &str) {
        let own = session.column("execute own");
        let Some((user, name)) = self.user() else {
            assert!(own.is_empty(), "{self:?}: {own:?}");
            assert_eq!(session.refused("savepoint s; execute found"), "28000", "{self:?}");
            session.run("rollback to savepoint s");
            assert_eq!(session.column("execute changed ('Birds')"), Vec::<String>::new());
            return;
        };
        assert!(own.len() >= 4 && own.iter().all(|owner| owner == user), "{self:?}: {own:?}");
        let found = session.column("execute found");
        assert!(
            found.len() == 1 && found[0].contains(&format!("herons of {name}")),
            "{self:?}: {found:?}"
        );
        assert_eq!(session.column(&format!("execute added ('{title}')")), [user], "{self:?}");
        // Bob has a session of this title as well.
        assert_eq!(session.column("execute changed ('Birds')"), [user], "{self:?}");
    }
}

/// A role that logs in and becomes the others.
fn authenticator(database: &Database) -> String {
    let role = database.create_role("authenticator", "noinherit");
    database.superuser().run(&format!("grant authenticated, service_role to {role}"));
    role
}

#[test]
fn statements_that_a_connection_keeps_serve_each_role_and_user_their_own() {
    let Besieged { database, .. } = besieged();
    let mut session = database.connect(&authenticator(&database));
    session.run(PREPARED);
    for turn in 0..40 {
        let who = EVERYBODY[(turn * 7 + turn / 5) % EVERYBODY.len()];
        session.run("begin");
        who.step_in(&mut session, turn % 3 == 0);
        who.assert_alone(&mut session, "turn");
        session.run(if turn % 2 == 0 { "commit" } else { "rollback" });
        // By itself the role may do nothing.
        for statement in ["execute own", "execute found", "execute added ('x')"] {
            assert_eq!(session.refused(statement), "42501", "{statement} after {who:?}");
        }
        session.run("set role authenticated");
        assert_eq!(session.column("execute own"), Vec::<String>::new(), "{who:?}");
        session.run("reset role");
    }
    let mut superuser = database.superuser();
    superuser.run(&PREPARED.replace("set role authenticated;", ""));
    let all = superuser.column("execute own").len();
    for who in EVERYBODY.repeat(3) {
        superuser.run("begin");
        who.step_in(&mut superuser, false);
        who.assert_alone(&mut superuser, "superuser");
        superuser.run("rollback");
        assert_eq!(superuser.column("execute own").len(), all);
    }
}

#[test]
fn nothing_crosses_between_the_clients_of_a_pooler() {
    const CLIENTS: usize = 8;
    const EACH: usize = 250;
    let Besieged { database, .. } = besieged();
    let role = authenticator(&database);
    let pooler = Pooler::start(&database, &role, 4, PREPARED);
    let backends = at_once(
        CLIENTS,
        |_| pooler.connect(&role),
        |client, mut session| {
            let mut backends = Vec::new();
            for turn in 0..EACH {
                let who = EVERYBODY[(client * 3 + turn * 7 + turn / 5) % EVERYBODY.len()];
                session.run("begin");
                if turn % 25 == 0 {
                    backends.push(session.value("select pg_backend_pid()"));
                }
                who.step_in(&mut session, turn % 3 == 0);
                who.assert_alone(&mut session, "pooled");
                match turn % 4 {
                    0 => session.run("rollback"),
                    1 => {
                        // A transaction that fails, with its identity still set.
                        session.refused("select 1 / 0");
                        session.run("rollback");
                    }
                    _ => session.run("commit"),
                }
                if turn % 5 == 0 {
                    assert_eq!(session.refused("execute own"), "42501", "after {who:?}");
                    let claims = "select coalesce(current_setting('request.jwt.claims', true), '')";
                    assert_eq!(session.value(claims), "", "after {who:?}");
                }
            }
            backends
        },
    );
    let mut distinct: Vec<_> = backends.iter().flatten().collect();
    distinct.sort();
    distinct.dedup();
    assert!((2..=4).contains(&distinct.len()), "connections were not shared: {distinct:?}");
    // Each client used more than one, so users did take turns in them.
    assert!(backends.iter().any(|used| used.iter().any(|backend| backend != &used[0])));
    let written = "select user_id, count(*) > 100 from carrel.agent_sessions where title = 'pooled' group by 1 order by 1";
    let expected = [ALICE, BOB].map(|user| format!("{user}|t"));
    assert_eq!(database.superuser().column(written), expected);
    database.assert_sound();
}
