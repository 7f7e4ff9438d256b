//! Status of the limits that an event counts against, from totals, reservations and open requests.
//!
//! Adds up the same as sql/usage/limit_usage.sql, which defines what counts against a limit.

use crate::calendar::PeriodKind;
use crate::pg::clock;
use crate::pg::error::Result;
use crate::pg::heap::{Condition, Table};
use crate::pg::spi::as_owner_now;
use crate::pg::values::{Numeric, OwnedNumeric};
use crate::usage::accounts::plan_limits::{Limit, matches};
use crate::usage::accounts::{Account, Accounts};
use crate::usage::amounts::{AGENT_REQUEST, TOTALS};
use crate::usage::measure::EventMeasure;
use pgrx::datum::{Date, Uuid};
use pgrx::prelude::*;
use std::cmp::Ordering;

/// Status of a limit: used, limit, remaining, and time of the reset. All None: no limit.
pub type LimitStatus =
    (Option<Numeric>, Option<Numeric>, Option<Numeric>, Option<TimestampWithTimeZone>);

/// Unfinished requests, by user. Where the index is missing, all requests are read.
const OPEN_REQUESTS: Table =
    Table { name: c"agent_requests", index: c"agent_requests_user_id_open_idx" };

/// Reservations that are held, by user and time of expiry.
const HELD: Table =
    Table { name: c"usage_reservations", index: c"usage_reservations_user_id_held_idx" };

/// Windows of all limits that an event counts against.
pub struct LimitWindows {
    windows: Vec<LimitWindow>,
}

impl LimitWindows {
    /// Windows that contain `at`, with nothing used.
    pub fn of(account: &Account, event_type: &str, at: TimestampWithTimeZone) -> Result<Self> {
        let mut windows = Vec::new();
        let matching = account.limits.iter().filter(|limit| limit.matches(event_type));
        for limit in matching {
            if let Some(measure) = limit.measure.of_events() {
                windows.push(LimitWindow::of(account, limit, measure, at)?);
            }
        }
        Ok(Self { windows })
    }

    /// First day of the totals to add up; None: totals are not needed.
    pub fn first_day(&self) -> Option<Date> {
        self.windows.iter().filter(|window| !window.is_interval()).map(|window| window.days.0).min()
    }

    /// Sums of zero, to which [`Sums::add`] adds totals.
    pub fn sums(&self) -> Result<Sums> {
        let zero = Numeric::zero()?;
        Ok(Sums(vec![zero; self.windows.len()]))
    }

    /// Sets the used amounts to the sums.
    pub fn take(&mut self, sums: Sums) {
        for (window, sum) in self.windows.iter_mut().zip(sums.0) {
            window.used = OwnedNumeric::of(sum);
        }
    }

    /// Returns the limit with the smallest remaining/limit; ties: hard before soft, then latest
    /// reset.
    ///
    /// Totals have to be added up before; reservations, requests and intervals are read here.
    pub fn tightest(mut self, user: Uuid) -> Result<LimitStatus> {
        if self.windows.is_empty() {
            return Ok(LimitStatus::default());
        }
        self.add_intervals(user)?;
        self.add_requests(user)?;
        self.add_reservations(user)?;
        let (zero, one) = (Numeric::zero()?, Numeric::from_whole(1)?);
        let mut tightest: Option<(Numeric, Numeric, &LimitWindow)> = None;
        for window in &self.windows {
            let value = window.limit.get();
            let taken = window.used.get().plus(window.held.get())?;
            let remaining = value.plus(taken.negated()?)?;
            let remaining =
                if remaining.compare(zero)? == Ordering::Less { zero } else { remaining };
            // Zero of a limit of zero remains.
            let of = if value.compare(zero)? == Ordering::Equal { one } else { value };
            let is_tighter = match tightest {
                None => true,
                Some((least, of_least, tightest)) => {
                    match remaining.times(of_least)?.compare(least.times(of)?)? {
                        Ordering::Less => true,
                        // Usage is allowed again only after the latest reset.
                        Ordering::Equal => {
                            (window.is_hard, window.end) > (tightest.is_hard, tightest.end)
                        }
                        Ordering::Greater => false,
                    }
                }
            };
            if is_tighter {
                tightest = Some((remaining, of, window));
            }
        }
        let Some((remaining, _, window)) = tightest else { return Ok(LimitStatus::default()) };
        Ok((
            Some(window.used.get().trimmed()?),
            Some(window.limit.get().trimmed()?),
            Some(remaining.trimmed()?),
            (!window.end.is_infinity()).then_some(window.end),
        ))
    }

    /// Adds up the events of windows that are intervals: daily totals do not hold times of day.
    fn add_intervals(&mut self, user: Uuid) -> Result<()> {
        for window in self.windows.iter_mut().filter(|window| window.is_interval()) {
            let (start, end) = (window.start.into(), window.end.into());
            let sums = as_owner_now(|db| {
                db.first(
                    "select coalesce(sum(case when voids is null then 1 else -1 end), 0)::numeric,
                        coalesce(sum(tokens_used), 0), coalesce(sum(cost), 0)
                    from carrel.usage_events
                    where user_id = $1 and occurred_at >= $2 and occurred_at < $3 and $4 in ('*', event_type)",
                    &[user.into(), start, end, window.event_type.as_str().into()],
                    |row| Ok(OwnedNumeric::of(row.need(window.measure.position() as i32 + 1)?)),
                )
            })?;
            window.used = sums.map_or_else(OwnedNumeric::nothing, Ok)?;
        }
        Ok(())
    }

    /// Adds the amounts of held reservations that have not expired.
    fn add_reservations(&mut self, user: Uuid) -> Result<()> {
        let conditions = [Condition::is_user(user), Condition::is_later(clock::wall()?)];
        let columns = [c"state", c"reserved_at", c"event_type", c"tokens", c"cost"];
        HELD.read(&conditions, columns, |row| {
            if row.need::<&str>(1)? != "held" {
                return Ok(());
            }
            let at: TimestampWithTimeZone = row.need(2)?;
            let event_type: &str = row.need(3)?;
            let (tokens, cost) = (row.need(4)?, row.need(5)?);
            self.windows.iter_mut().try_for_each(|window| window.hold(at, event_type, tokens, cost))
        })
    }

    /// Adds one event and the reserved tokens of each unfinished request.
    fn add_requests(&mut self, user: Uuid) -> Result<()> {
        if !self.windows.iter().any(|window| matches(&window.event_type, AGENT_REQUEST)) {
            return Ok(());
        }
        let zero = Numeric::zero()?;
        let columns = [c"status", c"reserve_tokens", c"reserved_at"];
        OPEN_REQUESTS.read(&[Condition::is_user(user)], columns, |row| {
            if !matches!(row.need(1)?, "pending" | "processing") {
                return Ok(());
            }
            let (tokens, at) = (row.need(2)?, row.need(3)?);
            self.windows
                .iter_mut()
                .try_for_each(|window| window.hold(at, AGENT_REQUEST, tokens, zero))
        })
    }
}

/// Used amounts of [`LimitWindows`] while totals are added up, in the current memory context.
pub struct Sums(Vec<Numeric>);

impl Sums {
    /// Adds a total, of which `amount` returns the amount of a measure.
    pub fn add(
        &mut self,
        windows: &LimitWindows,
        day: Date,
        period_start: TimestampWithTimeZone,
        event_type: &str,
        amount: impl Fn(EventMeasure) -> Result<Numeric>,
    ) -> Result<()> {
        for (window, sum) in windows.windows.iter().zip(&mut self.0) {
            let is_of_period = match window.kind {
                PeriodKind::Window(_) => false,
                // Compared as integers, without a call into the server.
                PeriodKind::Month => i64::from(period_start) == i64::from(window.start),
                _ => {
                    let (first, last) = window.days;
                    (first.to_pg_epoch_days()..=last.to_pg_epoch_days())
                        .contains(&day.to_pg_epoch_days())
                }
            };
            if is_of_period && matches(&window.event_type, event_type) {
                *sum = sum.plus(amount(window.measure)?)?;
            }
        }
        Ok(())
    }
}

/// Reads the status of the tightest limit that an event at `at` counts against.
pub fn now(user: Uuid, event_type: &str, at: TimestampWithTimeZone) -> Result<LimitStatus> {
    let accounts = Accounts::find(&[user])?;
    let Some(account) = accounts.get(user) else { return Ok(LimitStatus::default()) };
    let mut windows = LimitWindows::of(account, event_type, at)?;
    if let Some(first) = windows.first_day() {
        let conditions = [Condition::is_user(user), Condition::is_from_day(first)];
        let mut sums = windows.sums()?;
        TOTALS.read(
            &conditions,
            [c"day", c"period_start", c"event_type", c"events", c"tokens_used", c"cost"],
            |row| {
                let (day, period_start, event_type) = (row.need(1)?, row.need(2)?, row.need(3)?);
                sums.add(&windows, day, period_start, event_type, |measure| {
                    row.need(4 + measure.position())
                })
            },
        )?;
        windows.take(sums);
    }
    windows.tightest(user)
}

/// One period of a limit, with what is used and held in it.
struct LimitWindow {
    event_type: String,
    measure: EventMeasure,
    kind: PeriodKind,
    limit: OwnedNumeric,
    is_hard: bool,
    start: TimestampWithTimeZone,
    end: TimestampWithTimeZone,
    /// First and last day, both inclusive.
    days: (Date, Date),
    used: OwnedNumeric,
    held: OwnedNumeric,
}

impl LimitWindow {
    fn of(
        account: &Account,
        limit: &Limit,
        measure: EventMeasure,
        at: TimestampWithTimeZone,
    ) -> Result<Self> {
        let (start, end) = account.calendar.period(&limit.kind, at)?;
        let last = TimestampWithTimeZone::try_from(i64::from(end) - 1).unwrap_or(end);
        Ok(Self {
            event_type: limit.event_type.clone(),
            measure,
            kind: limit.kind.clone(),
            limit: OwnedNumeric::of(limit.value.get()),
            is_hard: limit.is_hard,
            start,
            end,
            days: (account.calendar.day(start)?, account.calendar.day(last)?),
            used: OwnedNumeric::nothing()?,
            held: OwnedNumeric::nothing()?,
        })
    }

    /// Adds one held event with its tokens and cost, if it counts in this window.
    fn hold(
        &mut self,
        at: TimestampWithTimeZone,
        event_type: &str,
        tokens: i64,
        cost: Numeric,
    ) -> Result<()> {
        if at < self.start || at >= self.end || !matches(&self.event_type, event_type) {
            return Ok(());
        }
        let held = match self.measure {
            EventMeasure::Events => Numeric::from_whole(1)?,
            EventMeasure::Tokens => Numeric::from_whole(tokens)?,
            EventMeasure::Cost => cost,
        };
        self.held = OwnedNumeric::of(self.held.get().plus(held)?);
        Ok(())
    }

    fn is_interval(&self) -> bool {
        matches!(self.kind, PeriodKind::Window(_))
    }
}
