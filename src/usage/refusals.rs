//! The error for usage beyond a hard limit: what is used, what is reserved, and when the limit resets.

use super::allowances::key;
use super::limit_status::AGENT_REQUEST;
use super::limits::{Due, held_of_k, k, used_of_k};
use crate::access;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::Db;

/// Where the database already has what is asked for: it is counted there, and not by the message.
#[derive(Clone, Copy, PartialEq)]
pub enum Asked {
    /// An event, or a document.
    Used,
    /// A reservation, or an open request.
    Held,
}

/// How a limit stands without what is asked for, in decimal numbers.
struct Numbers {
    used: String,
    held: String,
    limit: String,
    asked: String,
    /// None where nothing is left.
    left: Option<String>,
    /// When the limit resets, in the user's time zone.
    resets: Option<String>,
    is_without_any: bool,
}

/// The error for what is beyond a limit: PT402.
pub fn refused(db: &Db, due: &Due, kind: Asked) -> Result<Error> {
    const READ: &str = concat!(
        "with now as materialized (
            select k.*, $7::numeric as most, $8::numeric as asked,
                ", used_of_k!(), " - case when $9 then 0 else $8::numeric end as used,
                ", held_of_k!("r.state = 'held'"), " - case when $9 then $8::numeric else 0 end as held,
                p.billing_timezone as zone, k.period_end at time zone p.billing_timezone as ends
            from ", k!(), " join carrel.user_profiles as p on p.user_id = k.user_id
        )
        select
            jsonb_build_object(
                'event_type', event_type, 'measure', measure, 'period', period,
                'asked', trim_scale(asked), 'used', trim_scale(used + held), 'held', trim_scale(held),
                'limit', trim_scale(most), 'resets_at', case when isfinite(period_end) then period_end end
            )::text,
            trim_scale(used)::text, case when held > 0 then trim_scale(held)::text else '' end,
            trim_scale(most)::text, trim_scale(asked)::text,
            case when most - used - held > 0 then trim_scale(most - used - held)::text end,
            case when isfinite(period_end) then
                to_char(ends, case when extract(year from ends) = extract(year from now()) then 'FMDD FMMonth' else 'FMDD FMMonth YYYY' end)
                || case when ends = date_trunc('day', ends) then '' else to_char(ends, ' \"at\" HH24:MI') || format(' (%s)', zone) end
            end,
            most = 0
        from now"
    );
    let [user, event_type, measure, period, start, end] = key(due);
    let (limit, asked) = (due.limit.into(), due.amount.into());
    let is_held = (kind == Asked::Held).into();
    let args = [user, event_type, measure, period, start, end, limit, asked, is_held];
    let found = db.first(READ, &args, |row| {
        let numbers = Numbers {
            used: row.need(2)?,
            held: row.need(3)?,
            limit: row.need(4)?,
            asked: row.need(5)?,
            left: row.get(6),
            resets: row.get(7),
            is_without_any: row.need(8)?,
        };
        Ok((row.need::<String>(1)?, numbers))
    })?;
    let (detail, numbers) = found.ok_or_else(|| crate::users::no_profile(due.user))?;
    let message = message(&due.measure, &due.event_type, &numbers);
    let error = Error::new(SqlState::LimitReached, message).detail(detail);
    let is_stored = is_stored(&due.measure);
    Ok(error.hint(match access::is_session_of_service()? {
        true => "Another plan may have more: carrel.set_plan()",
        false if numbers.is_without_any => "Choose a plan that has more.",
        false if is_stored => "Delete what is no longer needed, or choose a plan that has more.",
        false => "Wait until then, or choose a plan that has more.",
    }))
}

fn is_stored(measure: &str) -> bool {
    matches!(measure, "documents" | "bytes")
}

fn message(measure: &str, event_type: &str, numbers: &Numbers) -> String {
    let Numbers { used, held, limit, asked, left, resets, is_without_any } = numbers;
    if *is_without_any {
        return format!("Your plan includes no {}.", things(measure, event_type, false));
    }
    let is_one = limit == "1";
    let what = things(measure, event_type, is_one);
    let mut message = match left {
        Some(left) => {
            format!("You have {left} of {limit} {what} of your plan left, and this needs {asked}")
        }
        None => {
            let verb = if is_stored(measure) { "stored" } else { "used" };
            let all = if is_one { "the one".to_owned() } else { format!("all {limit}") };
            format!("You have {verb} {all} {what} of your plan")
        }
    };
    if left.is_none() && !held.is_empty() {
        let (done, open) = match (event_type, measure) {
            (AGENT_REQUEST, "events") => ("completed", "open"),
            (_, "cost") => ("spent", "reserved"),
            _ => ("used", "reserved"),
        };
        message += &format!(" ({used} {done}, {held} {open})");
    }
    message.push('.');
    if let Some(resets) = resets {
        message += &format!(" The limit resets on {resets}.");
    }
    message
}

/// The things that a limit counts: `agent requests`, `chat tokens`.
fn things(measure: &str, event_type: &str, is_one: bool) -> String {
    let s = if is_one { "" } else { "s" };
    let kind = match (measure, event_type) {
        ("events", AGENT_REQUEST) => return format!("agent request{s}"),
        ("documents" | "bytes", _) | (_, "*") => String::new(),
        (_, event_type) => event_type.replace('_', " ") + " ",
    };
    match measure {
        "cost" if kind.is_empty() => format!("unit{s} of cost"),
        "cost" => format!("unit{s} of cost of {}", kind.trim_end()),
        measure => format!("{kind}{}{s}", measure.trim_end_matches('s')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(
        measure: &str,
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
            left: (!left.is_empty()).then(|| left.to_owned()),
            resets: (!is_stored(measure)).then(|| "18 December".to_owned()),
            is_without_any: limit == "0",
        };
        message(measure, event_type, &numbers)
    }

    #[test]
    fn a_refusal_says_what_is_used_and_when_the_limit_resets() {
        let cases = [
            (
                said("events", "agent_request", "31", "9", "40", ""),
                "You have used all 40 agent requests of your plan (31 completed, 9 open). The limit resets on 18 December.",
            ),
            (
                said("events", "agent_request", "1", "", "1", ""),
                "You have used the one agent request of your plan. The limit resets on 18 December.",
            ),
            (
                said("tokens", "deep_search", "90", "10", "100", ""),
                "You have used all 100 deep search tokens of your plan (90 used, 10 reserved). The limit resets on 18 December.",
            ),
            (
                said("tokens", "*", "90", "", "91", "1"),
                "You have 1 of 91 tokens of your plan left, and this needs 2. The limit resets on 18 December.",
            ),
            (
                said("cost", "chat", "4.5", "0.5", "5", ""),
                "You have used all 5 units of cost of chat of your plan (4.5 spent, 0.5 reserved). The limit resets on 18 December.",
            ),
            (said("events", "*", "0", "", "0", ""), "Your plan includes no events."),
            (
                said("documents", "*", "50", "", "50", ""),
                "You have stored all 50 documents of your plan.",
            ),
            (
                said("bytes", "*", "99", "", "100", "1"),
                "You have 1 of 100 bytes of your plan left, and this needs 2.",
            ),
        ];
        for (said, right) in cases {
            assert_eq!(said, right);
        }
    }
}
