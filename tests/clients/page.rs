//! The page over the edge functions, in a browser.

use crate::edge_functions::Functions;
use carrel_tests::{Cluster, Database, clients, succeed};
use std::path::{Path, PathBuf};
use std::process::Command;

const ADA: &str = "018f2f5c-7a00-7000-8000-00000000000a";
const BEN: &str = "018f2f5c-7a00-7000-8000-00000000000b";
/// A user who may make no request, and one who has nothing.
const CY: &str = "018f2f5c-7a00-7000-8000-00000000000c";
const DEE: &str = "018f2f5c-7a00-7000-8000-00000000000d";

/// Where the samples are that `make web` begins with.
fn samples() -> PathBuf {
    clients().join("../scripts/web")
}

/// The page and all behind it, for a database that begins as that of `make web`.
fn serve(database: &Database) -> Functions {
    database.superuser().run("create extension carrel");
    let mut psql = database.client(database.cluster.program("psql"), "postgres");
    succeed(psql.current_dir(samples()).args(["-Xqf", "seed.sql", "-v", "ON_ERROR_STOP=1"]));
    database.superuser().run(&format!(
        "insert into carrel.plans (plan_type) values ('none');
        insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('none', 'agent_request', 'events', 0);
        select carrel.create_user('{CY}', 'Cy', 'none'), carrel.create_user('{DEE}', 'Dee')"
    ));
    let web = database.cluster.directory().join("web").display().to_string();
    succeed(Command::new(clients().join("typescript/web/build.sh")).arg(&web));
    let users = [(ADA, "Ada"), (BEN, "Ben"), (CY, "Cy"), (DEE, "Dee")];
    let users = users.map(|(id, name)| format!(r#"{{"id": "{id}", "name": "{name}"}}"#)).join(", ");
    Functions::start(
        database,
        "authenticated",
        &[
            ("WEB_ROOT", &web),
            ("CARREL_DEV", "yes"),
            ("DEV_USERS", &format!("[{users}]")),
            ("WORKER_URL", &database.url("service_role")),
        ],
    )
}

/// Runs a file of tests in a browser.
#[track_caller]
fn pass(functions: &Functions, tests: &str) {
    let chromium = ["/usr/bin/chromium", "/usr/bin/google-chrome"];
    let chromium = chromium.into_iter().find(|path| Path::new(path).exists());
    let chromium = chromium.expect("there is no Chromium here; `make test-clients` installs it");
    functions.pass(
        &format!("web/test/{tests}"),
        &[
            ("CHROMIUM", chromium),
            ("EXAMPLE", &samples().join("example.md").display().to_string()),
            ("SERVER", &functions.process().to_string()),
        ],
    );
}

#[test]
fn the_page_does_what_it_shows() {
    let cluster = Cluster::start();
    cluster.create_roles();
    let functions = serve(&cluster.empty());
    pass(&functions, "page.test.ts");
}

#[test]
fn while_something_is_down_the_page_says_so() {
    let cluster = Cluster::start();
    cluster.create_roles();
    let functions = serve(&cluster.empty());
    cluster.crash();
    pass(&functions, "down.test.ts");
}

#[test]
fn the_page_passes_typescripts_checks() {
    let typescript = clients().join("typescript");
    let mut tsc = Command::new(carrel_tests::installed("node"));
    succeed(
        tsc.arg(typescript.join("node_modules/typescript/bin/tsc"))
            .arg("-p")
            .arg(typescript.join("web")),
    );
}
