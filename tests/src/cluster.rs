//! Private clusters: each a data directory and a server that listens on a Unix socket only, run by
//! an unprivileged user, stopped and removed when the test lets go of it, even by a panic.

use crate::database::Database;
use crate::disk::{Disk, unmount_below};
use crate::fixtures::live_in;
use crate::grants;
use crate::identity::by_token;
use crate::session::Session;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// A server of the test's own. Its superuser is `postgres`.
pub struct Cluster {
    directory: PathBuf,
    /// Where the programs of its version are.
    programs: PathBuf,
    server: Mutex<Option<Child>>,
    databases: AtomicU32,
    /// Settings beside those that all have.
    settings: Vec<String>,
    /// What the directory is mounted on, if it is of a limited size. Goes after the server has stopped.
    disk: Option<Disk>,
}

/// Name of the database that has just the extension in it, see [`Cluster::installed`].
const INSTALLED: &str = "template_installed";
/// Name of the database that two users live in, see [`Cluster::lived_in`].
const LIVED_IN: &str = "template_lived_in";

static SHARED: OnceLock<Cluster> = OnceLock::new();

impl Cluster {
    /// The cluster that tests share which don't need one of their own: it has the roles
    /// `authenticated` and `service_role`. Its databases are each test's own; roles are not, so a
    /// test that makes one names it after its database.
    pub fn shared() -> &'static Self {
        // One failure is enough: later tests don't try again.
        static FAILED: AtomicBool = AtomicBool::new(false);
        SHARED.get_or_init(|| {
            let failed = FAILED.swap(true, Ordering::Relaxed);
            assert!(
                !failed,
                "the shared cluster can't be prepared: see the first test that failed"
            );
            let cluster = Self::start();
            cluster.create_roles();
            let mut superuser = cluster.create(INSTALLED, "template1").superuser();
            if grants::are_given() {
                superuser.run(grants::BEFORE);
                superuser.run("create extension carrel");
                superuser.run(grants::AFTER);
            } else {
                superuser.run("create extension carrel");
            }
            drop(superuser);
            live_in(&cluster.create(LIVED_IN, INSTALLED));
            FAILED.store(false, Ordering::Relaxed);
            cluster
        })
    }

    /// A new cluster, without any role but `postgres`.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with settings of its own.
    pub fn start_with(settings: &[&str]) -> Self {
        Self::new(&setting("CARREL_PG_BIN"), settings).prepare()
    }

    /// A new cluster that initdb makes with options of its own, such as another locale.
    pub fn initialized_with(options: &[&str]) -> Self {
        let cluster = Self::new(&setting("CARREL_PG_BIN"), &[]);
        cluster.initialize(options);
        cluster.resume();
        cluster
    }

    /// The same on a disk of a limited size, for the data and all that belongs to it. None where nobody may
    /// mount one.
    pub fn start_on_disk(megabytes: usize, settings: &[&str]) -> Option<Self> {
        let mut cluster = Self::new(&setting("CARREL_PG_BIN"), settings);
        cluster.disk = Some(Disk::mount(&cluster.directory, megabytes)?);
        Some(cluster.prepare())
    }

    /// A disk of its own beside the data, for a tablespace. None where nobody may mount one.
    pub fn disk(&self, name: &str, megabytes: usize) -> Option<Disk> {
        let directory = self.directory.join(name);
        create_directory(&directory);
        Disk::mount(&directory, megabytes)
    }

    /// The disk that the cluster is on, if it has one of a limited size.
    pub fn own_disk(&self) -> Option<&Disk> {
        self.disk.as_ref()
    }

    /// Copies a data directory there, and starts the server.
    fn prepare(self) -> Self {
        let copied = run_as_server(Command::new("cp"))
            .args(["-R", "--reflink=auto"])
            .args([initialized(), &self.data()])
            .status();
        assert!(copied.expect("cp").success());
        self.resume();
        self
    }

    /// A new cluster of the older version that CARREL_OLD_PG_BIN names.
    pub fn start_older() -> Self {
        let cluster = Self::new(&setting("CARREL_OLD_PG_BIN"), &[]);
        cluster.initialize(&[]);
        cluster.resume();
        cluster
    }

    /// The cluster that pg_upgrade makes of an older one, which it stops, with this option: `--copy` or `--link`.
    pub fn upgraded_from(old: &Self, option: &str) -> Self {
        let cluster = Self::new(&setting("CARREL_PG_BIN"), &[]);
        cluster.databases.store(old.databases.load(Ordering::Relaxed), Ordering::Relaxed);
        // As older versions do unless they are told otherwise; pg_upgrade wants both alike.
        cluster.initialize(&["--no-data-checksums"]);
        old.stop("fast");
        let mut upgrade = run_as_server(Command::new(cluster.program("pg_upgrade")));
        upgrade.current_dir(&cluster.directory).args(["--username=postgres", option]);
        for (name, value) in [
            ("--old-bindir", &old.programs),
            ("--new-bindir", &cluster.programs),
            ("--old-datadir", &old.data()),
            ("--new-datadir", &cluster.data()),
            ("--socketdir", &cluster.directory),
        ] {
            upgrade.arg(name).arg(value);
        }
        let output = upgrade.output().expect("pg_upgrade");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        cluster.resume();
        cluster
    }

    /// The same cluster, started again with the invented next version of carrel that CARREL_NEXT_PG_BIN names: the
    /// library is the next one's at once, each database's functions and tables are not.
    pub fn with_next_version(self) -> Self {
        self.restarted_with("CARREL_NEXT_PG_BIN")
    }

    /// The same cluster, started again with this version of carrel.
    pub fn with_this_version(self) -> Self {
        self.restarted_with("CARREL_PG_BIN")
    }

    fn restarted_with(mut self, programs: &str) -> Self {
        self.stop("fast");
        self.programs = setting(programs);
        self.resume();
        self
    }

    /// A physical standby of another cluster, which follows it.
    pub fn standby_of(primary: &Self) -> Self {
        let settings: Vec<&str> = primary.settings.iter().map(String::as_str).collect();
        let cluster = Self::new(&primary.programs, &settings);
        let copied = run_as_server(Command::new(cluster.program("pg_basebackup")))
            .args(["--write-recovery-conf", "--checkpoint=fast", "--username=postgres", "--host"])
            .arg(&primary.directory)
            .arg("--pgdata")
            .arg(cluster.data())
            .status();
        assert!(copied.expect("pg_basebackup").success());
        cluster.resume();
        cluster
    }

    /// Ends a standby's following.
    pub fn promote(&self) {
        self.connect("postgres", "postgres").run("select pg_promote()");
    }

    /// A directory for a cluster that is not there yet.
    fn new(programs: &Path, settings: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = place().join(format!("{number}"));
        create_directory(&directory);
        let mut settings: Vec<String> =
            settings.iter().map(|setting| (*setting).to_owned()).collect();
        let source = "carrel.identity_source=token";
        if by_token() && !settings.iter().any(|setting| setting == source) {
            settings.push(source.to_owned());
        }
        Self {
            directory,
            programs: programs.to_owned(),
            server: Mutex::new(None),
            databases: AtomicU32::new(0),
            settings,
            disk: None,
        }
    }

    /// A program of the server's version.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Makes the data directory.
    fn initialize(&self, options: &[&str]) {
        initialize(&self.program("initdb"), &self.data(), options);
    }

    /// A database that is there.
    pub fn database(&self, name: &str) -> Database<'_> {
        Database::new(self, name)
    }

    /// Creates `authenticated` and `service_role`, as Supabase has them, except that they log in.
    pub fn create_roles(&self) {
        self.connect("postgres", "postgres")
            .run("create role authenticated login; create role service_role login");
    }

    /// An empty database.
    pub fn empty(&self) -> Database<'_> {
        self.create(&self.new_name(), "template1")
    }

    /// A database with the extension, in the shared cluster.
    pub fn installed(&self) -> Database<'_> {
        self.create(&self.new_name(), INSTALLED)
    }

    /// A database in which Alice and Bob have rows in every table, in the shared cluster.
    pub fn lived_in(&self) -> Database<'_> {
        self.create(&self.new_name(), LIVED_IN)
    }

    /// The same in any cluster that has the roles.
    pub fn lived_in_anew(&self) -> Database<'_> {
        let database = self.empty();
        database.superuser().run("create extension carrel");
        live_in(&database);
        database
    }

    fn new_name(&self) -> String {
        format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed))
    }

    fn create(&self, name: &str, template: &str) -> Database<'_> {
        self.connect("postgres", "postgres")
            .run(&format!("create database {name} template {template}"));
        Database::new(self, name)
    }

    /// A session of a role in a database.
    pub fn connect(&self, database: &str, role: &str) -> Session {
        Session::open(&self.directory, database, role)
            .unwrap_or_else(|error| panic!("{role} can't connect to {database}: {error:?}"))
    }

    /// A program that is run as the user that servers run as.
    pub fn as_server(name: &str) -> Command {
        run_as_server(Command::new(name))
    }

    /// Whether the server still runs.
    pub fn is_running(&self) -> bool {
        let mut server = self.server.lock().unwrap();
        server.as_mut().is_some_and(|server| matches!(server.try_wait(), Ok(None)))
    }

    /// Stops the server as a crash does: nothing is flushed, no session ends in order.
    pub fn crash(&self) {
        self.stop("immediate");
    }

    /// Starts the server of a cluster that was stopped, and waits until it answers.
    pub fn resume(&self) {
        self.begin();
        self.wait_for_answer();
    }

    /// Starts the server of a cluster that was stopped.
    pub fn begin(&self) {
        let log = File::options().create(true).append(true).open(self.log()).expect("log");
        let mut command = run_as_server(Command::new(self.program("postgres")));
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.directory);
        for setting in [
            "listen_addresses=",
            "fsync=off",
            "max_connections=200",
            "shared_buffers=32MB",
            "wal_level=minimal",
            "max_wal_senders=0",
            "autovacuum=off",
        ] {
            command.arg("-c").arg(setting);
        }
        // The last one counts. CARREL_SETTINGS: one for all servers of the run, such as carrel.direct_writes=off.
        let of_the_run =
            std::env::var("CARREL_SETTINGS").ok().filter(|setting| !setting.is_empty());
        for setting in of_the_run.iter().chain(&self.settings) {
            command.arg("-c").arg(setting);
        }
        // As servers are started elsewhere: with it, a panic looks up symbols, which takes a lot of memory.
        command.env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("log")).stderr(log);
        *self.server.lock().unwrap() = Some(command.spawn().expect("postgres"));
    }

    /// Waits until the server answers, which it does not while it recovers.
    pub fn wait_for_answer(&self) {
        let patience = Instant::now() + Duration::from_secs(60);
        while let Err(error) = Session::open(&self.directory, "postgres", "postgres") {
            let mut server = self.server.lock().unwrap();
            let ended = server.as_mut().is_none_or(|server| server.try_wait().unwrap().is_some());
            if ended || Instant::now() > patience {
                panic!("the server doesn't answer: {error}\n{}", self.log_text());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&self, mode: &str) {
        let Ok(mut server) = self.server.lock() else { return };
        let Some(mut child) = server.take() else { return };
        stop(&self.program("pg_ctl"), &self.data(), mode);
        // A server that pg_ctl could not stop.
        if !matches!(child.try_wait(), Ok(Some(_))) {
            std::thread::sleep(Duration::from_millis(100));
            let _ = child.kill();
        }
        let _ = child.wait();
    }

    fn remove(&self) {
        self.stop("immediate");
        unmount_below(&self.directory);
        let _ = fs::remove_dir_all(&self.directory);
        let _ = fs::remove_file(self.log());
    }

    /// Where the cluster's files are: its socket, its data, and what a test dumps.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Beside the directory, which may be a disk without room.
    fn log(&self) -> PathBuf {
        self.directory.with_extension("log")
    }

    /// What the server has logged so far.
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.remove();
    }
}

fn setting(name: &str) -> PathBuf {
    match std::env::var_os(name) {
        Some(value) if !value.is_empty() => value.into(),
        _ => panic!("{name} is not set; run the tests by `make test-servers`"),
    }
}

/// Has a command run by the user that servers run as.
pub(crate) fn run_as_server(mut command: Command) -> Command {
    if let Some(user) = std::env::var("CARREL_RUN_AS").ok().filter(|user| !user.is_empty()) {
        let id = |kind: &str| -> u32 {
            let output = Command::new("id").args([kind, &user]).output().expect("id");
            let id = String::from_utf8_lossy(&output.stdout);
            id.trim().parse().unwrap_or_else(|_| panic!("there is no user {user}"))
        };
        command.uid(id("-u")).gid(id("-g"));
    }
    command.current_dir("/").stdin(Stdio::null());
    command
}

pub(crate) fn create_directory(path: &Path) {
    let made = run_as_server(Command::new("mkdir")).args(["-m", "0700"]).arg(path).status();
    assert!(made.expect("mkdir").success(), "{} can't be made", path.display());
}

/// The directory of this run's clusters, below CARREL_RUN. What a run that was killed has left
/// there is stopped and removed first.
fn place() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let base = setting("CARREL_RUN");
        for entry in fs::read_dir(&base).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_of_a_run = name.parse::<u32>().is_ok();
            if is_of_a_run && !Path::new("/proc").join(&name).exists() {
                for cluster in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
                    let data = cluster.path().join("data");
                    if data.join("postmaster.pid").exists() {
                        // Any version's pg_ctl stops any server.
                        stop(&setting("CARREL_PG_BIN").join("pg_ctl"), &data, "immediate");
                    }
                }
                unmount_below(&entry.path());
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let place = base.join(std::process::id().to_string());
        create_directory(&place);
        // SAFETY: a function that takes nothing and returns.
        unsafe { libc::atexit(tidy_up) };
        place
    })
}

/// Runs when the process ends, for what is static is never dropped.
extern "C" fn tidy_up() {
    if let Some(cluster) = SHARED.get() {
        cluster.remove();
    }
    let _ = fs::remove_dir_all(place());
}

fn stop(pg_ctl: &Path, data: &Path, mode: &str) {
    let _ = run_as_server(Command::new(pg_ctl))
        .args(["stop", "--silent", "-m", mode, "-D"])
        .arg(data)
        .stderr(Stdio::null())
        .status();
}

/// A data directory fresh from initdb, to be copied.
fn initialized() -> &'static Path {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    DATA.get_or_init(|| {
        let data = place().join("initialized");
        initialize(&setting("CARREL_PG_BIN").join("initdb"), &data, &[]);
        data
    })
}

fn initialize(initdb: &Path, data: &Path, options: &[&str]) {
    let output = run_as_server(Command::new(initdb))
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"])
        .args(["--no-sync", "--no-instructions", "--pgdata"])
        .arg(data)
        .args(options)
        .output()
        .expect("initdb");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
