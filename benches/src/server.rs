//! Sessions in the database that scripts/bench.sh prepared: a fresh one, with carrel and the roles
//! `authenticated` and `service_role`. CARREL_URL says where it is.

use std::fs;

use postgres::{Client, NoTls};

/// A session of the superuser.
pub fn superuser() -> Client {
    let url = std::env::var("CARREL_URL").unwrap_or_default();
    assert!(!url.is_empty(), "CARREL_URL is not set; run the benchmarks by make");
    let mut client = Client::connect(&url, NoTls).expect("a session");
    // Loads the library, so that its settings are known.
    client.batch_execute("select carrel.version()").expect("carrel");
    client
}

/// A session of an end user, a new one.
pub fn new_user() -> Client {
    let mut client = superuser();
    client.batch_execute("set role service_role").expect("service_role");
    let created = client.query_one("select carrel.create_user()::text", &[]).expect("a user");
    act_as(created.get(0))
}

/// A session of the end user with this id.
pub fn act_as(id: &str) -> Client {
    let mut client = superuser();
    let act = format!(r#"set role authenticated; set request.jwt.claims = '{{"sub": "{id}"}}'"#);
    client.batch_execute(&act).expect("authenticated");
    client
}

/// The one number that a query gives.
pub fn number(client: &mut Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).unwrap_or_else(|error| panic!("{sql}\n{error:?}")).get(0)
}

/// Whether a setting exists.
pub fn has_setting(client: &mut Client, name: &str) -> bool {
    let found = client.query_opt("select from pg_settings where name = $1", &[&name]);
    found.expect("pg_settings").is_some()
}

/// The most memory that the session's server process has had resident so far, in bytes.
pub fn peak_memory(client: &mut Client) -> f64 {
    let pid: i32 = client.query_one("select pg_backend_pid()", &[]).expect("pid").get(0);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    let kilobytes: f64 = peak.trim().trim_end_matches(" kB").parse().expect("kB");
    kilobytes * 1024.0
}
