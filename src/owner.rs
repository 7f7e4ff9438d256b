//! The role that owns carrel's tables and that carrel's own work runs as.
//!
//! `carrel_owner` cannot log in and has no privilege beyond carrel's tables, so nothing that runs as the owner can do more
//! than carrel itself may. It is the same role in every database of a cluster; CREATE EXTENSION makes it where it is
//! missing, also while a dump is restored, for the dump names it.
//!
//! Work as the owner is refused while one of the tables belongs to somebody else: that role could have put rules,
//! defaults or checks on it that would run with the owner's rights.

use crate::pg::error::{Error, Result, SqlState, catch};
use crate::pg::ffi::{
    GetUserNameFromId, SPI_gettypeid, get_element_type, get_func_namespace, get_namespace_oid,
    get_rel_name, get_rel_namespace, get_role_oid, get_typtype, superuser_arg, table_close,
    table_open,
};
use crate::pg::heap;
use crate::pg::spi::{self, Access, Db};
use crate::schema::definitions::TABLES;
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int};

pub const NAME: &CStr = c"carrel_owner";

thread_local! {
    /// The owner as of the last look-up.
    static KNOWN: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
    /// Set while all tables are known to belong to the owner.
    static OWNS_ALL: Cell<bool> = const { Cell::new(false) };
    static IS_REGISTERED: Cell<bool> = const { Cell::new(false) };
    /// The tables whose triggers were looked at.
    static WATCHED: RefCell<Vec<pg_sys::Oid>> = const { RefCell::new(Vec::new()) };
}

/// See `sql/foreign_code.sql`.
const FOREIGN_CODE: &str = "select relation, what from carrel.foreign_code()";

/// The owner's oid, if the role exists.
pub fn find() -> Result<Option<pg_sys::Oid>> {
    // SAFETY: a name, looked up in the catalog's cache.
    let owner = catch(|| unsafe { get_role_oid(NAME.as_ptr(), true) })?;
    KNOWN.set(owner);
    Ok((owner != pg_sys::InvalidOid).then_some(owner))
}

/// The owner's oid as of the last look-up in this session; invalid before the first.
pub fn known() -> pg_sys::Oid {
    KNOWN.get()
}

/// The owner's oid. Error 55000 where the role is missing.
pub fn oid() -> Result<pg_sys::Oid> {
    find()?.ok_or_else(|| {
        Error::new(SqlState::ObjectNotInPrerequisiteState, "role \"carrel_owner\" does not exist")
            .detail("It owns carrel's tables.")
            .hint("If it was renamed, rename it back; otherwise a superuser runs: select carrel.migrate()")
    })
}

/// The owner's oid, once it is certain that every table of carrel's belongs to it. Error 42501 otherwise.
pub fn of_all_tables() -> Result<pg_sys::Oid> {
    let owner = oid()?;
    register();
    if OWNS_ALL.get() {
        return Ok(owner);
    }
    for table in &TABLES {
        let Some((relation, found)) = heap::owner_of(table.name)? else { continue };
        if found != owner {
            return Err(foreign_table(relation, found));
        }
    }
    refuse_foreign_code(owner)?;
    OWNS_ALL.set(true);
    Ok(owner)
}

/// The oids of carrel's tables, and whether anything on them is not carrel's that [`FOREIGN_CODE`] could be about: triggers, tables that
/// follow or inherit, columns of domains. It takes microseconds, which that query does not.
fn look_at_tables() -> Result<(Vec<pg_sys::Oid>, bool)> {
    // SAFETY: a name, looked up in the catalog's cache.
    let schema = catch(|| unsafe { get_namespace_oid(c"carrel".as_ptr(), true) })?;
    let (mut own, mut has_others) = (Vec::with_capacity(TABLES.len()), false);
    for table in &TABLES {
        let Some((oid, _)) = heap::owner_of(table.name)? else { continue };
        own.push(oid);
        // SAFETY: a table's oid; an open relation knows its triggers, as many as it says, and its columns.
        has_others |= catch(|| unsafe {
            let lock = pg_sys::AccessShareLock as c_int;
            let relation = table_open(oid, lock);
            let mut has_others = (*(*relation).rd_rel).relhassubclass;
            let triggers = (*relation).trigdesc;
            let count = if triggers.is_null() { 0 } else { (*triggers).numtriggers as usize };
            for place in 0..count {
                let trigger = &*(*triggers).triggers.add(place);
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
                    let kind = kind != pg_sys::InvalidOid
                        && [b'd', b'c'].contains(&(get_typtype(kind) as u8));
                    has_others |= kind;
                }
            }
            table_close(relation, lock);
            has_others
        })?;
    }
    Ok((own, has_others))
}

/// Error 42501 where work as the owner would run code of roles with fewer rights in the midst, or leave it behind; see
/// `sql/foreign_code.sql`.
fn refuse_foreign_code(owner: pg_sys::Oid) -> Result<()> {
    let (own, has_others) = look_at_tables()?;
    if !has_others {
        WATCHED.set(own);
        return Ok(());
    }
    let reached = spi::as_owner_of_catalogs(owner, Access::Read, |db| {
        db.rows(FOREIGN_CODE, &[], |row| Ok((row.need::<pg_sys::Oid>(1)?, row.get::<String>(2))))
    })?;
    WATCHED.with_borrow_mut(|watched| {
        watched.clear();
        watched.extend(reached.iter().map(|(relation, _)| *relation));
    });
    let Some(what) = reached.into_iter().find_map(|(_, what)| what) else { return Ok(()) };
    Err(Error::new(
        SqlState::InsufficientPrivilege,
        format!("{what}, which carrel does not run"),
    )
    .detail("It would run with the rights of carrel's owner, or of whoever calls carrel.")
    .hint("Drop it, or have a superuser own the function or type; a trigger can be made not deferrable."))
}

/// The error for a table of carrel's that belongs to another role.
pub fn foreign_table(relation: pg_sys::Oid, owner: pg_sys::Oid) -> Error {
    // SAFETY: oids, looked up in the catalog's cache; names are C strings or null.
    let names = catch(|| unsafe {
        (get_rel_name(relation), GetUserNameFromId(owner, true), superuser_arg(owner))
    });
    let (table, role, is_superuser) = match names {
        Ok((table, role, is_superuser)) => (text(table), text(role), is_superuser),
        Err(error) => return error,
    };
    Error::new(
        SqlState::InsufficientPrivilege,
        format!("table carrel.{table} belongs to role \"{role}\" instead of \"carrel_owner\""),
    )
    .detail("Whoever owns it could have carrel run code of theirs.")
    .hint(if is_superuser {
        "A superuser runs: select carrel.migrate()".to_owned()
    } else {
        format!("If its definition can be trusted, a superuser runs: alter table carrel.{table} owner to carrel_owner; then: select carrel.migrate()")
    })
}

fn text(name: *const c_char) -> String {
    if name.is_null() {
        return String::new();
    }
    // SAFETY: a C string of Postgres'.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

/// Has the tables looked at again whenever one of them, a role or a function changes.
fn register() {
    if IS_REGISTERED.replace(true) {
        return;
    }
    use pg_sys::SysCacheIdentifier::{AUTHNAME, NAMESPACENAME, PROCOID};
    // SAFETY: functions that set a flag.
    unsafe {
        for cache in [AUTHNAME, NAMESPACENAME, PROCOID] {
            pg_sys::CacheRegisterSyscacheCallback(cache as c_int, Some(forget), 0.into());
        }
        pg_sys::CacheRegisterRelcacheCallback(Some(forget_table), 0.into());
    }
}

unsafe extern "C-unwind" fn forget(_: pg_sys::Datum, _: c_int, _: u32) {
    OWNS_ALL.set(false);
}

unsafe extern "C-unwind" fn forget_table(_: pg_sys::Datum, table: pg_sys::Oid) {
    let is_watched = || WATCHED.with_borrow(|watched| watched.contains(&table));
    if table == pg_sys::InvalidOid || is_watched() {
        OWNS_ALL.set(false);
    }
}

/// Creates the owner where it is missing, refuses one that is more than it should be, and lets it use the schema and the
/// extension's functions. For superusers: part of migrate(), and of CREATE EXTENSION while a dump is restored.
pub fn prepare() -> Result<()> {
    spi::need_writable(c"GRANT")?;
    spi::as_superuser(Access::Write, |db| {
        if find()?.is_none() {
            db.script("create role carrel_owner nologin noinherit")?;
            db.script(
                "comment on role carrel_owner is 'Owns the tables of the extension carrel. Nobody logs in as it or is its member.'",
            )?;
        }
        if let Some(fault) = faults(db)?.into_iter().next() {
            return Err(Error::new(
                SqlState::InsufficientPrivilege,
                format!("role \"carrel_owner\" {}", fault.what),
            )
            .detail("It owns carrel's tables, and must be nobody and have no other rights.")
            .hint(format!("Run: {}", fault.mend)));
        }
        db.script("grant usage, create on schema carrel to carrel_owner")?;
        grant_functions(db)
    })
}

/// Grants the owner EXECUTE on those functions of the extension that it lacks.
fn grant_functions(db: &Db) -> Result<()> {
    let functions = db.rows(
        "select p.oid::regprocedure::text
        from pg_depend as d
        join pg_extension as e on d.refobjid = e.oid
        join pg_proc as p on d.objid = p.oid
        where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
            and e.extname = 'carrel' and not has_function_privilege('carrel_owner', p.oid, 'execute')
        order by 1",
        &[],
        |row| row.need::<String>(1),
    )?;
    functions.iter().try_for_each(|function| {
        db.script(&format!("grant execute on function {function} to carrel_owner"))
    })
}

/// Something about the owner that gives others its rights, or it others'.
pub struct Fault {
    /// What is wrong, as the rest of a sentence about the role.
    pub what: String,
    /// The statement that mends it.
    pub mend: String,
}

/// What makes the owner more than a role that owns tables: attributes, members, memberships.
pub fn faults(db: &Db) -> Result<Vec<Fault>> {
    db.rows(
        "select what, mend from (
            select 1 as place, format('is %s', attribute) as what, format('alter role carrel_owner no%s', attribute) as mend
            from pg_roles
            cross join lateral (
                values ('superuser', rolsuper), ('createrole', rolcreaterole), ('createdb', rolcreatedb),
                    ('login', rolcanlogin), ('replication', rolreplication), ('bypassrls', rolbypassrls)
            ) as a (attribute, is_set)
            where rolname = 'carrel_owner' and is_set
            union all
            select 2, format('has the member %I', member.rolname), format('revoke carrel_owner from %I cascade', member.rolname)
            from pg_auth_members as m
            join pg_roles as role on m.roleid = role.oid
            join pg_roles as member on m.member = member.oid
            where role.rolname = 'carrel_owner' and not member.rolsuper
            union all
            select 3, format('is a member of %I', role.rolname), format('revoke %I from carrel_owner', role.rolname)
            from pg_auth_members as m
            join pg_roles as role on m.roleid = role.oid
            join pg_roles as member on m.member = member.oid
            where member.rolname = 'carrel_owner'
        ) as fault
        order by place, what",
        &[],
        |row| Ok(Fault { what: row.need(1)?, mend: row.need(2)? }),
    )
}

/// Tables of carrel's that do not belong to the owner, and what else of it does not belong to a superuser, each with its mending.
/// Part of doctor().
pub fn foreign_tables(db: &Db) -> Result<Vec<String>> {
    db.rows(
        "select format('table carrel.%I belongs to role %I: alter table carrel.%1$I owner to carrel_owner', c.relname, r.rolname)
        from pg_class as c
        join pg_roles as r on c.relowner = r.oid
        where c.relnamespace = 'carrel'::regnamespace and c.relkind = 'r' and c.relname::text = any ($1)
            and r.rolname <> 'carrel_owner'
        union all
        select format('schema carrel belongs to role %I, which is no superuser: alter schema carrel owner to a superuser', r.rolname)
        from pg_namespace as n join pg_roles as r on n.nspowner = r.oid
        where n.nspname = 'carrel' and not r.rolsuper
        union all
        select format('the extension belongs to role %I, which is no superuser: reassign owned by %1$I to a superuser', r.rolname)
        from pg_extension as e join pg_roles as r on e.extowner = r.oid
        where e.extname = 'carrel' and not r.rolsuper
        union all
        select format('function %s belongs to role %I, which is no superuser: alter function %1$s owner to a superuser', p.oid::regprocedure, r.rolname)
        from pg_depend as d
        join pg_extension as e on d.refobjid = e.oid
        join pg_proc as p on d.objid = p.oid
        join pg_roles as r on p.proowner = r.oid
        where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
            and e.extname = 'carrel' and not r.rolsuper
        order by 1",
        &[names().into()],
        |row| row.need(1),
    )
}

fn names() -> Vec<String> {
    TABLES.iter().map(|table| table.name.to_owned()).collect()
}

/// Gives the owner the tables that belong to superusers: those of a restore without owners, or from before there was this role. Error 42501 where
/// another role owns one. Part of migrate().
pub fn take_tables() -> Result<()> {
    spi::as_superuser(Access::Write, |db| {
        let tables = db.rows(
            "select c.oid, c.relowner, r.rolsuper, format('%I', c.relname)
            from pg_class as c
            join pg_roles as r on c.relowner = r.oid
            where c.relnamespace = 'carrel'::regnamespace and c.relkind = 'r' and c.relname::text = any ($1)
                and r.rolname <> 'carrel_owner'
            order by r.rolsuper, c.relname",
            &[names().into()],
            |row| Ok((row.need(1)?, row.need(2)?, row.need::<bool>(3)?, row.need::<String>(4)?)),
        )?;
        for (relation, owner, is_superuser, name) in tables {
            if !is_superuser {
                return Err(foreign_table(relation, owner));
            }
            spi::patiently(|| {
                db.script(&format!("alter table carrel.{name} owner to carrel_owner"))
            })?;
        }
        Ok(())
    })
}
