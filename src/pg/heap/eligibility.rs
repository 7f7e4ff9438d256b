//! Guards the direct path: rows are written without a statement only if a statement would do nothing else.
//!
//! SQL writes the rows if an operator added a trigger, CHECK, rule, foreign key or generated column to the
//! table, or if an extension watches statements.

use super::attribute;
use crate::pg::error::{Result, catch};
use crate::pg::ffi::{
    CheckCmdReplicaIdentity, RelationGetFKeyList, RelationGetIndexAttrBitmap, bms_free,
    bms_is_member, get_attnum, get_typtype,
};
use crate::pg::relation_ids;
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// Triggers and constraints of a table that the caller enforces itself.
#[derive(Clone, Copy)]
pub struct HandledByCaller {
    /// Names of triggers, of any kind.
    pub triggers: &'static [&'static CStr],
    /// Names of CHECK constraints.
    pub checks: &'static [&'static CStr],
    /// The table's only foreign key. The caller inserts a row only while it holds a lock on the referenced
    /// row.
    pub reference: Option<Reference>,
}

/// Single-column foreign key to one of carrel's tables.
#[derive(Clone, Copy)]
pub struct Reference {
    pub column: &'static CStr,
    pub table: &'static CStr,
    pub key: &'static CStr,
}

impl HandledByCaller {
    /// The caller enforces nothing.
    pub const NOTHING: Self = Self { triggers: &[], checks: &[], reference: None };
}

/// Returns true if the columns at these positions can be set without a statement.
///
/// Fails as an UPDATE does if a publication publishes updates of the table and its replica identity is
/// insufficient.
///
/// # Safety
/// The relation is open.
pub unsafe fn is_plain_to_change(
    relation: pg_sys::Relation,
    handled: HandledByCaller,
    set: &[usize],
) -> Result<bool> {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let is_plain = is_plain(relation, handled)
            && triggers(relation).iter().all(|trigger| {
                is_referential(trigger)
                    || u32::from(trigger.tgtype as u16) & pg_sys::TRIGGER_TYPE_UPDATE == 0
                    || is_handled(trigger, handled)
            })
            && !is_any_in_a_key(relation, set)?;
        if is_plain {
            catch(|| CheckCmdReplicaIdentity(relation, pg_sys::CmdType::CMD_UPDATE))?;
        }
        Ok(is_plain)
    }
}

/// Returns true if a row that sets exactly these columns can be inserted without a statement.
///
/// # Safety
/// The relation is open.
pub unsafe fn is_plain_to_insert(
    relation: pg_sys::Relation,
    handled: HandledByCaller,
    is_set: &[bool],
) -> Result<bool> {
    // SAFETY: guaranteed by the caller; a tuple descriptor has `natts` columns.
    unsafe {
        let desc = (*relation).rd_att;
        let is_plain = is_plain(relation, handled)
            && triggers(relation).iter().all(|trigger| {
                is_referential(trigger)
                    || u32::from(trigger.tgtype as u16) & pg_sys::TRIGGER_TYPE_INSERT == 0
                    || is_handled(trigger, handled)
            })
            // Columns added by an operator must accept null.
            && (0..is_set.len()).all(|position| {
                let column = &*attribute(desc, position);
                let can_be_null = || {
                    let kind = get_typtype(column.atttypid) as u8;
                    !column.attnotnull && !column.atthasdef && kind != pg_sys::TYPTYPE_DOMAIN
                };
                is_set[position] || column.attisdropped || can_be_null()
            });
        Ok(is_plain && has_only_reference(relation, handled.reference)?)
    }
}

/// Returns true if the relation is an ordinary table without rules, generated columns or unknown CHECK
/// constraints, and direct writes are allowed.
///
/// # Safety
/// The relation is open.
unsafe fn is_plain(relation: pg_sys::Relation, handled: HandledByCaller) -> bool {
    // SAFETY: the relation is open; each of its constraints has a name.
    unsafe {
        let kind = &*(*relation).rd_rel;
        let constraints = (*(*relation).rd_att).constr;
        let has_constraints = !constraints.is_null() && {
            let count = usize::from((*constraints).num_check);
            let checks = match count {
                0 => &[],
                _ => std::slice::from_raw_parts((*constraints).check, count),
            };
            #[cfg(feature = "pg18")]
            let has_generated =
                (*constraints).has_generated_stored || (*constraints).has_generated_virtual;
            #[cfg(not(feature = "pg18"))]
            let has_generated = (*constraints).has_generated_stored;
            has_generated
                || checks
                    .iter()
                    .any(|check| !handled.checks.contains(&CStr::from_ptr(check.ccname)))
        };
        super::are_writes_direct()
            && !are_statements_watched()
            && kind.relkind as u8 == pg_sys::RELKIND_RELATION
            && kind.relam == pg_sys::HEAP_TABLE_AM_OID
            && !kind.relispartition
            && (*relation).rd_rules.is_null()
            && !has_constraints
            && pg_sys::SessionReplicationRole == pg_sys::SESSION_REPLICATION_ROLE_ORIGIN as i32
    }
}

/// Returns true if an extension such as pgaudit hooks the permission check of each statement.
fn are_statements_watched() -> bool {
    // SAFETY: a variable of the server that extensions set when they are loaded.
    unsafe { (&raw const pg_sys::ExecutorCheckPerms_hook).read().is_some() }
}

/// Returns true if the table's only foreign key is the expected one, or if it has none and none is expected.
///
/// # Safety
/// The relation is open.
unsafe fn has_only_reference(
    relation: pg_sys::Relation,
    expected: Option<Reference>,
) -> Result<bool> {
    // SAFETY: guaranteed by the caller; a foreign key has at least one column.
    unsafe {
        let keys = foreign_keys(relation)?;
        let Some(expected) = expected else { return Ok(keys.is_empty()) };
        let [key] = keys else { return Ok(false) };
        let key = &*key.ptr_value.cast::<pg_sys::ForeignKeyCacheInfo>();
        let table = relation_ids::table(expected.table)?;
        if key.nkeys != 1 || key.confrelid != table {
            return Ok(false);
        }
        let (column, of_table) = (expected.column.as_ptr(), expected.key.as_ptr());
        let oid = (*relation).rd_id;
        let numbers = catch(|| [get_attnum(oid, column), get_attnum(table, of_table)])?;
        Ok(numbers == [key.conkey[0], key.confkey[0]])
    }
}

/// Returns true if one of the columns at these positions is part of a foreign key, or of a key that other
/// tables can reference.
///
/// # Safety
/// The relation is open.
unsafe fn is_any_in_a_key(relation: pg_sys::Relation, positions: &[usize]) -> Result<bool> {
    // SAFETY: guaranteed by the caller; the bitmap is null or is freed here.
    unsafe {
        let is_set = |number: &pg_sys::AttrNumber| positions.contains(&(*number as usize - 1));
        let is_in_foreign_key = foreign_keys(relation)?.iter().any(|key| {
            let key = &*key.ptr_value.cast::<pg_sys::ForeignKeyCacheInfo>();
            key.conkey.iter().take(key.nkeys as usize).any(is_set)
        });
        Ok(is_in_foreign_key
            || catch(|| {
                let kind = pg_sys::IndexAttrBitmapKind::INDEX_ATTR_BITMAP_KEY;
                let keys = RelationGetIndexAttrBitmap(relation, kind);
                let first = 1 - pg_sys::FirstLowInvalidHeapAttributeNumber;
                let is_any = positions
                    .iter()
                    .any(|position| bms_is_member(*position as c_int + first, keys));
                bms_free(keys);
                is_any
            })?)
    }
}

/// Foreign keys of a table, as a list of [`pg_sys::ForeignKeyCacheInfo`].
///
/// # Safety
/// The relation is open, and no other relation is opened while the list is in use.
unsafe fn foreign_keys<'a>(relation: pg_sys::Relation) -> Result<&'a [pg_sys::ListCell]> {
    // SAFETY: guaranteed by the caller; an empty list is null.
    unsafe {
        let list = catch(|| RelationGetFKeyList(relation))?;
        if list.is_null() {
            return Ok(&[]);
        }
        Ok(std::slice::from_raw_parts((*list).elements, (*list).length as usize))
    }
}

/// Triggers of a relation.
///
/// # Safety
/// The relation is open.
unsafe fn triggers<'a>(relation: pg_sys::Relation) -> &'a [pg_sys::Trigger] {
    // SAFETY: guaranteed by the caller; `trigdesc` is null or has `numtriggers` triggers.
    unsafe {
        let triggers = (*relation).trigdesc;
        if triggers.is_null() {
            return &[];
        }
        std::slice::from_raw_parts((*triggers).triggers, (*triggers).numtriggers as usize)
    }
}

/// Finds a trigger of a relation by name.
///
/// # Safety
/// The relation is open.
pub unsafe fn trigger(relation: pg_sys::Relation, name: &CStr) -> Option<pg_sys::Trigger> {
    // SAFETY: guaranteed by the caller; each trigger has a name.
    unsafe {
        let mut all = triggers(relation).iter();
        all.find(|trigger| CStr::from_ptr(trigger.tgname) == name).copied()
    }
}

/// Returns true if the trigger implements a foreign key.
fn is_referential(trigger: &pg_sys::Trigger) -> bool {
    trigger.tgisinternal && trigger.tgfoid.to_u32() != pg_sys::F_UNIQUE_KEY_RECHECK
}

/// Returns true if the caller does the trigger's work.
///
/// # Safety
/// The trigger belongs to an open relation.
unsafe fn is_handled(trigger: &pg_sys::Trigger, handled: HandledByCaller) -> bool {
    // SAFETY: each trigger has a name.
    let name = unsafe { CStr::from_ptr(trigger.tgname) };
    // The privilege triggers always let the owner pass, and rows are written as the owner.
    let is_handled =
        handled.triggers.contains(&name) || name.to_bytes().ends_with(b"_check_privileges");
    is_handled && trigger.tgenabled as u8 == pg_sys::TRIGGER_FIRES_ON_ORIGIN
}
