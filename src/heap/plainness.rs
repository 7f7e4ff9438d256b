//! Whether rows of a table can be written without a statement: whoever added a trigger, a check, a rule, a
//! generated column or the like to it has statements write them, which mind all that.

use super::attribute;
use pgrx::pg_sys;
use std::ffi::{CStr, c_char};

/// What a table has that the caller does by itself.
#[derive(Clone, Copy)]
pub struct Upheld {
    /// Triggers by their names, of any kind.
    pub triggers: &'static [&'static CStr],
    /// Checks by their names.
    pub checks: &'static [&'static CStr],
    /// The foreign keys: rows are inserted only when what they refer to is there and locked.
    pub has_references: bool,
}

impl Upheld {
    /// Nothing.
    pub const NOTHING: Self = Self { triggers: &[], checks: &[], has_references: false };
}

/// Whether setting columns of a row, none of which is in a foreign key, needs no statement.
///
/// # Safety
/// The relation is open.
pub unsafe fn is_plain_to_change(relation: pg_sys::Relation, upheld: Upheld) -> bool {
    // SAFETY: as the caller says.
    unsafe {
        is_plain(relation, upheld)
            && triggers(relation).iter().all(|trigger| {
                is_referential(trigger)
                    || u32::from(trigger.tgtype as u16) & pg_sys::TRIGGER_TYPE_UPDATE == 0
                    || is_upheld(trigger, upheld)
            })
    }
}

/// Whether inserting a row in which all these columns are set, and no others, needs no statement.
///
/// # Safety
/// The relation is open.
pub unsafe fn is_plain_to_insert(
    relation: pg_sys::Relation,
    upheld: Upheld,
    is_set: &[bool],
) -> bool {
    // SAFETY: as the caller says; a description has as many columns as it says.
    unsafe {
        let references = triggers(relation)
            .iter()
            .filter(|trigger| trigger.tgfoid.to_u32() == pg_sys::F_RI_FKEY_CHECK_INS);
        let desc = (*relation).rd_att;
        is_plain(relation, upheld)
            && references.count() == usize::from(upheld.has_references)
            && triggers(relation).iter().all(|trigger| {
                is_referential(trigger)
                    || u32::from(trigger.tgtype as u16) & pg_sys::TRIGGER_TYPE_INSERT == 0
                    || is_upheld(trigger, upheld)
            })
            // Columns that somebody added are null, if they can be.
            && (0..is_set.len()).all(|place| {
                let column = &*attribute(desc, place);
                let can_be_null = || {
                    let kind = get_typtype(column.atttypid) as u8;
                    !column.attnotnull && !column.atthasdef && kind != pg_sys::TYPTYPE_DOMAIN
                };
                is_set[place] || column.attisdropped || can_be_null()
            })
    }
}

/// # Safety
/// The relation is open.
unsafe fn is_plain(relation: pg_sys::Relation, upheld: Upheld) -> bool {
    // SAFETY: an open relation knows its constraints, of which each has a name.
    unsafe {
        let kind = &*(*relation).rd_rel;
        let constraints = (*(*relation).rd_att).constr;
        let has_constraints = !constraints.is_null() && {
            let count = usize::from((*constraints).num_check);
            let checks = match count {
                0 => &[],
                _ => std::slice::from_raw_parts((*constraints).check, count),
            };
            (*constraints).has_generated_stored
                || checks.iter().any(|check| !upheld.checks.contains(&CStr::from_ptr(check.ccname)))
        };
        kind.relkind as u8 == pg_sys::RELKIND_RELATION
            && kind.relam == pg_sys::HEAP_TABLE_AM_OID
            && !kind.relispartition
            && (*relation).rd_rules.is_null()
            && !has_constraints
            && pg_sys::SessionReplicationRole == pg_sys::SESSION_REPLICATION_ROLE_ORIGIN as i32
    }
}

/// # Safety
/// The relation is open.
unsafe fn triggers<'a>(relation: pg_sys::Relation) -> &'a [pg_sys::Trigger] {
    // SAFETY: an open relation knows its triggers.
    unsafe {
        let triggers = (*relation).trigdesc;
        if triggers.is_null() {
            return &[];
        }
        std::slice::from_raw_parts((*triggers).triggers, (*triggers).numtriggers as usize)
    }
}

/// A trigger of a relation by its name.
///
/// # Safety
/// The relation is open.
pub unsafe fn trigger(relation: pg_sys::Relation, name: &CStr) -> Option<pg_sys::Trigger> {
    // SAFETY: as the caller says; a trigger has a name.
    unsafe {
        let mut all = triggers(relation).iter();
        all.find(|trigger| CStr::from_ptr(trigger.tgname) == name).copied()
    }
}

/// Whether a trigger is one that a foreign key is made of.
fn is_referential(trigger: &pg_sys::Trigger) -> bool {
    trigger.tgisinternal && trigger.tgfoid.to_u32() != pg_sys::F_UNIQUE_KEY_RECHECK
}

/// # Safety
/// A trigger of an open relation.
unsafe fn is_upheld(trigger: &pg_sys::Trigger, upheld: Upheld) -> bool {
    // SAFETY: a trigger has a name.
    let name = unsafe { CStr::from_ptr(trigger.tgname) };
    // The owner, as which rows are written, has every privilege.
    let is_upheld =
        upheld.triggers.contains(&name) || name.to_bytes().ends_with(b"_check_privileges");
    is_upheld && trigger.tgenabled as u8 == pg_sys::TRIGGER_FIRES_ON_ORIGIN
}

unsafe extern "C-unwind" {
    fn get_typtype(oid: pg_sys::Oid) -> c_char;
}
