//! Error PT402 for usage beyond a hard limit: what is used and held, and when the limit resets.

use super::limit_usage::{Holds, limit_usage};
use crate::access;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::Db;
use crate::usage::amounts::{AGENT_REQUEST, LimitCharge};
use crate::usage::measure::Measure;
use crate::users;

/// Kind of a charge. Its row is written before the charge, so the message has to leave it out of
/// the counts.
#[derive(Clone, Copy, PartialEq)]
pub enum ChargeKind {
    /// An event or a document.
    Use,
    /// A reservation or an open request.
    Hold,
}

/// Usage of a limit without the refused charge, as decimal text.
struct Numbers {
    used: String,
    held: String,
    limit: String,
    asked: String,
    /// None: nothing.
    remaining: Option<String>,
    /// Time of the reset in the user's time zone; None: never.
    resets: Option<String>,
    is_zero_limit: bool,
}

/// Builds the error for a charge that exceeds its limit.
pub fn refused(db: &Db, charge: &LimitCharge, kind: ChargeKind) -> Result<Error> {
    let usage = limit_usage(db, charge, Holds::All, false)?;
    let (mut used, mut held) = (usage.used, usage.held);
    let counted = match kind {
        ChargeKind::Use => &mut used,
        ChargeKind::Hold => &mut held,
    };
    *counted = counted.plus(charge.amount.negated()?)?;
    let args = [
        charge.user.into(),
        charge.event_type.as_str().into(),
        charge.measure.name().into(),
        charge.period.as_str().into(),
        charge.period_end.into(),
        charge.limit.into(),
        charge.amount.into(),
        used.into(),
        held.into(),
    ];
    let found = db.first(include_str!("../../../sql/usage/refusal.sql"), &args, |row| {
        let numbers = Numbers {
            used: row.need(2)?,
            held: row.need(3)?,
            limit: row.need(4)?,
            asked: row.need(5)?,
            remaining: row.get(6),
            resets: row.get(7),
            is_zero_limit: row.need(8)?,
        };
        Ok((row.need::<String>(1)?, numbers))
    })?;
    let (detail, numbers) = found.ok_or_else(|| users::no_profile(charge.user))?;
    let message = message(charge.measure, &charge.event_type, &numbers);
    let error = Error::new(SqlState::LimitReached, message).detail(detail);
    Ok(error.hint(match access::is_session_of_service()? {
        true => "Another plan may have more: carrel.set_plan()",
        false if numbers.is_zero_limit => "Choose a plan that has more.",
        false if charge.measure.is_stored() => {
            "Delete what is no longer needed, or choose a plan that has more."
        }
        false => "Wait until then, or choose a plan that has more.",
    }))
}

/// Message of the error.
fn message(measure: Measure, event_type: &str, numbers: &Numbers) -> String {
    let Numbers { used, held, limit, asked, remaining, resets, is_zero_limit } = numbers;
    if *is_zero_limit {
        return format!("Your plan includes no {}.", things(measure, event_type, false));
    }
    let is_one = limit == "1";
    let things = things(measure, event_type, is_one);
    let mut message = match remaining {
        Some(remaining) => {
            format!(
                "You have {remaining} of {limit} {things} of your plan left, and this needs {asked}"
            )
        }
        None => {
            let verb = if measure.is_stored() { "stored" } else { "used" };
            let all = if is_one { "the one".to_owned() } else { format!("all {limit}") };
            format!("You have {verb} {all} {things} of your plan")
        }
    };
    if remaining.is_none() && !held.is_empty() {
        let (done, open) = match measure {
            Measure::Events if event_type == AGENT_REQUEST => ("completed", "open"),
            Measure::Cost => ("spent", "reserved"),
            Measure::Events | Measure::Tokens | Measure::Documents | Measure::Bytes => {
                ("used", "reserved")
            }
        };
        message += &format!(" ({used} {done}, {held} {open})");
    }
    message.push('.');
    if let Some(resets) = resets {
        message += &format!(" The limit resets on {resets}.");
    }
    message
}

/// Name of the counted things: `agent requests`, `chat tokens`.
fn things(measure: Measure, event_type: &str, is_one: bool) -> String {
    let s = if is_one { "" } else { "s" };
    let kind = event_type.replace('_', " ");
    match (measure, event_type) {
        (Measure::Events, AGENT_REQUEST) => format!("agent request{s}"),
        (Measure::Events, "*") => format!("event{s}"),
        (Measure::Events, _) => format!("{kind} event{s}"),
        (Measure::Tokens, "*") => format!("token{s}"),
        (Measure::Tokens, _) => format!("{kind} token{s}"),
        (Measure::Cost, "*") => format!("unit{s} of cost"),
        (Measure::Cost, _) => format!("unit{s} of cost of {kind}"),
        (Measure::Documents, _) => format!("document{s}"),
        (Measure::Bytes, _) => format!("byte{s}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(
        measure: Measure,
        event_type: &str,
        used: &str,
        held: &str,
        limit: &str,
        left: &str,
    ) -> String {
        let numbers = Numbers {
            used: used.to_owned(),
            held: held.to_owned(),
            limit: limit.to_owned(),
            asked: "2".to_owned(),
            remaining: (!left.is_empty()).then(|| left.to_owned()),
            resets: (!measure.is_stored()).then(|| "18 December".to_owned()),
            is_zero_limit: limit == "0",
        };
        message(measure, event_type, &numbers)
    }

    #[test]
    fn a_refusal_says_what_is_used_and_when_the_limit_resets() {
        let cases = [
            (
                text(Measure::Events, "agent_request", "31", "9", "40", ""),
                "You have used all 40 agent requests of your plan (31 completed, 9 open). The limit resets on 18 December.",
            ),
            (
                text(Measure::Events, "agent_request", "1", "", "1", ""),
                "You have used the one agent request of your plan. The limit resets on 18 December.",
            ),
            (
                text(Measure::Tokens, "deep_search", "90", "10", "100", ""),
                "You have used all 100 deep search tokens of your plan (90 used, 10 reserved). The limit resets on 18 December.",
            ),
            (
                text(Measure::Tokens, "*", "90", "", "91", "1"),
                "You have 1 of 91 tokens of your plan left, and this needs 2. The limit resets on 18 December.",
            ),
            (
                text(Measure::Cost, "chat", "4.5", "0.5", "5", ""),
                "You have used all 5 units of cost of chat of your plan (4.5 spent, 0.5 reserved). The limit resets on 18 December.",
            ),
            (text(Measure::Events, "*", "0", "", "0", ""), "Your plan includes no events."),
            (
                text(Measure::Documents, "*", "50", "", "50", ""),
                "You have stored all 50 documents of your plan.",
            ),
            (
                text(Measure::Bytes, "*", "99", "", "100", "1"),
                "You have 1 of 100 bytes of your plan left, and this needs 2.",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(text, expected);
        }
    }
}
