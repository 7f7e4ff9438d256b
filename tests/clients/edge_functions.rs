//! The edge functions, on Deno, over HTTP.

use carrel_tests::{ALICE, BOB, Cluster, Database, clients, installed, succeed};
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What tokens are signed with.
const SECRET: &str = "a secret of tests, and of nothing else";
/// In the address of the database, where no answer may show it.
const PASSWORD: &str = "the-password-of-tests";
/// A user whose plan allows no request.
const LIMITED: &str = "11111111-0000-4000-8000-000000000003";

/// A process that serves functions, until it is let go of.
pub(crate) struct Functions {
    child: Child,
    pub(crate) address: String,
    said: Arc<Mutex<String>>,
}

impl Functions {
    /// All of them, as serve.ts has them, with connections of a role.
    pub(crate) fn start(database: &Database, role: &str, settings: &[(&str, &str)]) -> Self {
        Self::run(&["serve.ts"], database, role, settings)
    }

    fn run(arguments: &[&str], database: &Database, role: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = database.client(clients().join("typescript/functions/serve.sh"), role);
        let url = database.url(&format!("{role}:{PASSWORD}"));
        command.env("DATABASE_URL", url).env("JWT_SECRET", SECRET).env("PORT", "0");
        command.env("DENO_SERVE_ADDRESS", "tcp:127.0.0.1:0").env("NO_COLOR", "1").args(arguments);
        command.envs(settings.iter().copied());
        Self::listening(command.stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// Starts a program, and waits until it says where it listens.
    fn listening(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("bash");
        let said = Arc::new(Mutex::new(String::new()));
        let streams: [Box<dyn std::io::Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("its output")),
            Box::new(child.stderr.take().expect("its errors")),
        ];
        for stream in streams {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    *said.lock().unwrap() += &format!("{line}\n");
                }
            });
        }
        let mut functions = Self { child, address: String::new(), said };
        let begins = "istening on ";
        let found = until(|| {
            let said = functions.said.lock().unwrap();
            let line = said.lines().find_map(|line| line.split(begins).nth(1));
            line.and_then(|rest| rest.split_whitespace().next().map(str::to_owned))
        });
        let address = found.unwrap_or_else(|| panic!("it doesn't listen:\n{}", functions.said()));
        functions.address = address.trim_end_matches('/').to_owned();
        functions
    }

    /// The number of the process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Runs a file of tests against it, which have to pass.
    #[track_caller]
    pub(crate) fn pass(&self, tests: &str, settings: &[(&str, &str)]) {
        let mut node = Command::new(installed("node"));
        node.arg("--test").arg(clients().join("typescript").join(tests));
        node.env("BASE_URL", &self.address).env("JWT_SECRET", SECRET).env("PASSWORD", PASSWORD);
        node.env("ALICE", ALICE).env("BOB", BOB).env("LIMITED", LIMITED);
        let output = node.envs(settings.iter().copied()).output().expect("node");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{printed}\nthe functions said:\n{}", self.said());
        // A run in which no test is found succeeds as well.
        assert!(!printed.contains("tests 0\n") && printed.contains("fail 0\n"), "{printed}");
    }
}

impl Drop for Functions {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is something, for a minute at most.
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let found = ask();
        if found.is_some() || Instant::now() > patience {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asserts that the functions leave no connection behind. A backend goes a little after its client.
#[track_caller]
fn assert_no_connection(database: &Database) {
    let mut superuser = database.superuser();
    let mut connections = || {
        superuser.number(
            "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'carrel-functions'",
        )
    };
    let gone = until(|| (connections() == 0).then_some(()));
    assert!(gone.is_some(), "{} connections are left", connections());
}

#[test]
fn only_a_users_own_token_lets_in() {
    let database = Cluster::shared().lived_in();
    let functions = Functions::start(&database, "authenticated", &[]);
    functions.pass("functions/test/tokens.test.ts", &[]);
    assert_no_connection(&database);
}

#[test]
fn the_database_verifies_the_token_of_a_call() {
    let database = Cluster::shared().lived_in();
    database.superuser().run(&format!(
        "insert into carrel.jwt_keys (issuer, algorithm, key) values ('https://issuer.test', 'HS256', '{SECRET}');
        alter database {} set carrel.identity_source = token",
        database.name
    ));
    let functions = Functions::start(&database, "authenticated", &[("IDENTITY_SOURCE", "token")]);
    functions.pass("functions/test/tokens.test.ts", &[("ISSUER", "https://issuer.test")]);
    // The functions' own check is not the only one: of an issuer that the database has no key of.
    functions.pass("functions/test/stranger.test.ts", &[]);
    assert_no_connection(&database);
}

// The connection is a superuser's, for whom no policy holds: what keeps users apart is that each transaction
// takes the end users' role.
#[test]
fn each_call_is_the_callers_even_over_a_connection_that_sees_everything() {
    let database = Cluster::shared().lived_in();
    database.superuser().run(&format!(
        "insert into carrel.plans (plan_type) values ('none');
        insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('none', 'agent_request', 'events', 0);
        select carrel.create_user('{LIMITED}', 'Carol', 'none');
        insert into carrel.documents (user_id, filename, file_size) values ('{LIMITED}', 'film.mp4', 3000000000);
        create policy documents_insert_allowed on carrel.documents as restrictive for insert
            with check (filename <> 'forbidden.md')"
    ));
    let functions = Functions::start(&database, "postgres", &[]);
    functions.pass("functions/test/calls.test.ts", &[]);
    assert_no_connection(&database);
}

#[test]
fn two_hundred_requests_at_once_share_five_connections_and_leave_none() {
    let cluster = Cluster::start_with(&["max_connections=12"]);
    cluster.create_roles();
    let database = cluster.lived_in_anew();
    let functions = Functions::start(&database, "authenticated", &[("DATABASE_CONNECTIONS", "5")]);
    functions.pass("functions/test/load.test.ts", &[("STATUSES", "200")]);
    assert_no_connection(&database);
}

#[test]
fn where_connections_run_out_requests_are_answered_503() {
    let cluster = Cluster::start_with(&["max_connections=12"]);
    cluster.create_roles();
    let database = cluster.lived_in_anew();
    let functions =
        Functions::start(&database, "authenticated", &[("DATABASE_CONNECTIONS", "200")]);
    functions.pass("functions/test/load.test.ts", &[("STATUSES", "200 503")]);
    assert_no_connection(&database);
    functions.pass("functions/test/available.test.ts", &[]);
}

#[test]
fn while_the_database_is_down_every_function_says_503() {
    let cluster = Cluster::start();
    cluster.create_roles();
    let database = cluster.lived_in_anew();
    let functions = Functions::start(&database, "authenticated", &[]);
    functions.pass("functions/test/available.test.ts", &[]);
    cluster.crash();
    functions.pass("functions/test/unavailable.test.ts", &[]);
    cluster.resume();
    functions.pass("functions/test/available.test.ts", &[]);
}

#[test]
fn a_role_that_can_not_log_in_is_the_servers_fault_not_the_callers() {
    let database = Cluster::shared().lived_in();
    let functions = Functions::start(&database, "nobody_of_that_name", &[]);
    functions.pass("functions/test/unavailable.test.ts", &[]);
}

#[test]
fn a_role_that_can_not_act_for_users_is_the_servers_fault_not_the_callers() {
    let database = Cluster::shared().lived_in();
    let stranger = database.create_role("stranger", "");
    let functions = Functions::start(&database, &stranger, &[]);
    functions.pass("functions/test/misconfigured.test.ts", &[]);
    assert!(functions.said().contains("can't become authenticated"), "{}", functions.said());
}

#[test]
fn tokens_for_others_let_nobody_in_where_it_is_said_whose_they_are() {
    let database = Cluster::shared().lived_in();
    let meant = [("JWT_AUDIENCE", "here"), ("JWT_ISSUER", "us")];
    let functions = Functions::start(&database, "authenticated", &meant);
    functions.pass("functions/test/audience.test.ts", &[]);
}

#[test]
fn a_database_that_never_answers_is_503() {
    let cluster = Cluster::start();
    // Its directory and its name of a socket, without the server.
    cluster.crash();
    let path = cluster.directory().join(".s.PGSQL.5432");
    let _silent = UnixListener::bind(path).expect("a socket in the cluster's directory");
    let functions = Functions::start(&cluster.database("carrel"), "authenticated", &[]);
    functions.pass("functions/test/unavailable.test.ts", &[]);
}

#[test]
fn a_session_that_is_ended_while_it_works_is_503() {
    let database = Cluster::shared().lived_in();
    let functions = Functions::start(&database, "authenticated", &[]);
    let mut holder = database.superuser();
    holder.run("begin; lock table carrel.documents");
    std::thread::scope(|scope| {
        let calls = scope.spawn(|| functions.pass("functions/test/ended.test.ts", &[]));
        let mut superuser = database.superuser();
        while !calls.is_finished() {
            superuser.column(
                "select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'",
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        calls.join().expect("what says itself why it failed");
    });
    holder.run("rollback");
    functions.pass("functions/test/available.test.ts", &[]);
    assert_no_connection(&database);
}

#[test]
fn tokens_are_handed_out_in_development_only_and_to_pages_of_this_machine() {
    let database = Cluster::shared().lived_in();
    let users = format!(r#"[{{"id": "{ALICE}", "name": "Alice"}}]"#);
    let development = [("CARREL_DEV", "yes"), ("DEV_USERS", &*users)];
    let functions = Functions::start(&database, "authenticated", &development);
    functions.pass("functions/test/development.test.ts", &[("DEVELOPMENT", "yes")]);
    let functions = Functions::start(&database, "authenticated", &development[1..]);
    functions.pass("functions/test/development.test.ts", &[]);
}

#[test]
fn a_function_runs_by_itself() {
    let database = Cluster::shared().lived_in();
    let functions = Functions::run(&["hello/index.ts"], &database, "authenticated", &[]);
    functions.pass("functions/test/available.test.ts", &[]);
}

#[test]
fn the_functions_pass_denos_checks() {
    let directory = clients().join("typescript/functions");
    let entries = ["serve.ts", "ask", "documents", "hello", "requests", "upload", "usage"];
    let mut deno = Command::new(directory.join("../web/node_modules/.bin/deno"));
    deno.current_dir(&directory).args(["check", "--cached-only", "--node-modules-dir=manual"]);
    deno.env("DENO_NO_UPDATE_CHECK", "1");
    for entry in entries {
        let is_file = entry.ends_with(".ts");
        deno.arg(if is_file { entry.to_owned() } else { format!("{entry}/index.ts") });
    }
    succeed(&mut deno);
}
