//! pg_dump, pg_restore and psql, run as operators run them.

use crate::cluster::program;
use crate::database::Database;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

impl Database<'_> {
    /// A plain dump of the database with these options, without the lines that differ by chance.
    #[track_caller]
    pub fn dump(&self, options: &[&str]) -> String {
        let output = succeed(self.program("pg_dump").args(options).arg(&self.name));
        without_random_lines(&String::from_utf8(output.stdout).expect("a dump is UTF-8"))
    }

    /// A dump of the database with these options, in a file or, with `-Fd`, a directory.
    #[track_caller]
    pub fn dump_to_file(&self, options: &[&str]) -> PathBuf {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = self.cluster.directory().join(format!("{}-{number}.dump", self.name));
        succeed(self.program("pg_dump").args(options).arg("-f").arg(&path).arg(&self.name));
        path
    }

    /// Restores a plain dump in one transaction that stops at the first error.
    #[track_caller]
    pub fn restore_plain(&self, dump: &Path) {
        self.restore_plain_as("postgres", dump);
    }

    /// The same, connected as another role.
    #[track_caller]
    pub fn restore_plain_as(&self, role: &str, dump: &Path) {
        let options = ["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", &self.name, "-f"];
        succeed(self.program_as("psql", role).args(options).arg(dump));
    }

    /// Restores a dump that is not plain; stops at the first error.
    #[track_caller]
    pub fn restore(&self, options: &[&str], dump: &Path) {
        self.restore_as("postgres", options, dump);
    }

    /// The same, connected as another role.
    #[track_caller]
    pub fn restore_as(&self, role: &str, options: &[&str], dump: &Path) {
        let mut restore = self.program_as("pg_restore", role);
        succeed(restore.args(["-e", "-d", &self.name]).args(options).arg(dump));
    }

    fn program(&self, name: &str) -> Command {
        self.program_as(name, "postgres")
    }

    fn program_as(&self, name: &str, role: &str) -> Command {
        let mut command = Command::new(program(name));
        command.arg("-h").arg(self.cluster.directory()).args(["-U", role]);
        // Nothing of the caller's own.
        for (variable, _) in std::env::vars().filter(|(variable, _)| variable.starts_with("PG")) {
            command.env_remove(variable);
        }
        command
    }
}

/// A dump without pg_dump's random `\restrict` lines.
pub fn without_random_lines(dump: &str) -> String {
    let random = |line: &&str| line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ");
    dump.lines().filter(|line| !random(line)).flat_map(|line| [line, "\n"]).collect()
}

/// Asserts that two dumps are the same, and shows the first lines that are not.
#[track_caller]
pub fn assert_same(first: &str, second: &str) {
    if first == second {
        return;
    }
    let (one, other): (Vec<_>, Vec<_>) = (first.lines().collect(), second.lines().collect());
    let missing = |from: &[&str], of: &[&str]| {
        let lines: Vec<_> = of.iter().filter(|line| !from.contains(line)).take(10).collect();
        lines.iter().map(|line| format!("  {line:.200}\n")).collect::<String>()
    };
    let (lost, gained) = (missing(&other, &one), missing(&one, &other));
    panic!("dumps differ\nonly in the first:\n{lost}only in the second:\n{gained}");
}

/// Runs a program that has to succeed without a word on stderr.
#[track_caller]
fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.is_empty(),
        "{command:?}\n{}\n{errors}",
        output.status
    );
    output
}
