//! That totals, what is left of limits and counters are what the events and reservations say, and making
//! them so.

use super::limits::{held_of_k, used_of_k};
use super::locks;
use super::{rebuild, usage_count};
use crate::access;
use crate::pg::error::{Result, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::Numeric;
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// Where totals, what is left of limits, counters or reservations differ from the events: no row, unless
/// something drifted.
#[pg_extern(stable, parallel_unsafe)]
fn verify_usage(
    user_id: default!(Option<Uuid>, "null"),
) -> TableIterator<
    'static,
    (name!(user_id, Uuid), name!(what, String), name!(expected, Numeric), name!(found, Numeric)),
> {
    let rows = guard(|| {
        access::require_service("verify_usage")?;
        spi::as_owner(Access::Read, |db| {
            db.rows(
                concat!(
                    "with events as (
                        select e.user_id, carrel.usage_day(p.billing_timezone, e.occurred_at) as day,
                            carrel.billing_period_start(p.billing_anchor, p.billing_timezone, e.occurred_at) as period_start,
                            e.event_type, coalesce(e.model, '') as model,
                            sum(case when e.voids is null then 1 else -1 end)::numeric as events,
                            sum(e.tokens_used) as tokens_used, sum(e.cost) as cost
                        from carrel.usage_events as e
                        join carrel.user_profiles as p on p.user_id = e.user_id
                        where $1 is null or e.user_id = $1
                        group by 1, 2, 3, 4, 5
                    ), totals as (
                        select t.user_id, t.day, t.period_start, t.event_type, t.model,
                            sum(t.events) as events, sum(t.tokens_used) as tokens_used, sum(t.cost) as cost
                        from carrel.usage_totals as t where $1 is null or t.user_id = $1
                        group by 1, 2, 3, 4, 5
                    ), allowances as (
                        select k.*, ", used_of_k!(), " + ", held_of_k!("r.state = 'held'"), " as used
                        from (
                            select user_id, event_type, measure, period, period_start, period_end,
                                max(limit_value) as limit_value, sum(amount) as amount
                            from carrel.usage_allowances as a where $1 is null or a.user_id = $1
                            group by 1, 2, 3, 4, 5, 6
                            having count(limit_value) > 0
                        ) as k
                    )
                    select user_id,
                        format('%s of %s%s on %s in the period from %s', measure.what, event_type, nullif(' with ' || model, ' with '), day, period_start),
                        measure.expected, measure.found
                    from events full join totals using (user_id, day, period_start, event_type, model)
                    cross join lateral (
                        values
                            ('events', coalesce(events.events, 0), coalesce(totals.events, 0)),
                            ('tokens_used', coalesce(events.tokens_used, 0), coalesce(totals.tokens_used, 0)),
                            ('cost', coalesce(events.cost, 0), coalesce(totals.cost, 0))
                    ) as measure (what, expected, found)
                    where measure.expected <> measure.found
                    union all
                    select user_id, format('what is left of %s of %s in the period from %s', measure, event_type, period_start),
                        limit_value - used, amount
                    from allowances where amount <> limit_value - used
                    union all
                    select r.user_id, format('event of reservation %s', r.id), 1, count(e.id)
                    from carrel.usage_reservations as r
                    left join carrel.usage_events as e on e.id = r.event_id and e.user_id = r.user_id and e.voids is null
                    where r.state = 'settled' and ($1 is null or r.user_id = $1)
                    group by r.user_id, r.id having count(e.id) <> 1
                    union all
                    select p.user_id, 'usage_count', greatest(requests.events, 0), p.usage_count::numeric
                    from carrel.user_profiles as p
                    cross join lateral (
                        select coalesce(sum(e.events), 0) as events from events as e
                        where e.user_id = p.user_id and e.event_type = 'agent_request'
                            and e.period_start = p.usage_period_start
                    ) as requests
                    where ($1 is null or p.user_id = $1) and greatest(requests.events, 0) <> p.usage_count
                    order by 1, 2"
                ),
                &[user_id.into()],
                |row| Ok((row.need(1)?, row.need(2)?, row.need(3)?, row.need(4)?)),
            )
        })
    });
    TableIterator::new(rows)
}

/// Sums totals and counters up again from the events, for all users, and has what is left of limits
/// reckoned anew when somebody asks; totals of past days take least room afterwards. Nobody records usage
/// meanwhile. Returns how many totals there are.
#[pg_extern(volatile, parallel_unsafe)]
fn rebuild_usage() -> i64 {
    guard(|| {
        access::as_administrator("rebuild_usage", Access::Write, |db| {
            locks::change_all()?;
            rebuild(db)?;
            db.value("select count(*) from carrel.usage_totals", &[])
        })
    })
}

/// The same, where nobody records usage already.
pub fn rebuild(db: &Db) -> Result<()> {
    db.execute("delete from carrel.usage_allowances", &[])?;
    rebuild::rebuild(db, None)?;
    let users = db.value::<Vec<Uuid>>(
        "select coalesce(array_agg(user_id order by user_id), '{}') from carrel.user_profiles",
        &[],
    )?;
    usage_count::recount(&users)
}
