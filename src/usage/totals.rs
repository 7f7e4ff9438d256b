//! The totals: sums over events, in rows of which each backend writes its own.
//!
//! Nobody waits for a row of them. What would have to be waited for goes to a row beside it; who is the first
//! to count in a day merges what the backends left of the days before, so that they are few.

use super::accounts::{self, Accounts, Total, Totals};
use super::limit_status::{AGENT_REQUEST, Standings};
use super::reckoning;
use crate::pg::backend;
use crate::pg::error::Result;
use crate::pg::heap::{Access, Changed, Condition, Row, Rows, Sink, Table, Upheld};
use crate::pg::spi::{Arg, Db};
use crate::pg::values::Numeric;
use crate::pg::xact;
use crate::pg::{clock, ids};
use pgrx::datum::{Date, Uuid};
use pgrx::prelude::*;
use std::collections::BTreeSet;
use std::ffi::CStr;

/// The totals, by their key.
pub const TOTALS: Table = Table { name: c"usage_totals", index: c"usage_totals_pkey" };

/// Where new ones go, of users whose profiles are held.
const NEW: Sink = Sink {
    table: c"usage_totals",
    upheld: Upheld { triggers: &[], checks: &[], reference: Some(accounts::OF_PROFILE) },
    key: c"usage_totals_pkey",
};
const COLUMNS: [&CStr; 9] = [
    c"user_id",
    c"day",
    c"period_start",
    c"event_type",
    c"model",
    c"slot",
    c"events",
    c"tokens_used",
    c"cost",
];
const SUMS: [&CStr; 3] = [c"events", c"tokens_used", c"cost"];

/// What is added to a total, by type of event and model.
type Added = (String, String, Total);

/// Adds to the totals of users whose profiles are held, in rows of this backend's own, and to the standings
/// what the totals are then.
pub fn add(
    accounts: &Accounts,
    totals: Totals,
    mut standings: Option<&mut Standings>,
) -> Result<()> {
    let (mut absent, mut held, mut undone) = (Vec::new(), Vec::new(), Vec::new());
    TOTALS.open(Access::Change, |rows| {
        for ((_, _, _, event_type, model), total) in totals {
            let changed = add_one(rows, &event_type, &model, &total, standings.as_deref_mut())?;
            match changed {
                Changed::Done => continue,
                Changed::Absent => &mut absent,
                Changed::Held => &mut held,
                Changed::Undone => &mut undone,
            }
            .push((event_type, model, total));
        }
        Ok(())
    })?;
    let users: BTreeSet<[u8; 16]> =
        absent.iter().map(|(_, _, total)| *total.user.as_bytes()).collect();
    // Of another transaction's, which is not to be seen yet.
    held.extend(insert(absent, backend::slot(), &mut undone)?);
    for one in held {
        insert(vec![one], slot_of_nobody(), &mut undone)?;
    }
    if !undone.is_empty() {
        reckoning(|db| undone.iter().try_for_each(|added| add_by_statement(db, added)))?;
    }
    users.into_iter().try_for_each(|user| merge_past(accounts, Uuid::from_bytes(user)))
}

/// Adds to a total, if it has a row of this backend's own that nobody else holds.
fn add_one(
    rows: &Rows,
    event_type: &str,
    model: &str,
    total: &Total,
    standings: Option<&mut Standings>,
) -> Result<Changed> {
    let slot = backend::slot();
    let mut own: Option<[Numeric; 3]> = None;
    let chosen = match standings {
        None => {
            let conditions = [
                Condition::is_user(total.user),
                Condition::is_day(total.day),
                Condition::is_period(total.period_start),
                Condition::is_text(c"event_type", event_type),
                Condition::is_text(c"model", model),
                Condition::is_slot(slot),
            ];
            rows.find_one(&conditions, SUMS, |row| {
                own = Some([row.need(1)?, row.need(2)?, row.need(3)?]);
                Ok(())
            })?
        }
        Some(standings) => {
            let added = |measure| match measure {
                0 => Numeric::from_whole(total.events),
                1 => Ok(total.tokens),
                _ => Ok(total.cost),
            };
            let mut sums = standings.sums()?;
            sums.add(standings, total.day, total.period_start, event_type, added)?;
            let first = standings.first_day().map_or(total.day, |first| first.min(total.day));
            let conditions = [Condition::is_user(total.user), Condition::is_from_day(first)];
            let columns = [
                c"day",
                c"period_start",
                c"event_type",
                c"events",
                c"tokens_used",
                c"cost",
                c"slot",
                c"model",
            ];
            let chosen = rows.choose(&conditions, columns, |row: &Row| {
                let (day, period_start): (Date, TimestampWithTimeZone) =
                    (row.need(1)?, row.need(2)?);
                let of_type = row.need(3)?;
                sums.add(standings, day, period_start, of_type, |measure| row.need(4 + measure))?;
                let is_own = row.need::<i32>(7)? == slot
                    && day.to_pg_epoch_days() == total.day.to_pg_epoch_days()
                    && i64::from(period_start) == i64::from(total.period_start)
                    && of_type == event_type
                    && row.need::<&str>(8)? == model;
                if is_own {
                    own = Some([row.need(4)?, row.need(5)?, row.need(6)?]);
                }
                Ok(is_own)
            })?;
            standings.take(sums);
            chosen
        }
    };
    let (Some(chosen), Some([events, tokens, cost])) = (chosen, own) else {
        return Ok(Changed::Absent);
    };
    let sums = [
        events.plus(Numeric::from_whole(total.events)?)?.into(),
        tokens.plus(total.tokens)?.into(),
        cost.plus(total.cost)?.into(),
    ];
    rows.set(chosen, SUMS, sums)
}

fn values((event_type, model, total): &Added, slot: i32) -> Result<[Arg; 9]> {
    Ok([
        total.user.into(),
        total.day.into(),
        total.period_start.into(),
        event_type.as_str().into(),
        model.as_str().into(),
        slot.into(),
        Numeric::from_whole(total.events)?.into(),
        total.tokens.into(),
        total.cost.into(),
    ])
}

/// Inserts rows; gives back those that have the key of another one. Those that statements have to insert
/// are `undone`.
fn insert(added: Vec<Added>, slot: i32, undone: &mut Vec<Added>) -> Result<Vec<Added>> {
    if added.is_empty() {
        return Ok(added);
    }
    let inserted = NEW.insert(COLUMNS, true, |rows| {
        added.iter().map(|added| rows.add(values(added, slot)?, true)).collect::<Result<Vec<_>>>()
    })?;
    match inserted {
        Some(are_there) => {
            let added = added.into_iter().zip(are_there);
            Ok(added.filter(|(_, is_there)| !is_there).map(|(added, _)| added).collect())
        }
        None => {
            undone.extend(added);
            Ok(Vec::new())
        }
    }
}

/// Adds to this backend's row by statements; like the direct path, it waits for no other transaction.
fn add_by_statement(db: &Db, added: &Added) -> Result<()> {
    let own = values(added, backend::slot())?;
    let added_to = db.execute(
        "update carrel.usage_totals as t
        set events = t.events + $7, tokens_used = t.tokens_used + $8, cost = t.cost + $9
        where (t.user_id, t.day, t.period_start, t.event_type, t.model, t.slot) = (
            select o.user_id, o.day, o.period_start, o.event_type, o.model, o.slot from carrel.usage_totals as o
            where o.user_id = $1 and o.day = $2 and o.period_start = $3 and o.event_type = $4 and o.model = $5
                and o.slot = $6
            for update skip locked
        )",
        &own,
    )?;
    if added_to > 0 {
        return Ok(());
    }
    const INSERT: &str = "insert into carrel.usage_totals
            (user_id, day, period_start, event_type, model, slot, events, tokens_used, cost)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (user_id, day, period_start, event_type, model, slot) do nothing";
    let is_held = db.value::<bool>(
        "select exists (
            select from carrel.usage_totals
            where user_id = $1 and day = $2 and period_start = $3 and event_type = $4 and model = $5 and slot = $6
        )",
        &own[..6],
    )?;
    if !is_held && db.execute(INSERT, &own)? > 0 {
        return Ok(());
    }
    db.execute(INSERT, &values(added, slot_of_nobody())?).map(|_| ())
}

/// A slot below zero, which no backend has: most probably of no other row.
fn slot_of_nobody() -> i32 {
    let random = ids::uuid_v7();
    let last = random.as_bytes().last_chunk().map_or(0, |last| i32::from_be_bytes(*last));
    last | i32::MIN
}

/// How many days back are merged: those of the billing period of the earliest event that can still come.
const DAYS: i32 = 70;

/// Merges rows that the backends have of one total of days before this one of a user. Nobody is waited for.
fn merge_past(accounts: &Accounts, user: Uuid) -> Result<()> {
    let Some(account) = accounts.get(user) else { return Ok(()) };
    if xact::is_repeatable() {
        // Rows that others have changed since its snapshot can't be locked.
        return Ok(());
    }
    let now = clock::now()?;
    let today = account.calendar.day(now)?;
    let first = i64::from(now) - i64::from(DAYS) * 24 * 3600 * 1_000_000;
    let first = account.calendar.day(TimestampWithTimeZone::try_from(first).unwrap_or(now))?;
    let conditions = [Condition::is_user(user), Condition::is_from_day(first)];
    let (mut before, mut is_apart) = (None, false);
    TOTALS.read(&conditions, [c"day", c"period_start", c"event_type", c"model"], |row| {
        let (day, period): (Date, TimestampWithTimeZone) = (row.need(1)?, row.need(2)?);
        if day < today {
            let key = Some((day, period, row.need::<String>(3)?, row.need::<String>(4)?));
            is_apart |= key == before;
            before = key;
        }
        Ok(())
    })?;
    if !is_apart {
        return Ok(());
    }
    reckoning(|db| {
        db.execute(
            "with apart as (
                select day, period_start, event_type, model from carrel.usage_totals
                where user_id = $1 and day >= $2 and day < $3
                group by day, period_start, event_type, model having count(*) > 1
            ), held as materialized (
                select t.* from carrel.usage_totals as t
                where t.user_id = $1 and t.day >= $2 and t.day < $3
                    and (t.day, t.period_start, t.event_type, t.model) in (select * from apart)
                for update skip locked
            ), merged as (
                select day, period_start, event_type, model, min(slot) as slot,
                    sum(events) as events, sum(tokens_used) as tokens_used, sum(cost) as cost
                from held group by day, period_start, event_type, model
            ), gone as (
                delete from carrel.usage_totals as t using held join merged using (day, period_start, event_type, model)
                where t.user_id = $1 and held.slot > merged.slot
                    and (t.day, t.period_start, t.event_type, t.model, t.slot)
                        = (held.day, held.period_start, held.event_type, held.model, held.slot)
            )
            update carrel.usage_totals as t
            set events = merged.events, tokens_used = merged.tokens_used, cost = merged.cost
            from merged
            where t.user_id = $1
                and (t.day, t.period_start, t.event_type, t.model, t.slot)
                    = (merged.day, merged.period_start, merged.event_type, merged.model, merged.slot)",
            &[user.into(), first.into(), today.into()],
        )
        .map(|_| ())
    })
}

/// The agent requests of the billing period that began at `start`, on that day, as the totals have them.
pub fn requests_since(user: Uuid, day: Date, start: TimestampWithTimeZone) -> Result<Numeric> {
    let conditions = [
        Condition::is_user(user),
        Condition::is_from_day(day),
        Condition::is_period(start),
        Condition::is_text(c"event_type", AGENT_REQUEST),
    ];
    let mut requests = Numeric::zero()?;
    TOTALS.read(&conditions, [c"events"], |row| {
        requests = requests.plus(row.need(1)?)?;
        Ok(())
    })?;
    Ok(requests)
}
