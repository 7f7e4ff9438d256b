//! The limits of plans. Every event needs those of its user's plan: a backend remembers them until somebody
//! changes plan_limits, of which Postgres tells it as it does of changed tables.

use super::periods::Kind;
use crate::pg::error::{Result, catch};
use crate::pg::ffi::{AcceptInvalidationMessages, CacheInvalidateRelcacheByRelid};
use crate::pg::heap::{Condition, Table};
use crate::pg::trigger::{self, Returned};
use crate::pg::values::OwnedNumeric;
use pgrx::datum::Interval;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

thread_local! {
    static KNOWN: RefCell<HashMap<String, Rc<[Limit]>>> = RefCell::new(HashMap::new());
    /// Whether a table changed, maybe that of limits.
    static IS_STALE: Cell<bool> = const { Cell::new(false) };
    static IS_REGISTERED: Cell<bool> = const { Cell::new(false) };
    /// The table that [`KNOWN`] is of.
    static TABLE: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
}

const LIMITS: Table = Table { name: c"plan_limits", index: c"plan_limits_pkey" };

/// A limit of a plan.
pub struct Limit {
    pub event_type: String,
    pub measure: String,
    pub period: String,
    pub kind: Kind,
    pub value: OwnedNumeric,
    pub is_hard: bool,
}

impl Limit {
    /// Whether events of a type count in it.
    pub fn matches(&self, event_type: &str) -> bool {
        matches(&self.event_type, event_type)
    }
}

/// Whether events of a type count in a limit of such a type.
pub fn matches(limited: &str, event_type: &str) -> bool {
    limited == "*" || limited == event_type
}

/// The limits of a plan as they are now; while somebody reckons with them ([`super::locks`]), nobody changes
/// them.
pub fn of(plan: &str) -> Result<Rc<[Limit]>> {
    if !IS_REGISTERED.replace(true) {
        // SAFETY: a function that sets a flag.
        unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(forget), 0.into()) };
    }
    // SAFETY: takes no arguments; may call `forget`.
    catch(|| unsafe { AcceptInvalidationMessages() })?;
    if IS_STALE.replace(false) {
        KNOWN.with_borrow_mut(HashMap::clear);
    }
    if let Some(limits) = KNOWN.with_borrow(|known| known.get(plan).cloned()) {
        return Ok(limits);
    }
    TABLE.set(LIMITS.oid()?);
    let limits: Rc<[Limit]> = read(plan)?.into();
    KNOWN.with_borrow_mut(|known| known.insert(plan.to_owned(), limits.clone()));
    Ok(limits)
}

fn read(plan: &str) -> Result<Vec<Limit>> {
    let mut limits = Vec::new();
    LIMITS.read(
        &[Condition::is_text(c"plan_type", plan)],
        [c"event_type", c"measure", c"period", c"window_length", c"limit_value", c"enforcement"],
        |row| {
            let period: String = row.need(3)?;
            limits.push(Limit {
                event_type: row.need(1)?,
                measure: row.need(2)?,
                kind: Kind::of(&period, row.get::<Interval>(4).as_ref())?,
                period,
                value: OwnedNumeric::of(row.need(5)?),
                is_hard: row.need::<String>(6)? == "hard",
            });
            Ok(())
        },
    )?;
    Ok(limits)
}

unsafe extern "C-unwind" fn forget(_: pg_sys::Datum, table: pg_sys::Oid) {
    if table == TABLE.get() || table == pg_sys::InvalidOid {
        IS_STALE.set(true);
    }
}

/// AFTER each row of plan_limits that is inserted, updated or deleted, by replication too: no backend
/// remembers what was before, from the commit on.
#[pg_trigger]
fn forget_plan_limits<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |_| {
        let table = LIMITS.oid()?;
        // SAFETY: a table's oid.
        catch(|| unsafe { CacheInvalidateRelcacheByRelid(table) })
    })
}
