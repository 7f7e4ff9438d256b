//! Role `carrel_owner`: owner of carrel's tables, and the role of carrel's own work.
//!
//! `carrel_owner` cannot log in and has no privileges beyond carrel's tables, so code that runs as the owner
//! can do no more than carrel. All databases of a cluster share the role. CREATE EXTENSION creates it if it
//! is missing, also during a restore: the dump refers to it.
//!
//! Work as the owner is refused if one of the tables belongs to another role. That role could have added
//! rules, defaults or checks that would run with the owner's rights.

use super::cache::Changes;
use super::error::{Error, Result, SqlState, catch};
use super::ffi::{
    SPI_gettypeid, get_element_type, get_func_namespace, get_namespace_oid, get_rel_name,
    get_rel_namespace, get_typtype, table_close, table_open,
};
use super::relation_ids;
use super::roles;
use super::spi::{self, Access};
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int};
use std::sync::OnceLock;

const NAME: &CStr = c"carrel_owner";

/// Names of the tables that must belong to the owner.
static TABLES: OnceLock<Vec<&'static str>> = OnceLock::new();

thread_local! {
    /// Oid of the owner as of the last look-up.
    static KNOWN: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
    /// True while all tables are known to belong to the owner.
    static OWNS_ALL: Cell<bool> = const { Cell::new(false) };
    /// Changes of roles, schemas, functions, and of the checked tables.
    static CHANGES: Changes = const {
        use pg_sys::SysCacheIdentifier::{AUTHNAME, NAMESPACENAME, PROCOID};
        Changes::of(&[AUTHNAME, NAMESPACENAME, PROCOID])
    };
    /// Tables that foreign keys connect with carrel's tables. Empty until they are read.
    static CONNECTED: RefCell<Vec<pg_sys::Oid>> = const { RefCell::new(Vec::new()) };
    /// Changes of the connected tables.
    static CONNECTED_CHANGES: Changes = const { Changes::of(&[]) };
}

/// Sets the names of the tables that must belong to the owner. Called once, when the library is loaded.
pub fn set_tables(names: Vec<&'static str>) {
    TABLES.get_or_init(|| names);
}

fn tables() -> &'static [&'static str] {
    TABLES.get().map_or(&[], Vec::as_slice)
}

/// Query over `sql/foreign_code.sql`.
const FOREIGN_CODE: &str =
    "select relation, case when is_refused then what end, is_of_others from carrel.foreign_code()";

/// Oid of the owner, if the role exists.
pub fn find() -> Result<Option<pg_sys::Oid>> {
    let owner = roles::find(NAME)?;
    KNOWN.set(owner.unwrap_or(pg_sys::InvalidOid));
    Ok(owner)
}

/// Oid of the owner as of the last look-up in this session; invalid before the first.
pub fn known() -> pg_sys::Oid {
    KNOWN.get()
}

/// Oid of the owner. Fails with 55000 if the role does not exist.
pub fn oid() -> Result<pg_sys::Oid> {
    find()?.ok_or_else(|| {
        Error::new(SqlState::ObjectNotInPrerequisiteState, "role \"carrel_owner\" does not exist")
            .detail("It owns carrel's tables.")
            .hint("If it was renamed, rename it back; otherwise a superuser runs: select carrel.migrate()")
    })
}

/// Oid of the owner, after checking that it owns each of carrel's tables and that none has foreign code.
/// Fails with 42501 otherwise.
pub fn of_all_tables() -> Result<pg_sys::Oid> {
    let owner = oid()?;
    if Changes::take(&CHANGES) {
        OWNS_ALL.set(false);
    }
    if OWNS_ALL.get() {
        return Ok(owner);
    }
    for table in tables() {
        let Some((relation, found)) = relation_ids::owner_of(table)? else { continue };
        if found != owner {
            return Err(foreign_table(relation, found));
        }
    }
    refuse_foreign_code(owner)?;
    OWNS_ALL.set(true);
    Ok(owner)
}

/// Returns true if foreign keys connect the table with one of carrel's: it references one directly or through
/// other tables, or one references it.
pub fn is_connected(table: pg_sys::Oid) -> Result<bool> {
    if Changes::take(&CONNECTED_CHANGES) {
        CONNECTED.take();
    }
    if CONNECTED.with_borrow(Vec::is_empty) {
        let Some(owner) = find()? else { return Ok(false) };
        let tables = spi::as_owner_of_catalogs(owner, Access::Read, |db| {
            db.latest(|| db.rows(FOREIGN_CODE, &[], |row| row.need::<pg_sys::Oid>(1)))
        })?;
        CONNECTED_CHANGES.with(|changes| changes.watch(tables.clone()));
        CONNECTED.set(tables);
    }
    Ok(CONNECTED.with_borrow(|tables| tables.contains(&table)))
}

/// Returns true if schema carrel exists.
pub fn has_schema() -> Result<bool> {
    Ok(schema()? != pg_sys::InvalidOid)
}

fn schema() -> Result<pg_sys::Oid> {
    // SAFETY: looks up a C string in the catalog cache.
    catch(|| unsafe { get_namespace_oid(c"carrel".as_ptr(), true) })
}

/// Oids of carrel's tables, and true if they have anything that [`FOREIGN_CODE`] could report: triggers,
/// referencing tables, inheritance children, columns of domains or composite types. Takes microseconds, much
/// less than the query.
fn look_at_tables() -> Result<(Vec<pg_sys::Oid>, bool)> {
    let schema = schema()?;
    let (mut own, mut has_others) = (Vec::with_capacity(tables().len()), false);
    for table in tables() {
        let Some((oid, _)) = relation_ids::owner_of(table)? else { continue };
        own.push(oid);
        // SAFETY: the oid is a table's. An open relation has its triggers and columns.
        has_others |= catch(|| unsafe {
            let lock = pg_sys::AccessShareLock as c_int;
            let relation = table_open(oid, lock);
            let mut has_others = (*(*relation).rd_rel).relhassubclass;
            let triggers = (*relation).trigdesc;
            let count = if triggers.is_null() { 0 } else { (*triggers).numtriggers as usize };
            for index in 0..count {
                let trigger = &*(*triggers).triggers.add(index);
                has_others |= match trigger.tgisinternal {
                    true => {
                        ![pg_sys::F_RI_FKEY_CHECK_INS, pg_sys::F_RI_FKEY_CHECK_UPD]
                            .contains(&trigger.tgfoid.to_u32())
                            && trigger.tgconstrrelid != pg_sys::InvalidOid
                            && get_rel_namespace(trigger.tgconstrrelid) != schema
                    }
                    false => get_func_namespace(trigger.tgfoid) != schema,
                };
            }
            for number in 1..=(*(*relation).rd_att).natts {
                let kind = SPI_gettypeid((*relation).rd_att, number);
                let element = get_element_type(kind);
                for kind in [kind, element] {
                    has_others |= kind != pg_sys::InvalidOid
                        && [b'd', b'c'].contains(&(get_typtype(kind) as u8));
                }
            }
            table_close(relation, lock);
            has_others
        })?;
    }
    Ok((own, has_others))
}

/// Fails with 42501 if carrel's tables, or tables that reference them, have code of less privileged roles
/// that would run as the owner or as the caller; see `sql/foreign_code.sql`.
fn refuse_foreign_code(owner: pg_sys::Oid) -> Result<()> {
    let (own, has_others) = look_at_tables()?;
    if !has_others {
        spi::set_followed_by_others(false);
        CHANGES.with(|changes| changes.watch(own));
        return Ok(());
    }
    let reached = spi::as_owner_of_catalogs(owner, Access::Read, |db| {
        db.latest(|| {
            db.rows(FOREIGN_CODE, &[], |row| {
                Ok((row.need::<pg_sys::Oid>(1)?, row.get::<String>(2), row.need::<bool>(3)?))
            })
        })
    })?;
    let tables = reached.iter().map(|(relation, ..)| *relation).collect();
    CHANGES.with(|changes| changes.watch(tables));
    spi::set_followed_by_others(reached.iter().any(|(.., is_of_others)| *is_of_others));
    let Some(what) = reached.into_iter().find_map(|(_, what, _)| what) else { return Ok(()) };
    Err(Error::new(SqlState::InsufficientPrivilege, format!("{what}, which carrel does not run"))
        .detail("It would run with the rights of carrel's owner, or of carrel's caller.")
        .hint("Drop it, or have a superuser own the function or type."))
}

/// Error for a table of carrel's that belongs to another role.
pub fn foreign_table(relation: pg_sys::Oid, owner: pg_sys::Oid) -> Error {
    let names =
        || Ok((relation_name(relation)?, roles::name(owner)?, roles::has_superuser(owner)?));
    let (table, role, is_superuser) = match names() {
        Ok(names) => names,
        Err(error) => return error,
    };
    Error::new(
        SqlState::InsufficientPrivilege,
        format!("table carrel.{table} belongs to role \"{role}\" instead of \"carrel_owner\""),
    )
    .detail("Its owner could have carrel run code of theirs.")
    .hint(if is_superuser {
        "A superuser runs: select carrel.migrate()".to_owned()
    } else {
        format!("If its definition can be trusted, a superuser runs: alter table carrel.{table} owner to carrel_owner; then: select carrel.migrate()")
    })
}

/// Name of a relation; empty if it does not exist.
fn relation_name(relation: pg_sys::Oid) -> Result<String> {
    // SAFETY: looks up an oid in the catalog cache.
    let name = catch(|| unsafe { get_rel_name(relation) })?;
    if name.is_null() {
        return Ok(String::new());
    }
    // SAFETY: a C string from Postgres.
    Ok(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
}
