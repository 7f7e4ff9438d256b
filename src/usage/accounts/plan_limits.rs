//! Cache of plan limits, which every event needs. A backend keeps the limits of a plan until
//! Postgres invalidates them: a trigger on plan_limits sends the message that a changed table
//! sends.

use crate::calendar::PeriodKind;
use crate::pg::cache::{self, Changes};
use crate::pg::error::Result;
use crate::pg::heap::{Condition, Table};
use crate::pg::trigger::{self, Returned};
use crate::pg::values::OwnedNumeric;
use crate::usage::measure::Measure;
use pgrx::datum::Interval;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

thread_local! {
    static KNOWN: RefCell<HashMap<String, Rc<[Limit]>>> = RefCell::new(HashMap::new());
    /// Invalidations of plan_limits.
    static CHANGES: Changes = const { Changes::of(&[]) };
}

const LIMITS: Table = Table { name: c"plan_limits", index: c"plan_limits_pkey" };

/// Limit of a plan.
pub struct Limit {
    pub event_type: String,
    pub measure: Measure,
    pub period: String,
    pub kind: PeriodKind,
    pub value: OwnedNumeric,
    pub is_hard: bool,
}

impl Limit {
    /// Tells if events of a type count against the limit.
    pub fn matches(&self, event_type: &str) -> bool {
        matches(&self.event_type, event_type)
    }
}

/// Tells if events of a type count against a limit of type `limited`; `*` matches all types.
pub fn matches(limited: &str, event_type: &str) -> bool {
    limited == "*" || limited == event_type
}

/// Limits of a plan as they are now. They do not change under the shared lock of a user
/// ([`crate::locks`]).
pub fn of(plan: &str) -> Result<Rc<[Limit]>> {
    cache::accept_changes()?;
    if Changes::take(&CHANGES) {
        KNOWN.with_borrow_mut(HashMap::clear);
    }
    if let Some(limits) = KNOWN.with_borrow(|known| known.get(plan).cloned()) {
        return Ok(limits);
    }
    let table = LIMITS.oid()?;
    CHANGES.with(|changes| changes.watch(vec![table]));
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
                measure: Measure::parse(row.need(2)?)?,
                kind: PeriodKind::of(&period, row.get::<Interval>(4).as_ref())?,
                period,
                value: OwnedNumeric::of(row.need(5)?),
                is_hard: row.need::<String>(6)? == "hard",
            });
            Ok(())
        },
    )?;
    Ok(limits)
}

/// Trigger AFTER INSERT, UPDATE or DELETE of plan_limits, on replicas too: invalidates the cached
/// limits of all backends at commit.
#[pg_trigger]
fn forget_plan_limits<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |_| cache::invalidate(LIMITS.oid()?))
}
