//! pg_dump, pg_restore and psql, run as operators run them.

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

    /// The same by a role that acts as a user, for which policies hold.
    #[track_caller]
    pub fn dump_to_file_as(&self, role: &str, user_id: &str, options: &[&str]) -> PathBuf {
        let path = self.cluster.directory().join(format!("{}-{role}.dump", self.name));
        let mut dump = self.program_as("pg_dump", role);
        dump.env("PGOPTIONS", format!(r#"-c request.jwt.claims={{"sub":"{user_id}"}}"#));
        succeed(dump.args(options).arg("-f").arg(&path).arg(&self.name));
        path
    }

    /// What pg_dump says when a role can't dump.
    #[track_caller]
    pub fn fail_to_dump_as(&self, role: &str, options: &[&str]) -> String {
        let mut dump = self.program_as("pg_dump", role);
        let output = dump.args(options).arg(&self.name).output().expect("pg_dump");
        assert!(!output.status.success(), "{role} should not have been able to dump");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// What psql says when it can't restore a plain dump in one transaction.
    #[track_caller]
    pub fn fail_to_restore_plain(&self, dump: &Path) -> String {
        let options = ["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", &self.name, "-f"];
        let output = self.program("psql").args(options).arg(dump).output().expect("psql");
        assert!(!output.status.success(), "this should have failed: {}", dump.display());
        String::from_utf8_lossy(&output.stderr).into_owned()
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

    /// Restores an archive without the privileges on functions, which migrate() grants: what an archive of another
    /// version needs, for its functions may have had other arguments.
    #[track_caller]
    pub fn restore_without_grants_of_functions(&self, dump: &Path) {
        let mut list = self.program("pg_restore");
        let list = succeed(list.arg("--list").arg(dump)).stdout;
        let list = String::from_utf8(list).expect("a list is UTF-8");
        let is_of_function = |line: &&str| line.contains(" ACL carrel FUNCTION ");
        assert!(list.lines().any(|line| is_of_function(&line)), "{list}");
        let kept: Vec<&str> = list.lines().filter(|line| !is_of_function(line)).collect();
        let path = dump.with_extension("list");
        std::fs::write(&path, kept.join("\n")).expect("a file beside the dump");
        self.restore(&["-1", "-L", &path.display().to_string()], dump);
    }

    /// Restores a plain dump statement by statement, whatever fails; returns what psql says.
    pub fn restore_what_is_possible(&self, dump: &Path) -> String {
        let mut psql = self.program("psql");
        let output =
            psql.args(["-X", "-q", "-d", &self.name, "-f"]).arg(dump).output().expect("psql");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn program(&self, name: &str) -> Command {
        self.program_as(name, "postgres")
    }

    fn program_as(&self, name: &str, role: &str) -> Command {
        let mut command = Command::new(self.cluster.program(name));
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
