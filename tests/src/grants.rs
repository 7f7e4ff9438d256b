//! Privileges that Supabase's guide to custom schemas has operators give. CARREL_GRANTS=guide runs the tests with them: given before
//! the extension by default privileges, and after it by GRANT.

use std::sync::OnceLock;

/// Default privileges, of the schema and of all schemas, and the roles that get them.
pub const BEFORE: &str = "
    create role anon login;
    create schema carrel;
    grant usage on schema carrel to anon, authenticated, service_role;
    alter default privileges for role postgres in schema carrel grant all on tables to anon, authenticated, service_role;
    alter default privileges for role postgres in schema carrel grant all on routines to anon, authenticated, service_role;
    alter default privileges for role postgres in schema carrel grant all on sequences to anon, authenticated, service_role;
    alter default privileges for role postgres grant all on tables to anon, authenticated, service_role;
    alter default privileges for role postgres grant all on routines to anon, authenticated, service_role";

/// The guide's own statements.
pub const AFTER: &str = "
    grant usage on schema carrel to anon, authenticated, service_role;
    grant all on all tables in schema carrel to anon, authenticated, service_role;
    grant all on all routines in schema carrel to anon, authenticated, service_role;
    grant all on all sequences in schema carrel to anon, authenticated, service_role";

/// Says if a statement came to nothing for want of privileges: it was refused, or, where too many are granted, policies hide every
/// row.
pub fn came_to_nothing(outcome: &Result<u64, String>) -> bool {
    *outcome == Err("42501".to_owned()) || are_given() && *outcome == Ok(0)
}

/// Says if this run's databases have them.
pub fn are_given() -> bool {
    static ARE_GIVEN: OnceLock<bool> = OnceLock::new();
    *ARE_GIVEN.get_or_init(|| match std::env::var("CARREL_GRANTS").as_deref() {
        Ok("guide") => true,
        Ok("") | Err(_) => false,
        Ok(other) => panic!("CARREL_GRANTS={other}: it is guide"),
    })
}
