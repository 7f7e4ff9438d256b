//! Queries of the records of granted roles.

/// Query that reads the CTE `named`: records with the roles that they name. $1: this installation.
macro_rules! of_named_roles {
    ($($query:tt)*) => {
        concat!("with named as (\n", include_str!("../../sql/access/named_roles.sql"), ")\n", $($query)*)
    };
}
pub(super) use of_named_roles;
