//! doctor(): compares the database with the definitions of this version of carrel. Read-only.

use crate::access;
use crate::access::owner;
use crate::auth_users;
use crate::definitions::{
    STATISTICS_DRIFT, TABLES, created_by_rules, defaults_in_rules, normalized, rule_triggers,
};
use crate::pg;
use crate::pg::error::{Result, guard};
use crate::pg::spi::{self, Access, Db};
use pgrx::datum::Uuid;
use pgrx::prelude::*;

const ADDED: &str = include_str!("../../sql/doctor/added.sql");
const SETTINGS: &str = include_str!("../../sql/doctor/settings.sql");

/// Checks the database against this version of carrel: one row a check, with the problems found in
/// `detail`.
///
/// carrel.migrate() repairs most of them; each line of `detail` names the remedy where there is
/// one. Read-only. Callable by operators.
#[pg_extern(stable, parallel_unsafe)]
fn doctor() -> TableIterator<
    'static,
    (name!(check_name, String), name!(ok, bool), name!(detail, Option<String>)),
> {
    let rows = guard(|| {
        access::require_operator("doctor")?;
        spi::as_owner_of_catalogs(pg::owner::oid()?, Access::Read, |db| {
            let checks: [(&str, fn(&Db) -> Result<Vec<String>>); _] = [
                ("versions", super::versions::differences),
                ("tables", tables),
                ("columns", columns),
                ("defaults", defaults),
                ("constraints", constraints),
                ("indexes", indexes),
                ("embeddings", super::embeddings::faults),
                ("row_level_security", row_level_security),
                ("policies", policies),
                ("no_added_permissive_policy", added_policies),
                ("triggers", triggers),
                ("privileges", privileges),
                ("owner", owner),
                ("granted_roles", access::role_faults),
                ("added_code", added_code),
                ("settings", settings),
                ("auth_users", auth_users::faults),
                ("ordinary_tables", members),
                ("row_types", super::row_types::faults),
                ("plans", super::doctor_data::plans),
                ("search_statistics", search_statistics),
                ("search_vectors", search_vectors),
                ("usage", usage),
            ];
            // With tables missing, the other checks cannot run. With carrel refusing to work, the
            // checks that use its functions cannot run; the reason is reported by `owner` or
            // `added_code`.
            let missing = tables(db)?;
            let refusal = pg::owner::of_all_tables().err().map(|error| error.message());
            let has_columns = missing.is_empty() && all_columns_exist(db)?;
            let mut rows = Vec::new();
            for (name, check) in checks {
                let problems = match name {
                    "tables" => missing.clone(),
                    "search_statistics" | "search_vectors" | "usage"
                        if refusal.is_none() && has_columns =>
                    {
                        check(db)?
                    }
                    "owner" => match (check(db)?, &refusal) {
                        (problems, Some(refusal))
                            if problems.is_empty() && added_code(db)?.is_empty() =>
                        {
                            vec![refusal.clone()]
                        }
                        (problems, _) => problems,
                    },
                    "added_code" => check_twice(db, check)?,
                    _ if let Some(refusal) = &refusal => vec![format!("not checked: {refusal}")],
                    "versions" if has_columns || !missing.is_empty() => check_twice(db, check)?,
                    _ if !missing.is_empty() => {
                        vec!["not checked: tables are missing".to_owned()]
                    }
                    _ if has_columns => check_twice(db, check)?,
                    _ => unless_columns_are_missing(|| check_twice(db, check))?,
                };
                let detail = (!problems.is_empty()).then(|| one_line_each(&problems));
                rows.push((name.to_owned(), problems.is_empty(), detail));
            }
            Ok(rows)
        })
    });
    TableIterator::new(rows)
}

/// Runs a check of the catalog, and again if it finds something: only the second result counts.
///
/// Functions such as pg_get_triggerdef() show the current state, whatever the snapshot. A migrate()
/// that commits during the first run would otherwise be reported as damage.
fn check_twice(db: &Db, check: fn(&Db) -> Result<Vec<String>>) -> Result<Vec<String>> {
    db.latest(|| match check(db)? {
        problems if problems.is_empty() => Ok(problems),
        _ => check(db),
    })
}

/// Runs a check, unless it fails because a column is missing: the check `columns` reports that.
fn unless_columns_are_missing(check: impl FnOnce() -> Result<Vec<String>>) -> Result<Vec<String>> {
    match spi::subtransaction(check) {
        Err(error)
            if error.is_of_missing_column()
                || error.message() == spi::missing_column("").message() =>
        {
            Ok(vec!["not checked: columns are missing".to_owned()])
        }
        result => result,
    }
}

/// Tells if every column exists, of any type.
fn all_columns_exist(db: &Db) -> Result<bool> {
    let (tables, columns) = TABLES
        .iter()
        .flat_map(|table| table.columns().map(|column| (table.name, column.name)))
        .unzip::<_, _, Vec<_>, Vec<_>>();
    db.value(include_str!("../../sql/doctor/columns_exist.sql"), &[tables.into(), columns.into()])
}

fn tables(db: &Db) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for table in &TABLES {
        if !super::tables::relation_exists(db, table.name, "r")? {
            problems.push(format!("table carrel.{} is missing", table.name));
        }
    }
    Ok(problems)
}

fn columns(db: &Db) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for table in &TABLES {
        for column in table.columns() {
            let found = super::tables::column_type(db, table.name, &column)?;
            let name = format!("{}.{}", table.name, column.name);
            match found {
                None => {
                    let other = super::renamed::renamed_column(db, table, column.name)?;
                    let other = match other {
                        Some(other) => {
                            let quoted: String =
                                db.value("select quote_ident($1)", &[other.as_str().into()])?;
                            Some(format!(
                                ": {other} is in its place; if it was renamed: alter table carrel.{} rename column {quoted} to {}",
                                table.name, column.name
                            ))
                        }
                        None => None,
                    };
                    problems.push(format!("column {name} is missing{}", other.unwrap_or_default()));
                    continue;
                }
                Some((_, true)) => {}
                Some((found, false)) => problems.push(format!(
                    "column {name} is {found} instead of {}",
                    super::tables::wanted_type(&column)
                )),
            }
            let (has_default, not_null) = super::tables::column_state(db, table.name, column.name)?;
            if column.is_not_null() && !not_null {
                problems.push(format!("column {name} may be null"));
            }
            if let Some(default) = column.default().filter(|_| !has_default) {
                problems.push(format!("column {name} has no default, instead of {default}"));
            }
        }
    }
    Ok(problems)
}

fn defaults(db: &Db) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for [table, column, default] in defaults_in_rules() {
        let found = db.first(
            "select pg_get_expr(adbin, adrelid) from pg_attrdef
            join pg_attribute on attrelid = adrelid and attnum = adnum
            where adrelid = format('carrel.%I', $1)::regclass and attname::text = $2",
            &[table.into(), column.into()],
            |row| Ok(row.get::<String>(1)),
        )?;
        if found.flatten().as_deref() != Some(default) {
            problems.push(format!("the default of {table}.{column} is not {default}"));
        }
    }
    Ok(problems)
}

/// Lists constraints that are missing, not validated or different. CHECK constraints are compared
/// by name only: Postgres prints their expressions in its own words.
fn constraints(db: &Db) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for table in &TABLES {
        for constraint in table.constraints() {
            let found = db.first(
                "select case when contype = 'c' then null else pg_get_constraintdef(oid) end, convalidated
                from pg_constraint
                where conrelid = format('carrel.%I', $1)::regclass and conname::text = $2",
                &[table.name.into(), constraint.name.into()],
                |row| Ok((row.get::<String>(1), row.need::<bool>(2)?)),
            )?;
            let name = constraint.name;
            let expected =
                constraint.definition.trim_start_matches("constraint ")[name.len()..].trim();
            match found {
                None => problems.push(format!("constraint {name} is missing")),
                Some((_, false)) => problems.push(format!("constraint {name} is not validated")),
                Some((Some(found), true)) if normalized(&found) != normalized(expected) => {
                    problems.push(format!("constraint {name} is: {found}"));
                }
                Some(_) => {}
            }
        }
    }
    Ok(problems)
}

fn indexes(db: &Db) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for index in TABLES.iter().flat_map(|table| table.indexes()) {
        problems.extend(super::tables::index_fault(db, index.name, &normalized(index.definition))?);
    }
    Ok(problems)
}

fn row_level_security(db: &Db) -> Result<Vec<String>> {
    db.rows(
        "select format('table %I has no row-level security', relname) from pg_class
        where relnamespace = 'carrel'::regnamespace and relkind in ('r', 'p') and not relrowsecurity
        order by 1",
        &[],
        |row| row.need(1),
    )
}

fn policies(db: &Db) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for rule in created_by_rules("create policy ") {
        let found = db.first(
            include_str!("../../sql/doctor/policy.sql"),
            &[rule.table.into(), rule.name.into()],
            |row| Ok(row.get::<String>(1)),
        )?;
        if found.flatten().is_none_or(|found| normalized(&found) != normalized(rule.statement)) {
            problems.push(format!("policy {} on {} is missing or altered", rule.name, rule.table));
        }
    }
    Ok(problems)
}

/// Lists added permissive policies. Permissive policies are combined by OR, so an added one can
/// only show more rows.
fn added_policies(db: &Db) -> Result<Vec<String>> {
    let ours: Vec<String> = created_by_rules("create policy ")
        .map(|rule| format!("{}.{}", rule.table, rule.name))
        .collect();
    db.rows(include_str!("../../sql/doctor/added_policies.sql"), &[ours.into()], |row| row.need(1))
}

fn triggers(db: &Db) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for rule in rule_triggers() {
        let found = db.first(
            "select pg_get_triggerdef(oid) from pg_trigger
            where tgrelid = format('carrel.%I', $1)::regclass and tgname::text = $2
                and tgenabled in ('O', 'A')",
            &[rule.table.into(), rule.name.into()],
            |row| Ok(row.get::<String>(1)),
        )?;
        if found.flatten().is_none_or(|found| {
            normalized(&found) != normalized(&rule.statement.replace(" or replace ", " "))
        }) {
            problems.push(format!(
                "trigger {} on {} is missing, disabled or altered",
                rule.name, rule.table
            ));
        }
    }
    problems.extend(super::keys::disabled(db)?);
    Ok(problems)
}

/// Lists unexpected and missing privileges, and default privileges that would give more, each with
/// its remedy.
fn privileges(db: &Db) -> Result<Vec<String>> {
    let differences = access::differences(db)?;
    let mut problems: Vec<String> = differences
        .into_iter()
        .map(|difference| format!("{}: {}", difference.description, difference.remedy))
        .collect();
    problems.extend(access::default_privileges(db)?);
    Ok(problems)
}

/// Lists faults of carrel_owner, and tables that others own.
fn owner(db: &Db) -> Result<Vec<String>> {
    let faults = owner::faults(db)?;
    let mut problems: Vec<String> = faults
        .into_iter()
        .map(|fault| format!("role carrel_owner {}: {}", fault.description, fault.remedy))
        .collect();
    problems.extend(owner::foreign_tables(db)?);
    Ok(problems)
}

/// Lists triggers, functions, types and keys on the tables that roles with fewer rights own.
fn added_code(db: &Db) -> Result<Vec<String>> {
    let triggers: Vec<String> =
        rule_triggers().map(|rule| format!("{}.{}", rule.table, rule.name)).collect();
    let tables: Vec<String> = TABLES.iter().map(|table| table.name.to_owned()).collect();
    db.rows(ADDED, &[triggers.into(), tables.into()], |row| row.need(1))
}

/// Lists settings that change carrel's behaviour. Runs as a superuser: only superusers can read the
/// configuration files.
fn settings(_: &Db) -> Result<Vec<String>> {
    spi::as_superuser(Access::Read, |db| db.rows(SETTINGS, &[], |row| row.need(1)))
}

/// Joins problems, each on one line: a name with a line break must not look like another problem and its remedy.
fn one_line_each(problems: &[String]) -> String {
    let lines: Vec<String> =
        problems.iter().map(|problem| problem.replace('\n', "\\n").replace('\r', "\\r")).collect();
    lines.join("\n")
}

/// Lists tables that are members of the extension: DROP EXTENSION would drop them, and a dump
/// leaves out the changes that a user made.
fn members(db: &Db) -> Result<Vec<String>> {
    db.rows(include_str!("../../sql/doctor/members.sql"), &[], |row| row.need(1))
}

/// Lists search statistics that migrate() would correct.
fn search_statistics(db: &Db) -> Result<Vec<String>> {
    db.rows(STATISTICS_DRIFT, &[], |row| {
        let (user, language): (Uuid, String) = (row.need(1)?, row.need(2)?);
        Ok(format!("the statistics of user {user} in {language} differ from the chunks"))
    })
}

/// Counts chunks whose words an older version of carrel analyzed.
fn search_vectors(db: &Db) -> Result<Vec<String>> {
    let count = crate::documents::count_outdated_chunks(db)?;
    let problem = format!(
        "{count} chunks were analyzed by an older version: carrel.process_documents() renews them"
    );
    Ok(if count == 0 { Vec::new() } else { vec![problem] })
}

fn usage(db: &Db) -> Result<Vec<String>> {
    db.rows(
        "select format('%s of user %s is %s instead of %s', what, user_id, found, expected)
        from carrel.verify_usage() limit 10",
        &[],
        |row| row.need(1),
    )
}
