//! A database of one test's own.

use crate::cluster::Cluster;
use crate::grants;
use crate::session::Session;

/// A database, dropped with its cluster.
pub struct Database<'a> {
    pub cluster: &'a Cluster,
    pub name: String,
}

impl<'a> Database<'a> {
    pub(crate) fn new(cluster: &'a Cluster, name: &str) -> Self {
        Self { cluster, name: name.to_owned() }
    }

    /// A session of a role.
    pub fn connect(&self, role: &str) -> Session {
        self.cluster.connect(&self.name, role)
    }

    /// The same with options, as PGOPTIONS has them.
    pub fn connect_with(&self, role: &str, options: &str) -> Session {
        Session::open_with(self.cluster.directory(), &self.name, role, options)
            .unwrap_or_else(|error| panic!("{role} can't connect with {options}: {error:?}"))
    }

    /// A session of the superuser that created the extension.
    pub fn superuser(&self) -> Session {
        self.connect("postgres")
    }

    /// A session of the role `authenticated` with the claims of a user.
    pub fn user(&self, user_id: &str) -> Session {
        let mut session = self.connect("authenticated");
        session.claim(user_id);
        session
    }

    /// A session of the role `service_role`, without claims.
    pub fn service(&self) -> Session {
        self.connect("service_role")
    }

    /// The checks of doctor() that failed, each with its detail.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = self.superuser().column(
            "select check_name || ': ' || coalesce(detail, '') from carrel.doctor() where not ok",
        );
        // Of runs with too many privileges, doctor() says so.
        complaints.retain(|line| !(grants::are_given() && line.starts_with("privileges: ")));
        complaints
    }

    /// Asserts that doctor() finds every check ok, and that it checks something.
    #[track_caller]
    pub fn assert_sound(&self) {
        assert_eq!(self.complaints(), Vec::<String>::new());
        assert!(self.superuser().number("select count(*) from carrel.doctor()") > 5);
    }

    /// The server's version, as server_version_num has it.
    pub fn version(&self) -> i64 {
        self.superuser().number("select current_setting('server_version_num')")
    }

    /// A new role that can log in, named after the database, for roles are the cluster's.
    pub fn create_role(&self, suffix: &str, options: &str) -> String {
        let role = format!("{}_{suffix}", self.name);
        self.superuser().run(&format!("create role {role} login {options}"));
        role
    }
}
