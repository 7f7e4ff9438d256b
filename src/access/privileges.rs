//! Privileges of each kind of role, parsed from `sql/privileges/<kind>.sql`.

use crate::definitions::statements;
use std::sync::LazyLock;

/// Kind of role.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum RoleKind {
    User,
    SelfMetering,
    Service,
    Operator,
}

impl RoleKind {
    pub const ALL: [Self; 4] = [Self::User, Self::SelfMetering, Self::Service, Self::Operator];

    /// Name in `granted_roles.kind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::SelfMetering => "self_metering",
            Self::Service => "service",
            Self::Operator => "operator",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The files with the kind's privileges.
    fn files(self) -> &'static [&'static str] {
        const BOTH: &str = include_str!("../../sql/privileges/user_and_service.sql");
        match self {
            Self::User => &[BOTH, include_str!("../../sql/privileges/user.sql")],
            Self::SelfMetering => &[include_str!("../../sql/privileges/self_metering.sql")],
            Self::Service => &[BOTH, include_str!("../../sql/privileges/service.sql")],
            Self::Operator => &[include_str!("../../sql/privileges/operator.sql")],
        }
    }

    fn statements(self) -> impl Iterator<Item = &'static str> {
        self.files().iter().flat_map(|sql| statements(sql))
    }

    /// The privileges of the kind.
    pub fn privileges(self) -> impl Iterator<Item = Privilege> {
        static READ: LazyLock<[Vec<Privilege>; RoleKind::ALL.len()]> = LazyLock::new(|| {
            RoleKind::ALL.map(|kind| kind.statements().flat_map(privileges_of).collect())
        });
        READ[self as usize].iter().copied()
    }
}

/// Privilege on an object or on a column of a table.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Privilege {
    /// `schema`, `table` or `function`.
    pub class: &'static str,
    /// Name of the object, without `carrel.`.
    pub object: &'static str,
    pub column: Option<&'static str>,
    /// Privilege in lower case, such as `select`.
    pub privilege: &'static str,
}

/// Parses a line such as `grant select, update (a, b) on table carrel.x to :role`.
fn privileges_of(grant: &'static str) -> Vec<Privilege> {
    let parts = grant
        .strip_prefix("grant ")
        .and_then(|rest| rest.strip_suffix(" to :role"))
        .and_then(|rest| rest.split_once(" on "))
        .and_then(|(what, object)| Some((what, object.split_once(' ')?)));
    let Some((what, (class, object))) = parts else { return Vec::new() };
    let object = object.strip_prefix("carrel.").unwrap_or(object);
    let with = |privilege, column| Privilege { class, object, column, privilege };
    match what.split_once(" (") {
        Some((privilege, columns)) => columns
            .trim_end_matches(')')
            .split(", ")
            .map(|column| with(privilege, Some(column)))
            .collect(),
        None => what.split(", ").map(|privilege| with(privilege, None)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_files_is_read() {
        for kind in RoleKind::ALL {
            for line in kind.statements() {
                assert!(!privileges_of(line).is_empty(), "{line}");
            }
        }
    }

    #[test]
    fn columns_are_privileges_of_their_own() {
        let with = |column, privilege| Privilege { class: "table", object: "x", column, privilege };
        assert_eq!(
            privileges_of("grant select, insert on table carrel.x to :role"),
            [with(None, "select"), with(None, "insert")]
        );
        assert_eq!(
            privileges_of("grant update (a, b) on table carrel.x to :role"),
            [with(Some("a"), "update"), with(Some("b"), "update")]
        );
    }
}
