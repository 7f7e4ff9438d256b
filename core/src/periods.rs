//! Periods without gaps: billing months from an anchor in a time zone, days and weeks of a zone,
//! and windows of a fixed length.
//!
//! Instants are microseconds since the Unix epoch. The rules of the zones are compiled in, not read
//! from the server, so that a primary, its standbys and its successor agree on the end of a period.
use std::ops::Range;

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp};

/// Time zone of the IANA database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Finds a zone by its IANA name, such as `Europe/Berlin`, ignoring case. Offsets, POSIX
    /// strings and abbreviations are rejected, except the few that IANA lists, such as `EST`.
    pub fn named(name: &str) -> Result<Zone, UnknownZone> {
        let unknown = || UnknownZone { name: name.chars().take(100).collect() };
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| unknown())?;
        // The name that jiff gives to "no zone".
        if zone.is_unknown() {
            return Err(unknown());
        }
        Ok(Zone(zone))
    }

    /// Name as IANA spells it.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

/// Error: no zone has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownZone {
    /// Name that was asked for, at most its first 100 characters.
    pub name: String,
}

impl std::fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "time zone \"{}\" not recognized", self.name)
    }
}

impl std::error::Error for UnknownZone {}

/// Error: the period or its anchor is outside the years -9999 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// Anchor if it is out of range, else the instant whose period was asked for.
    pub instant: i64,
}

impl std::fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let OutOfRange { instant } = self;
        write!(f, "billing period out of range: {instant} microseconds from 1970")
    }
}

impl std::error::Error for OutOfRange {}

/// Returns the monthly period that contains `at`: start inclusive, end exclusive.
///
/// Period *n* starts at the anchor's local time *n* months from the anchor, on the anchor's day or,
/// in a shorter month, on the last day. Every start is computed from the anchor, so an anchor on
/// the 31st is back on the 31st after February. A local time that a clock change skips is moved
/// later by the change; a local time that occurs twice means the first. Period 0 starts at the
/// anchor itself even if that is the second. Each period ends where the next starts, in both
/// directions.
pub fn month_containing(anchor: i64, zone: &Zone, at: i64) -> Result<Range<i64>, OutOfRange> {
    let anchored = Anchored { instant: anchor, zone, local: local(anchor, zone)? };
    let sought = local(at, zone)?;
    let out_of_range = || OutOfRange { instant: at };

    // A first guess: exact up to the day in the month and to clock changes.
    let mut n = months(sought) - months(anchored.local);
    let mut start = anchored.start(n).ok_or_else(out_of_range)?;
    while at < start {
        n -= 1;
        start = anchored.start(n).ok_or_else(out_of_range)?;
    }
    let mut end = anchored.start(n + 1).ok_or_else(out_of_range)?;
    while end <= at {
        n += 1;
        start = end;
        end = anchored.start(n + 1).ok_or_else(out_of_range)?;
    }
    Ok(start..end)
}

/// Returns the day that contains `at` on the zone's calendar, with its start and end.
///
/// A day starts at midnight. If clocks skip midnight, it starts at its first instant; a midnight
/// that occurs twice means the first. Each day ends where the next starts. A day that a zone left
/// out contains nothing.
pub fn day_containing(zone: &Zone, at: i64) -> Result<(Date, Range<i64>), OutOfRange> {
    let mut date = local(at, zone)?.date();
    let out_of_range = || OutOfRange { instant: at };
    let starts = |date: Date| midnight(zone, date).ok_or_else(out_of_range);
    let tomorrow = |date: Date| date.tomorrow().map_err(|_| out_of_range());
    let mut start = starts(date)?;
    while at < start {
        date = date.yesterday().map_err(|_| out_of_range())?;
        start = starts(date)?;
    }
    let mut end = starts(tomorrow(date)?)?;
    while end <= at {
        date = tomorrow(date)?;
        start = end;
        end = starts(tomorrow(date)?)?;
    }
    Ok((date, start..end))
}

/// Returns the week that contains `at`, from Monday to Sunday of the zone's calendar. Each week
/// ends where the next starts.
pub fn week_containing(zone: &Zone, at: i64) -> Result<Range<i64>, OutOfRange> {
    let (date, _) = day_containing(zone, at)?;
    let since_monday = i32::from(date.weekday().to_monday_zero_offset());
    let start = |days: i32| {
        let monday = date.checked_add(Span::new().try_days(days - since_monday).ok()?).ok()?;
        midnight(zone, monday)
    };
    let range = || Some(start(0)?..start(7)?);
    range().ok_or(OutOfRange { instant: at })
}

/// Returns the window that contains `at`. Windows start at the anchor and have `length`
/// microseconds, at least 1. Each window ends where the next starts.
pub fn window_containing(anchor: i64, length: i64, at: i64) -> Result<Range<i64>, OutOfRange> {
    let out_of_range = OutOfRange { instant: at };
    let length = i128::from(length.max(1));
    let since = (i128::from(at) - i128::from(anchor)).div_euclid(length);
    let start = i128::from(anchor) + since * length;
    let instant = |at: i128| i64::try_from(at).map_err(|_| out_of_range);
    Ok(instant(start)?..instant(start + length)?)
}

/// First instant of a day.
fn midnight(zone: &Zone, date: Date) -> Option<i64> {
    let start = zone.0.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible().ok()?;
    Some(start.as_microsecond())
}

struct Anchored<'a> {
    instant: i64,
    zone: &'a Zone,
    local: DateTime,
}

impl Anchored<'_> {
    /// Start of period `n`; later for a greater `n`. None if out of range.
    fn start(&self, n: i32) -> Option<i64> {
        if n == 0 {
            return Some(self.instant);
        }
        let span = Span::new().try_months(n).ok()?;
        let local = self.local.checked_add(span).ok()?;
        let start = self.zone.0.to_ambiguous_timestamp(local).compatible().ok()?;
        Some(start.as_microsecond())
    }
}

fn local(instant: i64, zone: &Zone) -> Result<DateTime, OutOfRange> {
    let timestamp = Timestamp::from_microsecond(instant).map_err(|_| OutOfRange { instant })?;
    Ok(zone.0.to_datetime(timestamp))
}

fn months(local: DateTime) -> i32 {
    i32::from(local.year()) * 12 + i32::from(local.month())
}
