//! What the catalog says of carrel's schema, as lines to be compared with another database's.

use crate::database::Database;

/// Who may do what: a line for each privilege on the schema, a table, a column or a function, with who granted
/// it; but not what owners have of their own.
pub fn privileges(database: &Database) -> Vec<String> {
    let lines = database.superuser().column(
        "select format('%s: %s to %s%s by %s', what, privilege_type, coalesce(grantee.rolname, 'public'),
            case when is_grantable then ' with grant option' end, grantor.rolname)
        from (
            select 'schema ' || nspname, coalesce(nspacl, acldefault('n', nspowner)), nspowner
            from pg_namespace where nspname = 'carrel'
            union all
            select 'relation ' || relname, coalesce(relacl, acldefault('r', relowner)), relowner
            from pg_class where relnamespace = 'carrel'::regnamespace and relkind in ('r', 'v', 'm', 'p')
            union all
            select format('column %s.%s', relname, attname), attacl, relowner
            from pg_attribute join pg_class on pg_class.oid = attrelid
            where relnamespace = 'carrel'::regnamespace and attacl is not null and not attisdropped
            union all
            select 'function ' || p.oid::regprocedure, coalesce(proacl, acldefault('f', proowner)), proowner
            from pg_proc as p where pronamespace = 'carrel'::regnamespace
        ) as object (what, acl, owner)
        cross join aclexplode(acl) as item
        join pg_roles as grantor on grantor.oid = item.grantor
        left join pg_roles as grantee on grantee.oid = item.grantee
        where item.grantee <> owner
        order by 1",
    );
    assert!(lines.iter().any(|line| line.starts_with("column ")), "{lines:?}");
    lines
}

/// Tables, columns in their order, constraints, indexes, policies, triggers, functions, comments and privileges:
/// all that makes a schema what it is.
pub fn catalog(database: &Database) -> Vec<String> {
    let mut lines = database.superuser().column(
        "select 'table ' || relname || format(' rls %s %s kind %s %s %s', relrowsecurity, relforcerowsecurity,
            relkind, reloptions, relreplident)
        from pg_class where relnamespace = 'carrel'::regnamespace and relkind <> 'i'
        union all
        select format('column %s.%s %s: %s %s default %s storage %s %s statistics %s collation %s', relname,
            to_char(row_number() over (partition by c.oid order by attnum), 'FM00'), attname,
            format_type(atttypid, atttypmod), case when attnotnull then 'not null' end,
            pg_get_expr(adbin, adrelid), attstorage, attcompression, nullif(attstattarget, -1), attcollation)
        from pg_class as c join pg_attribute on attrelid = c.oid
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where relnamespace = 'carrel'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
        union all
        select format('constraint %s: %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
        from pg_constraint where connamespace = 'carrel'::regnamespace
        union all
        select format('index %s valid %s', pg_get_indexdef(indexrelid), indisvalid)
        from pg_index join pg_class on pg_class.oid = indexrelid where relnamespace = 'carrel'::regnamespace
        union all
        select format('policy %s: %s %s %s %s %s %s', polrelid::regclass, polname, polpermissive, polcmd,
            polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
        from pg_policy join pg_class on pg_class.oid = polrelid where relnamespace = 'carrel'::regnamespace
        union all
        select format('trigger %s enabled %s', pg_get_triggerdef(pg_trigger.oid), tgenabled)
        from pg_trigger join pg_class on pg_class.oid = tgrelid
        where relnamespace = 'carrel'::regnamespace and not tgisinternal
        union all
        select format('function %s cost %s rows %s member %s', pg_get_functiondef(p.oid), procost, prorows,
            exists (select from pg_depend where objid = p.oid and deptype = 'e'))
        from pg_proc as p where pronamespace = 'carrel'::regnamespace and proname <> 'installation_id'
        union all
        select format('comment on %s: %s', pg_describe_object(d.classoid, d.objoid, d.objsubid), description)
        from pg_description as d
        where exists (
            select from pg_identify_object_as_address(classoid, objoid, objsubid) as object
            where object.object_names[1] = 'carrel'
        )
        union all
        select format('member %s', pg_describe_object(classid, objid, objsubid))
        from pg_depend join pg_extension on pg_extension.oid = refobjid
        where refclassid = 'pg_extension'::regclass and deptype = 'e' and extname = 'carrel'
        order by 1",
    );
    for kind in
        ["column", "constraint", "index", "policy", "trigger", "function", "comment", "member"]
    {
        let begins = |line: &String| line.starts_with(&format!("{kind} "));
        assert!(
            lines.iter().filter(|line| begins(line)).count() > 10,
            "no {kind} of {}",
            database.name
        );
    }
    lines.extend(privileges(database));
    lines
}

/// Asserts that two lists have the same lines, and shows the first that only one of them has.
#[track_caller]
pub fn assert_same_lines(first: &[String], second: &[String]) {
    let only = |here: &[String], there: &[String]| -> Vec<String> {
        here.iter().filter(|line| !there.contains(line)).take(10).cloned().collect()
    };
    let (lost, gained) = (only(first, second), only(second, first));
    assert!(
        lost.is_empty() && gained.is_empty() && first.len() == second.len(),
        "only in the first:\n  {}\nonly in the second:\n  {}",
        lost.join("\n  "),
        gained.join("\n  ")
    );
}
