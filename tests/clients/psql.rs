//! psql: a session as a user and as a worker, and what it prints.

use carrel_tests::{Cluster, clients, succeed};

#[test]
fn a_session_in_psql_prints_what_the_example_says() {
    let database = Cluster::shared().installed();
    let mut psql = database.client(database.cluster.program("psql"), "authenticated");
    let printed = succeed(psql.args(["-X", "-q", "-f", "psql/session.sql"]));
    let expected =
        std::fs::read_to_string(clients().join("psql/session.out")).expect("session.out");
    assert_eq!(printed, expected, "\n{printed}");
}
