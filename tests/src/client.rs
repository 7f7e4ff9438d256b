//! Programs of clients, run against a database of a test's own.

use crate::database::Database;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the project's clients are.
pub fn clients() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../clients"))
}

/// A program that `make test-clients` installed: `node`, `python`, or what else its directory of programs has.
pub fn installed(name: &str) -> PathBuf {
    let directory = std::env::var_os("CARREL_CLIENTS_BIN").unwrap_or_default();
    let path = Path::new(&directory).join(name);
    assert!(
        path.is_file(),
        "there is no {name} in {directory:?}; run the tests by `make test-clients`"
    );
    path
}

impl Database<'_> {
    /// The address of the database for a role, as libpq and those like it read it. Others look for a server on
    /// localhost, and have to take PGHOST and the like instead.
    pub fn url(&self, role: &str) -> String {
        let directory = self.cluster.directory().display();
        format!("postgres://{role}@localhost/{}?host={directory}", self.name)
    }

    /// A program with the database in its environment: PGHOST, PGDATABASE, PGUSER and DATABASE_URL. Nothing else of
    /// Postgres' is there.
    pub fn client(&self, program: impl AsRef<Path>, role: &str) -> Command {
        let mut command = Command::new(program.as_ref());
        for (variable, _) in std::env::vars().filter(|(variable, _)| variable.starts_with("PG")) {
            command.env_remove(variable);
        }
        command
            .current_dir(clients())
            .env("PGHOST", self.cluster.directory())
            .env("PGDATABASE", &self.name)
            .env("PGUSER", role)
            .env("DATABASE_URL", self.url(role));
        command
    }
}

/// Runs a program, which has to succeed; returns what it printed.
#[track_caller]
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{printed}\n{errors}", output.status);
    printed
}
