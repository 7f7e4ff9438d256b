//! PgBouncer in front of a database, as applications have it: one server connection serves many clients, a transaction
//! each.

use crate::cluster::{create_directory, run_as_server};
use crate::database::Database;
use crate::session::Session;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A pooler of the test's own, stopped when the test lets go of it.
pub struct Pooler {
    directory: PathBuf,
    database: String,
    process: Child,
}

impl Pooler {
    /// Pools so many connections of a role to a database, on each of which `prelude` is run first: a short one, for
    /// PgBouncer sends no more than 500 bytes.
    pub fn start(database: &Database, role: &str, connections: usize, prelude: &str) -> Self {
        // As an older one: it knows nothing of statements that clients prepare.
        let settings = if Self::version() < (1, 21) { "" } else { "max_prepared_statements = 0\n" };
        Self::start_with(database, role, connections, prelude, settings)
    }

    /// The same, for clients that prepare statements: up to a hundred of them are known in every server connection.
    /// Needs [version](Self::version) 1.21.
    pub fn start_for_prepared_statements(
        database: &Database,
        role: &str,
        connections: usize,
    ) -> Self {
        Self::start_with(database, role, connections, "", "max_prepared_statements = 100\n")
    }

    fn start_with(
        database: &Database,
        role: &str,
        connections: usize,
        prelude: &str,
        settings: &str,
    ) -> Self {
        assert!(prelude.len() < 500, "{} bytes: {prelude}", prelude.len());
        let name = &database.name;
        let directory = database.cluster.directory().join(format!("p{name}"));
        create_directory(&directory);
        let settings = format!(
            "[databases]\n\
            {name} = host={server} dbname={name} user={role} pool_size={connections}{prelude}\n\
            [pgbouncer]\n\
            listen_addr =\n\
            unix_socket_dir = {directory}\n\
            listen_port = 5432\n\
            auth_type = any\n\
            pool_mode = transaction\n\
            ignore_startup_parameters = extra_float_digits\n\
            query_wait_timeout = 300\n\
            logfile = {directory}/log\n\
            {settings}",
            server = database.cluster.directory().display(),
            prelude = match prelude {
                "" => String::new(),
                _ => format!(" connect_query='{}'", prelude.replace('\'', "''")),
            },
            directory = directory.display(),
        );
        let file = directory.join("ini");
        fs::write(&file, settings).expect("settings of the pooler");
        let mut command = run_as_server(Command::new(pgbouncer()));
        command.arg("--quiet").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("pgbouncer");
        let pooler = Self { directory, database: name.clone(), process };
        let patience = Instant::now() + Duration::from_secs(60);
        while let Err(error) = Session::open(&pooler.directory, name, role) {
            assert!(
                Instant::now() < patience,
                "pgbouncer doesn't answer: {error}\n{}\n{}",
                pooler.log(),
                database.cluster.log_text()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        pooler
    }

    /// A client's connection.
    pub fn connect(&self, role: &str) -> Session {
        Session::open(&self.directory, &self.database, role)
            .unwrap_or_else(|error| panic!("no connection to the pooler: {error}\n{}", self.log()))
    }

    /// A client's program that goes through the pooler, and not to the server.
    pub fn client(&self, database: &Database, program: impl AsRef<Path>, role: &str) -> Command {
        let mut command = database.client(program, role);
        let directory = self.directory.display();
        let url = format!("postgres://{role}@localhost/{}?host={directory}", self.database);
        command.env("PGHOST", &self.directory).env("DATABASE_URL", url);
        command
    }

    /// Which PgBouncer it is: major and minor.
    pub fn version() -> (u32, u32) {
        let output = Command::new(pgbouncer()).arg("--version").output().expect("pgbouncer");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = said.lines().next().and_then(|line| line.strip_prefix("PgBouncer "));
        let mut numbers =
            version.into_iter().flat_map(|version| version.split('.')).map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
            _ => panic!("no version of PgBouncer: {said}"),
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program that CARREL_PGBOUNCER names, for a newer one than the system's; else the system's.
fn pgbouncer() -> PathBuf {
    if let Some(named) = std::env::var_os("CARREL_PGBOUNCER") {
        return PathBuf::from(named);
    }
    let search = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&search).chain([PathBuf::from("/usr/sbin")]);
    let found =
        directories.map(|directory| directory.join("pgbouncer")).find(|path| Path::is_file(path));
    found.unwrap_or_else(|| panic!("there is no pgbouncer here; `make setup` installs it"))
}
