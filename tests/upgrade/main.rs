//! From one version to the next: of Postgres and of carrel. `make test-upgrade` runs these tests.

mod next_version;
mod pg_upgrade;
