//! The role that owns carrel's tables: making it, finding what is wrong with it, and giving it the tables.

use crate::definitions::table_names;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::owner::{find, foreign_table};
use crate::pg::spi::{self, Access, Db};

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
    /// Fault, as the rest of a sentence about the role.
    pub what: String,
    /// The statement that mends it.
    pub mend: String,
}

/// Lists attributes, members and memberships that make the owner more than a role that owns tables.
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
        select format('schema carrel belongs to role %I, which is no superuser: alter schema carrel owner to %I', r.rolname, s.rolname)
        from pg_namespace as n join pg_roles as r on n.nspowner = r.oid join pg_roles as s on s.oid = 10
        where n.nspname = 'carrel' and not r.rolsuper
        union all
        select format('the extension belongs to role %I, which is no superuser: reassign owned by %1$I to %2$I', r.rolname, s.rolname)
        from pg_extension as e join pg_roles as r on e.extowner = r.oid join pg_roles as s on s.oid = 10
        where e.extname = 'carrel' and not r.rolsuper
        union all
        select format(
            '%s %s belongs to role %I, which is no superuser: alter %1$s %2$s owner to %4$I',
            case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end, p.oid::regprocedure, r.rolname, s.rolname
        )
        from pg_depend as d
        join pg_extension as e on d.refobjid = e.oid
        join pg_proc as p on d.objid = p.oid
        join pg_roles as r on p.proowner = r.oid
        join pg_roles as s on s.oid = 10
        where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
            and e.extname = 'carrel' and not r.rolsuper
        order by 1",
        &[table_names().into()],
        |row| row.need(1),
    )
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
            &[table_names().into()],
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
