//! Guards the direct path: rows are written without a statement only where a statement would do nothing else.
//!
//! Where an operator added a trigger, check, rule, foreign key or generated column to the table, or an extension
//! watches statements, SQL writes the rows.

use super::{attribute, relation_ids};
use crate::pg::error::{Result, catch};
use crate::pg::ffi::{
    CheckCmdReplicaIdentity, RelationGetFKeyList, RelationGetIndexAttrBitmap, bms_free,
    bms_is_member, get_attnum, get_typtype,
};
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// Triggers and constraints of a table that the caller enforces by itself.
#[derive(Clone, Copy)]
pub struct HandledByCaller {
    /// Names of triggers, of any kind.
    pub triggers: &'static [&'static CStr],
    /// Names of checks.
    pub checks: &'static [&'static CStr],
    /// The foreign key, where the table has one: the caller inserts rows only when the row that it names is
    /// there and locked.
    pub reference: Option<Reference>,
}

/// A foreign key of one column to a table of carrel's.
#[derive(Clone, Copy)]
pub struct Reference {
    pub column: &'static CStr,
    pub table: &'static CStr,
    pub key: &'static CStr,
}

impl HandledByCaller {
    /// Nothing.
    pub const NOTHING: Self = Self { triggers: &[], checks: &[], reference: None };
}

/// Returns true if columns at these places of a row can be set without a statement.
///
/// Fails as an UPDATE would if a publication publishes updates of the table that its replica identity can't tell.
///
/// # Safety
/// The relation is open.
pub unsafe fn is_plain_to_change(
    relation: pg_sys::Relation,
    upheld: HandledByCaller,
    set: &[usize],
) -> Result<bool> {
    // SAFETY: as the caller says.
    unsafe {
        let is_plain = is_plain(relation, upheld)
            && triggers(relation).iter().all(|trigger| {
                is_referential(trigger)
                    || u32::from(trigger.tgtype as u16) & pg_sys::TRIGGER_TYPE_UPDATE == 0
                    || is_upheld(trigger, upheld)
            })
            && !is_any_in_a_key(relation, set)?;
        if is_plain {
            catch(|| CheckCmdReplicaIdentity(relation, pg_sys::CmdType::CMD_UPDATE))?;
        }
        Ok(is_plain)
    }
}

/// Returns true if a row in which exactly these columns are set can be inserted without a statement.
///
/// # Safety
/// The relation is open.
pub unsafe fn is_plain_to_insert(
    relation: pg_sys::Relation,
    upheld: HandledByCaller,
    is_set: &[bool],
) -> Result<bool> {
    // SAFETY: as the caller says; a description has as many columns as it says.
    unsafe {
        let desc = (*relation).rd_att;
        let is_plain = is_plain(relation, upheld)
            && triggers(relation).iter().all(|trigger| {
                is_referential(trigger)
                    || u32::from(trigger.tgtype as u16) & pg_sys::TRIGGER_TYPE_INSERT == 0
                    || is_upheld(trigger, upheld)
            })
            // Columns that an operator added are null, if they can be.
            && (0..is_set.len()).all(|place| {
                let column = &*attribute(desc, place);
                let can_be_null = || {
                    let kind = get_typtype(column.atttypid) as u8;
                    !column.attnotnull && !column.atthasdef && kind != pg_sys::TYPTYPE_DOMAIN
                };
                is_set[place] || column.attisdropped || can_be_null()
            });
        Ok(is_plain && has_only_reference(relation, upheld.reference)?)
    }
}

/// # Safety
/// The relation is open.
unsafe fn is_plain(relation: pg_sys::Relation, upheld: HandledByCaller) -> bool {
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
            #[cfg(feature = "pg18")]
            let has_generated =
                (*constraints).has_generated_stored || (*constraints).has_generated_virtual;
            #[cfg(not(feature = "pg18"))]
            let has_generated = (*constraints).has_generated_stored;
            has_generated
                || checks.iter().any(|check| !upheld.checks.contains(&CStr::from_ptr(check.ccname)))
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

/// Returns true if an extension asks, of each statement, which tables it reads and writes, as pgaudit does.
fn are_statements_watched() -> bool {
    // SAFETY: a variable of the server's, which extensions set when they are loaded.
    unsafe { (&raw const pg_sys::ExecutorCheckPerms_hook).read().is_some() }
}

/// Returns true if the table has this foreign key and no other one; or none, where none is meant.
///
/// # Safety
/// The relation is open.
unsafe fn has_only_reference(
    relation: pg_sys::Relation,
    expected: Option<Reference>,
) -> Result<bool> {
    // SAFETY: as the caller says; a foreign key has a column at least.
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

/// Returns true if one of the columns at these places is in a foreign key, or in a key that another table may refer to.
///
/// # Safety
/// The relation is open.
unsafe fn is_any_in_a_key(relation: pg_sys::Relation, places: &[usize]) -> Result<bool> {
    // SAFETY: as the caller says; a set of columns, or null, which is freed.
    unsafe {
        let is_set = |number: &pg_sys::AttrNumber| places.contains(&(*number as usize - 1));
        let is_in_foreign_key = foreign_keys(relation)?.iter().any(|key| {
            let key = &*key.ptr_value.cast::<pg_sys::ForeignKeyCacheInfo>();
            key.conkey.iter().take(key.nkeys as usize).any(is_set)
        });
        Ok(is_in_foreign_key
            || catch(|| {
                let kind = pg_sys::IndexAttrBitmapKind::INDEX_ATTR_BITMAP_KEY;
                let keys = RelationGetIndexAttrBitmap(relation, kind);
                let first = 1 - pg_sys::FirstLowInvalidHeapAttributeNumber;
                let is_any =
                    places.iter().any(|place| bms_is_member(*place as c_int + first, keys));
                bms_free(keys);
                is_any
            })?)
    }
}

/// The foreign keys of a table, [`pg_sys::ForeignKeyCacheInfo`] each.
///
/// # Safety
/// The relation is open, and no other one is opened while the list is in use.
unsafe fn foreign_keys<'a>(relation: pg_sys::Relation) -> Result<&'a [pg_sys::ListCell]> {
    // SAFETY: as the caller says; a list, or null where it is empty.
    unsafe {
        let list = catch(|| RelationGetFKeyList(relation))?;
        if list.is_null() {
            return Ok(&[]);
        }
        Ok(std::slice::from_raw_parts((*list).elements, (*list).length as usize))
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
unsafe fn is_upheld(trigger: &pg_sys::Trigger, upheld: HandledByCaller) -> bool {
    // SAFETY: a trigger has a name.
    let name = unsafe { CStr::from_ptr(trigger.tgname) };
    // The owner, as which rows are written, has every privilege.
    let is_upheld =
        upheld.triggers.contains(&name) || name.to_bytes().ends_with(b"_check_privileges");
    is_upheld && trigger.tgenabled as u8 == pg_sys::TRIGGER_FIRES_ON_ORIGIN
}
