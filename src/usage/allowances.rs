//! The parts that what is left of a limit is handed out in: finding, drawing on, and gathering them.

use super::limits::{Due, held_of_k, k, used_of_k};
use super::{locks, reckoning};
use crate::pg::backend;
use crate::pg::error::Result;
use crate::pg::heap::{Access, Changed, Chosen, Condition, Rows, Table};
use crate::pg::spi::{Arg, Db};
use crate::pg::values::Numeric;
use pgrx::datum::Uuid;
use std::cmp::Ordering;

/// That a part is of the limit and period that the row `k` names.
macro_rules! is_of_key {
    ($part:literal) => {
        concat!(
            $part,
            ".user_id = k.user_id and ",
            $part,
            ".period_start = k.period_start and ",
            $part,
            ".measure = k.measure and ",
            $part,
            ".event_type = k.event_type and ",
            $part,
            ".period = k.period"
        )
    };
}
/// The slot of rows in which this backend draws what its own part does not have.
fn slot_of_lack() -> i32 {
    -2 - backend::slot()
}

/// Draws what is due, whatever is left: from parts of this backend's own, or, of what they do not have, from a row
/// below zero.
pub fn draw(dues: &[Due]) -> Result<()> {
    if dues.is_empty() {
        return Ok(());
    }
    let undrawn = PARTS.open(Access::Change, |rows| {
        let mut undrawn = Vec::new();
        for due in dues {
            let drawn = draw_at(rows, due, backend::slot())?;
            let is_drawn = match drawn {
                Changed::Done => true,
                Changed::Undone => false,
                _ => draw_at(rows, due, slot_of_lack())? == Changed::Done,
            };
            if !is_drawn {
                undrawn.push((due, drawn));
            }
        }
        Ok(undrawn)
    })?;
    if undrawn.is_empty() {
        return Ok(());
    }
    reckoning(|db| {
        let mut has_new = false;
        for (due, drawn) in &undrawn {
            if *drawn == Changed::Undone && draw_by_statement(db, due, backend::slot())? {
                continue;
            }
            if !draw_by_statement(db, due, slot_of_lack())? {
                let [user, event_type, measure, period, start, end] = key(due);
                let amount = due.amount.negated()?.into();
                let slot = slot_of_lack().into();
                db.execute(
                    "insert into carrel.usage_allowances
                        (user_id, event_type, measure, period, period_start, period_end, slot, amount)
                    values ($1, $2, $3, $4, $5, $6, $7, $8)",
                    &[user, event_type, measure, period, start, end, slot, amount],
                )?;
                has_new = true;
            }
        }
        if has_new { forget_past(db, dues) } else { Ok(()) }
    })
}

/// Draws what is due from a row of this slot that no other transaction holds, if it has it or is one below zero.
/// Returns false if there is none.
fn draw_by_statement(db: &Db, due: &Due, slot: i32) -> Result<bool> {
    let [user, event_type, measure, period, start, end] = key(due);
    let amount = due.amount.negated()?.into();
    let drawn = db.execute(
        concat!(
            "update carrel.usage_allowances as own set amount = own.amount + $8::numeric
            where own.id = (
                select part.id from ",
            k!(),
            " join carrel.usage_allowances as part on ",
            is_of_key!("part"),
            " and part.slot = $7 and (part.slot < 0 or part.amount + $8::numeric >= 0)
                limit 1 for update of part skip locked
            )"
        ),
        &[user, event_type, measure, period, start, end, slot.into(), amount],
    )?;
    Ok(drawn > 0)
}

/// Draws what is due from parts of this backend's own, if they have all of it. Gives back what is still due: all,
/// or, where somebody takes from a part at this moment, what is due of that one.
pub fn take_own(dues: Vec<Due>) -> Result<Vec<Due>> {
    PARTS.open(Access::Change, |rows| {
        let mut drawn = Vec::with_capacity(dues.len());
        for due in &dues {
            match fitting_part(rows, due)? {
                Some(part) if part.0.was_free() => drawn.push(part),
                _ => return Ok(dues),
            }
        }
        let mut left = Vec::new();
        for (due, (part, amount)) in dues.into_iter().zip(drawn) {
            if rows.set(part, [c"amount"], [amount.into()])? != Changed::Done {
                left.push(due);
            }
        }
        Ok(left)
    })
}

/// A part of this backend's own that has, with what is lacking, what is due, and what is left of it then; if it is
/// of the limit as it is now.
fn fitting_part(rows: &Rows, due: &Due) -> Result<Option<(Chosen, Numeric)>> {
    let [user, start, measure, event_type, period] = key_of(due);
    let conditions =
        [user, start, measure, event_type, period, Condition::is_slot(backend::slot())];
    let mut own = None;
    let part = rows.find(&conditions, [c"limit_value", c"amount"], |row| {
        own = Some(row.need::<Numeric>(2)?);
        match row.get::<Numeric>(1) {
            Some(limit) => Ok(limit.compare(due.limit)? == Ordering::Equal),
            None => Ok(false),
        }
    })?;
    let (Some(part), Some(own)) = (part, own) else { return Ok(None) };
    let [user, start, measure, event_type, period] = key_of(due);
    let conditions = [user, start, measure, event_type, period, Condition::is_slot_below(-1)];
    let nothing = Numeric::zero()?;
    let mut lacking = nothing;
    rows.read(&conditions, [c"amount"], |row| {
        let amount = row.need::<Numeric>(1)?;
        if amount.compare(nothing)? == Ordering::Less {
            lacking = lacking.plus(amount)?;
        }
        Ok(())
    })?;
    match own.plus(lacking)?.compare(due.amount)? {
        Ordering::Less => Ok(None),
        _ => Ok(Some((part, own.plus(due.amount.negated()?)?))),
    }
}

/// Draws what is due from a row of this slot that no other transaction holds, if it has it or is one below zero.
fn draw_at(rows: &Rows, due: &Due, slot: i32) -> Result<Changed> {
    let [user, start, measure, event_type, period] = key_of(due);
    let conditions = [user, start, measure, event_type, period, Condition::is_slot(slot)];
    let mut left = Numeric::zero()?;
    let part = rows.find(&conditions, [c"amount"], |row| {
        left = row.need::<Numeric>(1)?.plus(due.amount.negated()?)?;
        Ok(slot < 0 || left.compare(Numeric::zero()?)? != Ordering::Less)
    })?;
    let Some(part) = part else { return Ok(Changed::Absent) };
    rows.set(part, [c"amount"], [left.into()])
}

/// The parts, by the index of their keys.
const PARTS: Table = Table { name: c"usage_allowances", index: c"usage_allowances_user_id_idx" };

/// What says of which limit and period a part is.
fn key_of(due: &Due) -> [Condition; 5] {
    [
        Condition::is_user(due.user),
        Condition::is_period(due.period_start),
        Condition::is_text(c"measure", &due.measure),
        Condition::is_text(c"event_type", &due.event_type),
        Condition::is_text(c"period", &due.period),
    ]
}

/// Deletes the parts of periods that nothing can be recorded in any more.
fn forget_past(db: &Db, dues: &[Due]) -> Result<()> {
    let users: Vec<Uuid> = dues.iter().map(|due| due.user).collect();
    db.execute(
        "delete from carrel.usage_allowances where id in (
            select part.id from carrel.usage_allowances as part
            where part.user_id = any ($1) and part.period_end < now() - interval '36 days'
            for update skip locked
        )",
        &[users.into()],
    )?;
    Ok(())
}

/// Waits until nobody else holds a part of these limits, in an order that everybody keeps.
pub fn wait_for_parts(db: &Db, dues: &[Due]) -> Result<()> {
    fn column<T>(dues: &[Due], of: impl Fn(&Due) -> T) -> Vec<T> {
        dues.iter().map(of).collect()
    }
    let sql = concat!(
        "select from carrel.usage_allowances as part
        where part.id in (
            select part.id
            from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
                as k (user_id, event_type, measure, period, period_start)
            join carrel.usage_allowances as part on ",
        is_of_key!("part"),
        "
        )
        order by part.id for update"
    );
    db.execute(
        sql,
        &[
            column(dues, |due| due.user).into(),
            column(dues, |due| due.event_type.clone()).into(),
            column(dues, |due| due.measure.clone()).into(),
            column(dues, |due| due.period.clone()).into(),
            column(dues, |due| due.period_start).into(),
        ],
    )?;
    Ok(())
}

/// Whether all that is due is left of a limit, with what others hold.
pub fn is_left(db: &Db, due: &Due) -> Result<bool> {
    let sql = concat!(
        "select coalesce(sum(part.amount), 0) >= $7::numeric from ",
        k!(),
        " left join carrel.usage_allowances as part on ",
        is_of_key!("part")
    );
    let [user, event_type, measure, period, start, end] = key(due);
    db.value(sql, &[user, event_type, measure, period, start, end, due.amount.into()])
}

/// The part of this backend, locked, of a limit that is handed out. What is lacking is in it, and may be more than
/// it had.
pub fn own_part(db: &Db, due: &Due) -> Result<Uuid> {
    let [user, event_type, measure, period, start, end] = key(due);
    let args =
        [user, event_type, measure, period, start, end, backend::slot().into(), due.limit.into()];
    let own = match find_own(db, &args)? {
        Some(own) => own,
        None => {
            let own = new_part(db, &args[..7])?;
            forget_past(db, std::slice::from_ref(due))?;
            own
        }
    };
    if !is_handed_out(db, &args)? {
        locks::hand_out(due.user)?;
        hand_out(db, &args, due, own)?;
        spread(db, due, own)?;
    }
    let mark = "update carrel.usage_allowances set limit_value = $2 where id = $1 and limit_value is distinct from $2";
    db.execute(mark, &[own.into(), due.limit.into()])?;
    gather_lack(db, &args[..6], own)?;
    Ok(own)
}

/// The part of this backend, locked, unless another one holds it.
fn find_own(db: &Db, args: &[Arg]) -> Result<Option<Uuid>> {
    let sql = concat!(
        "select part.id from ",
        k!(),
        " join carrel.usage_allowances as part on ",
        is_of_key!("part"),
        " and part.slot = $7
        limit 1 for update of part skip locked"
    );
    db.first(sql, &args[..7], |row| row.need(1))
}

/// A new part for this backend: half of one of nobody's, which stay for those who come next, or nothing.
fn new_part(db: &Db, args: &[Arg]) -> Result<Uuid> {
    let sql = concat!(
        "with spare as materialized (
            select part.id, least(part.amount, ceil(part.amount / 2)) as half from ",
        k!(),
        " join carrel.usage_allowances as part on ",
        is_of_key!("part"),
        " and part.slot = -1 and part.amount > 0
            limit 1 for update of part skip locked
        ), taken as (
            update carrel.usage_allowances as part set amount = part.amount - spare.half
            from spare where part.id = spare.id
        )
        insert into carrel.usage_allowances
            (user_id, event_type, measure, period, period_start, period_end, slot, amount)
        values ($1, $2, $3, $4, $5, $6, $7, coalesce((select spare.half from spare), 0)) returning id"
    );
    db.value(sql, args)
}

/// Whether all parts add up to what is left of the limit as it is now.
fn is_handed_out(db: &Db, args: &[Arg]) -> Result<bool> {
    let sql = concat!(
        "select coalesce(bool_and(part.limit_value = $7::numeric), false) from ",
        k!(),
        " join carrel.usage_allowances as part on ",
        is_of_key!("part")
    );
    let [user, event_type, measure, period, start, end, _, limit] = args else { return Ok(false) };
    db.value(sql, &[*user, *event_type, *measure, *period, *start, *end, *limit])
}

/// Gives this backend's part what the others lack of what is left of the limit, with what is due.
fn hand_out(db: &Db, args: &[Arg], due: &Due, own: Uuid) -> Result<()> {
    let [user, event_type, measure, period, start, end, _, limit] = args else { return Ok(()) };
    let (amount, own) = (due.amount.into(), own.into());
    // What others were handed out of another limit is of this one.
    let others = concat!(
        "update carrel.usage_allowances as part set limit_value = null from ",
        k!(),
        " where part.limit_value <> $7 and ",
        is_of_key!("part")
    );
    db.execute(others, &[*user, *event_type, *measure, *period, *start, *end, *limit])?;
    let sql = concat!(
        "update carrel.usage_allowances as own set amount = $8::numeric + $9::numeric - others.amount - others.used
        from (
            select coalesce(sum(part.amount), 0) as amount,
                (select ", used_of_k!(), " + ", held_of_k!("r.state = 'held'"), " from ", k!(), ") as used
            from ", k!(), " left join carrel.usage_allowances as part on part.id <> $7 and ", is_of_key!("part"), "
        ) as others
        where own.id = $7"
    );
    db.execute(sql, &[*user, *event_type, *measure, *period, *start, *end, own, *limit, amount])?;
    Ok(())
}

/// Puts what is lacking into this backend's part.
fn gather_lack(db: &Db, args: &[Arg], own: Uuid) -> Result<()> {
    let sql = concat!(
        "with lacking as materialized (
            select part.id, part.amount from ",
        k!(),
        " join carrel.usage_allowances as part on ",
        is_of_key!("part"),
        " and part.slot < -1
            for update of part skip locked
        ), gone as (
            delete from carrel.usage_allowances as part using lacking where part.id = lacking.id
        )
        update carrel.usage_allowances as own
        set amount = own.amount + (select sum(lacking.amount) from lacking)
        where own.id = $7 and exists (select from lacking)"
    );
    let [user, event_type, measure, period, start, end] = args else { return Ok(()) };
    db.execute(sql, &[*user, *event_type, *measure, *period, *start, *end, own.into()])?;
    Ok(())
}

/// Hands what was handed out to this backend on to parts of nobody's, for those who come meanwhile.
fn spread(db: &Db, due: &Due, own: Uuid) -> Result<()> {
    const PARTS: i32 = 16;
    let sql = concat!(
        "with own as (
            select trunc((part.amount - $8::numeric) / $9, case k.measure when 'cost' then 10 else 0 end) as share
            from ", k!(), " join carrel.usage_allowances as part on part.id = $7
        ), given as (
            insert into carrel.usage_allowances
                (user_id, event_type, measure, period, period_start, period_end, slot, amount)
            select k.user_id, k.event_type, k.measure, k.period, k.period_start, k.period_end, -1, own.share
            from ", k!(), ", own, generate_series(2, $9) where own.share > 0
            returning amount
        )
        update carrel.usage_allowances as part
        set amount = part.amount - (select sum(given.amount) from given)
        where part.id = $7 and exists (select from given)"
    );
    let [user, event_type, measure, period, start, end] = key(due);
    let args = [
        user,
        event_type,
        measure,
        period,
        start,
        end,
        own.into(),
        due.amount.into(),
        PARTS.into(),
    ];
    db.execute(sql, &args).map(|_| ())
}

/// Draws what is due from a part of this backend's, and half of another one that nobody holds and that has at least
/// what that lacks: one of nobody's, if there is one. Whether there was one.
pub fn gather_one(db: &Db, due: &Due, own: Uuid) -> Result<bool> {
    let sql = concat!(
        "with need as (
            select $8::numeric
                - coalesce(sum(part.amount) filter (where part.id = $7 or part.amount < 0), 0) as amount
            from ", k!(), " left join carrel.usage_allowances as part on ", is_of_key!("part"), "
        ), other as materialized (
            select part.id, least(part.amount, greatest(need.amount, ceil(part.amount / 2))) as amount
            from ", k!(), ", need cross join lateral (
                select part.id, part.amount from carrel.usage_allowances as part
                where need.amount > 0 and part.id <> $7 and part.amount >= need.amount and ", is_of_key!("part"), "
                order by part.slot limit 1 for update skip locked
            ) as part
            where part.amount >= need.amount
        ), taken as (
            update carrel.usage_allowances as part set amount = part.amount - other.amount
            from other where part.id = other.id
            returning other.amount
        )
        update carrel.usage_allowances as part
        set amount = part.amount + coalesce((select sum(taken.amount) from taken), 0) - $8
        where part.id = $7
            and ((select need.amount <= 0 from need) or exists (select from taken))"
    );
    let [user, event_type, measure, period, start, end] = key(due);
    let args = [user, event_type, measure, period, start, end, own.into(), due.amount.into()];
    Ok(db.execute(sql, &args)? > 0)
}

/// Draws what is due from a part of this backend's, and what that lacks from those of others that nobody
/// holds: half of what they have, or all. Whether there was enough.
pub fn gather(db: &Db, due: &Due, own: Uuid) -> Result<bool> {
    let sql = concat!(
        "with others as materialized (
            select part.id, part.amount, least(part.amount, ceil(part.amount / 2)) as half
            from ", k!(), " cross join lateral (
                select part.id, part.amount from carrel.usage_allowances as part
                where part.id <> $7 and part.amount > 0 and ", is_of_key!("part"), "
                for update skip locked
            ) as part
        ), need as (
            select $8::numeric
                - coalesce(sum(part.amount) filter (where part.id = $7 or part.amount < 0), 0) as amount
            from ", k!(), " left join carrel.usage_allowances as part on ", is_of_key!("part"), "
        ), plan as (
            select need.amount <= 0 as is_enough, coalesce(sum(others.half), 0) >= need.amount as is_half
            from need left join others on true
            group by need.amount
            having need.amount <= 0 or sum(others.amount) >= need.amount
        ), taken as (
            update carrel.usage_allowances as part
            set amount = part.amount - case when plan.is_half then others.half else others.amount end
            from others, plan
            where part.id = others.id and not plan.is_enough
            returning case when plan.is_half then others.half else others.amount end as amount
        )
        update carrel.usage_allowances as part
        set amount = part.amount + coalesce((select sum(taken.amount) from taken), 0) - $8
        where part.id = $7 and exists (select from plan)"
    );
    let [user, event_type, measure, period, start, end] = key(due);
    let args = [user, event_type, measure, period, start, end, own.into(), due.amount.into()];
    Ok(db.execute(sql, &args)? > 0)
}

/// What says of which limit and period a part is, as arguments of a statement: `k`.
pub fn key(due: &Due) -> [Arg; 6] {
    [
        due.user.into(),
        due.event_type.as_str().into(),
        due.measure.as_str().into(),
        due.period.as_str().into(),
        due.period_start.into(),
        due.period_end.into(),
    ]
}
