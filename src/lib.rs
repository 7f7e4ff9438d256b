//! carrel: the backend of a multi-tenant AI document application, inside Postgres.

::pgrx::pg_module_magic!(name, version);

mod version {
    use pgrx::prelude::*;

    /// The version of the library that answers.
    #[pg_extern(immutable, parallel_safe)]
    fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

#[cfg(test)]
pub mod pg_test {
    pub fn setup(_options: Vec<&str>) {}

    pub fn postgresql_conf_options() -> Vec<&'static str> {
        vec![]
    }
}
