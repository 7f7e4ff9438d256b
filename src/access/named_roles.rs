//! Records of granted roles, with the roles that they name.

/// A query of the records of granted roles with the roles that they name, as `named`. $1: this installation.
macro_rules! of_named_roles {
    ($($query:tt)*) => {
        concat!("with named as (\n", include_str!("../../sql/access/named_roles.sql"), ")\n", $($query)*)
    };
}
pub(super) use of_named_roles;
