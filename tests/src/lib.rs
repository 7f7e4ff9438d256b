//! What the tests with real servers share: private clusters, their databases, sessions in them, and
//! the programs that dump and restore.
//!
//! `make test-servers` runs the tests; it says by CARREL_PG_BIN where the server's programs are
//! (with carrel installed), by CARREL_RUN where clusters may be, and by CARREL_RUN_AS which user is
//! to run them when the tests themselves run as root.

mod cases;
mod catalog;
mod client;
mod cluster;
mod database;
mod disk;
mod fixtures;
pub mod grants;
pub mod identity;
mod pooler;
mod programs;
mod session;

pub use cases::{Case, Role};
pub use catalog::{assert_same_lines, catalog, privileges};
pub use client::{clients, installed, succeed};
pub use cluster::Cluster;
pub use database::Database;
pub use disk::Disk;
pub use fixtures::{ALICE, BOB, TABLES, at_once, contents};
pub use pooler::Pooler;
pub use programs::{assert_same, without_random_lines};
pub use session::Session;
