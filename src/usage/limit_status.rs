//! How the limits stand that an event falls under: what of them is used, held and left.

use super::accounts::{Account, Accounts};
use super::periods::Kind;
use super::plan_limits::{Limit, matches};
use super::reckoning;
use super::totals::TOTALS;
use crate::pg::clock;
use crate::pg::error::Result;
use crate::pg::heap::{Condition, Table};
use crate::pg::values::{Numeric, OwnedNumeric};
use pgrx::datum::{Date, Uuid};
use pgrx::prelude::*;
use std::cmp::Ordering;

/// How a limit stands: what is used, the limit, what remains, and when it begins anew.
pub type Standing =
    (Option<Numeric>, Option<Numeric>, Option<Numeric>, Option<TimestampWithTimeZone>);

/// How the limits stand that an event falls under.
pub struct Standings {
    spans: Vec<Span>,
}

impl Standings {
    /// Before anything is added up.
    pub fn of(account: &Account, event_type: &str, at: TimestampWithTimeZone) -> Result<Self> {
        let mut spans = Vec::new();
        let matching = account.limits.iter().filter(|limit| limit.matches(event_type));
        for limit in matching.filter(|limit| MEASURES.contains(&limit.measure.as_str())) {
            spans.push(Span::of(account, limit, at)?);
        }
        Ok(Self { spans })
    }

    /// The first day whose totals are to be added.
    pub fn first_day(&self) -> Option<Date> {
        self.spans.iter().filter(|span| !span.is_window()).map(|span| span.days.0).min()
    }

    /// Nothing, to which [`Sums::add`] adds totals.
    pub fn sums(&self) -> Result<Sums> {
        let nothing = Numeric::zero()?;
        Ok(Sums(vec![nothing; self.spans.len()]))
    }

    /// Takes what was added up.
    pub fn take(&mut self, sums: Sums) {
        for (span, sum) in self.spans.iter_mut().zip(sums.0) {
            span.used = OwnedNumeric::of(sum);
        }
    }

    /// The tightest of them, when all totals are added: the one of which the least part remains; of the same
    /// part, one that is hard, and that begins anew last.
    pub fn tightest(mut self, user: Uuid) -> Result<Standing> {
        if self.spans.is_empty() {
            return Ok(Standing::default());
        }
        self.add_windows(user)?;
        self.add_held(user)?;
        let (nothing, one) = (Numeric::zero()?, Numeric::from_whole(1)?);
        let mut tightest: Option<(Numeric, Numeric, &Span)> = None;
        for span in &self.spans {
            let value = span.limit.get();
            let taken = span.used.get().plus(span.held.get())?;
            let remaining = value.plus(taken.negated()?)?;
            let remaining =
                if remaining.compare(nothing)? == Ordering::Less { nothing } else { remaining };
            // Of a limit of nothing, nothing remains.
            let of = if value.compare(nothing)? == Ordering::Equal { one } else { value };
            let is_tighter = match tightest {
                None => true,
                Some((least, of_least, tightest)) => {
                    match remaining.times(of_least)?.compare(least.times(of)?)? {
                        Ordering::Less => true,
                        // Who waits for all of them waits for the last.
                        Ordering::Equal => {
                            (span.is_hard, span.end) > (tightest.is_hard, tightest.end)
                        }
                        Ordering::Greater => false,
                    }
                }
            };
            if is_tighter {
                tightest = Some((remaining, of, span));
            }
        }
        let Some((remaining, _, span)) = tightest else { return Ok(Standing::default()) };
        Ok((
            Some(span.used.get().trimmed()?),
            Some(span.limit.get().trimmed()?),
            Some(remaining.trimmed()?),
            (!span.end.is_infinity()).then_some(span.end),
        ))
    }

    /// What is used in intervals that are not of days is added up from the events.
    fn add_windows(&mut self, user: Uuid) -> Result<()> {
        for span in self.spans.iter_mut().filter(|span| span.is_window()) {
            let sums = reckoning(|db| {
                db.first(
                    "select coalesce(sum(case when voids is null then 1 else -1 end), 0)::numeric,
                        coalesce(sum(tokens_used), 0), coalesce(sum(cost), 0)
                    from carrel.usage_events
                    where user_id = $1 and occurred_at >= $2 and occurred_at < $3 and $4 in ('*', event_type)",
                    &[
                        user.into(),
                        span.start.into(),
                        span.end.into(),
                        span.event_type.as_str().into(),
                    ],
                    |row| Ok(OwnedNumeric::of(row.need(span.measure as i32 + 1)?)),
                )
            })?;
            span.used = sums.map_or_else(OwnedNumeric::nothing, Ok)?;
        }
        Ok(())
    }

    /// Adds what reservations that have not lapsed hold, and agent requests that are not finished.
    fn add_held(&mut self, user: Uuid) -> Result<()> {
        self.add_requests(user)?;
        let table =
            Table { name: c"usage_reservations", index: c"usage_reservations_user_id_held_idx" };
        let held = [Condition::is_user(user), Condition::is_later(clock::wall()?)];
        table.read(&held, [c"state", c"reserved_at", c"event_type", c"tokens", c"cost"], |row| {
            if row.need::<&str>(1)? != "held" {
                return Ok(());
            }
            let at: TimestampWithTimeZone = row.need(2)?;
            let event_type: &str = row.need(3)?;
            let (tokens, cost) = (row.need(4)?, row.need(5)?);
            self.spans.iter_mut().try_for_each(|span| span.hold(at, event_type, tokens, cost))
        })
    }

    fn add_requests(&mut self, user: Uuid) -> Result<()> {
        if !self.spans.iter().any(|span| matches(&span.event_type, AGENT_REQUEST)) {
            return Ok(());
        }
        let nothing = Numeric::zero()?;
        let columns = [c"status", c"reserve_tokens", c"reserved_at"];
        OPEN_REQUESTS.read(&[Condition::is_user(user)], columns, |row| {
            if !matches!(row.need(1)?, "pending" | "processing") {
                return Ok(());
            }
            let (tokens, at) = (row.need(2)?, row.need(3)?);
            self.spans.iter_mut().try_for_each(|span| span.hold(at, AGENT_REQUEST, tokens, nothing))
        })
    }
}

/// What totals are added up in, for each of the [`Standings`]; in the current memory context.
pub struct Sums(Vec<Numeric>);

impl Sums {
    /// Adds a total; `amount` gives its events (0), tokens (1) or cost (2).
    pub fn add(
        &mut self,
        standings: &Standings,
        day: Date,
        period_start: TimestampWithTimeZone,
        event_type: &str,
        amount: impl Fn(usize) -> Result<Numeric>,
    ) -> Result<()> {
        for (span, sum) in standings.spans.iter().zip(&mut self.0) {
            let is_of_period = match span.kind {
                Kind::Window(_) => false,
                // As numbers, which are compared without asking the server.
                Kind::Month => i64::from(period_start) == i64::from(span.start),
                _ => {
                    let (first, last) = span.days;
                    (first.to_pg_epoch_days()..=last.to_pg_epoch_days())
                        .contains(&day.to_pg_epoch_days())
                }
            };
            if is_of_period && matches(&span.event_type, event_type) {
                *sum = sum.plus(amount(span.measure)?)?;
            }
        }
        Ok(())
    }
}

/// How the tightest limit stands now that an event falls under.
pub fn now(user: Uuid, event_type: &str, at: TimestampWithTimeZone) -> Result<Standing> {
    let accounts = Accounts::find(&[user])?;
    let Some(account) = accounts.get(user) else { return Ok(Standing::default()) };
    let mut standings = Standings::of(account, event_type, at)?;
    if let Some(first) = standings.first_day() {
        let conditions = [Condition::is_user(user), Condition::is_from_day(first)];
        let mut sums = standings.sums()?;
        TOTALS.read(
            &conditions,
            [c"day", c"period_start", c"event_type", c"events", c"tokens_used", c"cost"],
            |row| {
                let (day, period_start, event_type) = (row.need(1)?, row.need(2)?, row.need(3)?);
                sums.add(&standings, day, period_start, event_type, |measure| row.need(4 + measure))
            },
        )?;
        standings.take(sums);
    }
    standings.tightest(user)
}

/// The type of the event that an agent request is billed by.
pub const AGENT_REQUEST: &str = "agent_request";

/// The requests of users that are not finished; without the index, all.
const OPEN_REQUESTS: Table =
    Table { name: c"agent_requests", index: c"agent_requests_user_id_open_idx" };

/// What limits are of that events count in.
const MEASURES: [&str; 3] = ["events", "tokens", "cost"];

/// The period of a limit that is asked for, what is used in it, and what reservations hold.
struct Span {
    event_type: String,
    /// Which of the [`MEASURES`].
    measure: usize,
    kind: Kind,
    limit: OwnedNumeric,
    is_hard: bool,
    start: TimestampWithTimeZone,
    end: TimestampWithTimeZone,
    days: (Date, Date),
    used: OwnedNumeric,
    held: OwnedNumeric,
}

impl Span {
    fn of(account: &Account, limit: &Limit, at: TimestampWithTimeZone) -> Result<Self> {
        let (start, end) = account.calendar.period(&limit.kind, at)?;
        let last = TimestampWithTimeZone::try_from(i64::from(end) - 1).unwrap_or(end);
        Ok(Self {
            event_type: limit.event_type.clone(),
            measure: MEASURES.iter().position(|name| *name == limit.measure).unwrap_or(0),
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

    /// Holds one event, with tokens and cost, if it counts here.
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
            0 => Numeric::from_whole(1)?,
            1 => Numeric::from_whole(tokens)?,
            _ => cost,
        };
        self.held = OwnedNumeric::of(self.held.get().plus(held)?);
        Ok(())
    }

    fn is_window(&self) -> bool {
        matches!(self.kind, Kind::Window(_))
    }
}
