//! Times against an oracle that asks what the clock shows at each minute.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::config::Cron;
use super::missed::Missed;
use super::times::Times;

/// Days on which clocks were set, and others: zone, first day in UTC, and number of days.
const SPANS: [(&str, &str, u32); 12] = [
    ("UTC", "2026-02-27T00:00:00Z", 3),
    ("Europe/Berlin", "2026-03-28T00:00:00Z", 3),
    ("Europe/Berlin", "2026-10-24T00:00:00Z", 3),
    ("America/New_York", "2026-03-07T00:00:00Z", 3),
    ("America/New_York", "2026-10-31T00:00:00Z", 3),
    // Half an hour.
    ("Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2),
    ("Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2),
    // At midnight.
    ("America/Sao_Paulo", "2018-11-03T00:00:00Z", 3),
    ("America/Sao_Paulo", "2019-02-16T00:00:00Z", 3),
    // A whole day.
    ("Pacific/Apia", "2011-12-29T00:00:00Z", 4),
    ("Asia/Kathmandu", "2026-01-01T00:00:00Z", 2),
    // Two hours, and back in the south.
    ("Antarctica/Troll", "2026-03-28T00:00:00Z", 3),
];

const MINUTE: u64 = 60_000;

/// One field: its values, each paired with whether it is included, and the text.
type Field = (BTreeSet<u32>, String);

fn field(least: u32, most: u32) -> impl Strategy<Value = Field> {
    let values = prop::collection::btree_set(least..=most, 1..=4);
    let listed = values.prop_map(|values| {
        let texts: Vec<_> = values.iter().map(u32::to_string).collect();
        (values, texts.join(","))
    });
    let stepped = (1..=most).prop_map(move |step| {
        let values = (least..=most).step_by(step as usize).collect();
        (values, format!("*/{step}"))
    });
    let ranged = (least..=most, least..=most).prop_map(|(a, b)| {
        let (first, last) = (a.min(b), a.max(b));
        ((first..=last).collect(), format!("{first}-{last}"))
    });
    let any = Just(((least..=most).collect(), "*".to_owned()));
    prop_oneof![2 => any, 2 => listed, 1 => stepped, 1 => ranged]
}

/// The meaning of a cron expression, spelled out.
#[derive(Debug, Clone)]
struct Spelled {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

impl Spelled {
    fn text(&self) -> String {
        [
            &self.minutes,
            &self.hours,
            &self.days,
            &self.months,
            &self.weekdays,
        ]
        .map(|field| field.1.clone())
        .join(" ")
    }

    fn matches(&self, shown: DateTime) -> bool {
        let has = |field: &Field, value: i8| field.0.contains(&u32::from(value.unsigned_abs()));
        let weekday = shown.weekday().to_sunday_zero_offset();
        let on_weekday = has(&self.weekdays, weekday) || weekday == 0 && has(&self.weekdays, 7);
        let on_day = has(&self.days, shown.day());
        let is_restricted = |field: &Field| !field.1.starts_with('*');
        let either = is_restricted(&self.days) && is_restricted(&self.weekdays);
        has(&self.minutes, shown.minute())
            && has(&self.hours, shown.hour())
            && has(&self.months, shown.month())
            && if either {
                on_day || on_weekday
            } else {
                on_day && on_weekday
            }
    }
}

fn spelled() -> impl Strategy<Value = Spelled> {
    let fields = (
        field(0, 59),
        field(0, 23),
        field(1, 31),
        field(1, 12),
        field(0, 7),
    );
    fields.prop_map(|(minutes, hours, days, months, weekdays)| Spelled {
        minutes,
        hours,
        days,
        months,
        weekdays,
    })
}

fn begin_of(text: &str) -> u64 {
    let time: Timestamp = text.parse().unwrap();
    u64::try_from(time.as_millisecond()).unwrap()
}

fn shown(zone: &TimeZone, ms: u64) -> DateTime {
    let time = Timestamp::from_millisecond(i64::try_from(ms).unwrap()).unwrap();
    zone.to_datetime(time)
}

/// The times in a span, found by looking at each of its minutes: when the clock first
/// shows each minute of the calendar, or, if it never does, any later one.
fn oracle(spelled: &Spelled, zone: &TimeZone, begin: u64, end: u64) -> Vec<u64> {
    let mut first = BTreeMap::new();
    let mut latest = DateTime::MIN;
    for ms in (begin..=end).step_by(usize::try_from(MINUTE).unwrap()) {
        let shown = shown(zone, ms);
        latest = latest.max(shown);
        first.entry(latest).or_insert(ms);
    }
    let minute = SignedDuration::from_secs(60);
    let mut due = BTreeSet::new();
    let mut at = shown(zone, begin).checked_add(minute).unwrap();
    while at <= latest {
        if spelled.matches(at) {
            let (_, ms) = first.range(at..).next().unwrap();
            due.insert(*ms);
        }
        at = at.checked_add(minute).unwrap();
    }
    due.into_iter().collect()
}

fn times(text: &str, zone: &str) -> Option<Times> {
    Cron::parse(text).ok()?.zone(zone).times().ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn times_are_those_that_the_clock_shows(spelled in spelled(), span in 0..SPANS.len()) {
        let (name, begin, days) = SPANS[span];
        // Such as the 30th of February.
        let Some(times) = times(&spelled.text(), name) else { return Ok(()) };
        let zone = TimeZone::get(name).unwrap();
        let begin = begin_of(begin);
        let end = begin + u64::from(days) * 86_400_000;
        let expected = oracle(&spelled, &zone, begin, end);
        let mut found = Vec::new();
        let mut last = begin;
        while let Some(next) = times.after(last).filter(|next| *next <= end) {
            prop_assert!(next > last);
            found.push(next);
            last = next;
        }
        prop_assert_eq!(&found, &expected, "{} in {}", spelled.text(), name);
        // From any point in between, the next time is the same.
        for probe in (begin..end).step_by(7 * 3_600_000 + 13) {
            let next = expected.iter().find(|due| **due > probe);
            if let Some(next) = next {
                prop_assert_eq!(times.after(probe), Some(*next));
            }
        }
        for most in [1, 3, 10_000] {
            let tail = expected.len().saturating_sub(most);
            prop_assert_eq!(times.between(begin, end, most), &expected[tail..]);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-0-9*/,a-z@ ]{0,24}") {
        if let Ok(cron) = Cron::parse(&text) {
            let next = cron.next_after(std::time::UNIX_EPOCH).unwrap();
            prop_assert!(next.is_some(), "{text}");
        }
    }
}

#[test]
fn missed_ticks_are_made_up_for_as_the_policy_says() {
    const HOUR: u64 = 3_600_000;
    let times = times("0 * * * *", "UTC").unwrap();
    let noon = begin_of("2026-01-01T12:00:00Z");
    let due = |missed: Missed, last, now| missed.due(&times, last, now);
    for missed in [Missed::Once, Missed::All(3), Missed::Skip] {
        assert_eq!(due(missed, noon, noon + HOUR - 1), None);
        let next = due(missed, noon, noon + HOUR).unwrap();
        assert_eq!((next.last, next.fire), (noon + HOUR, vec![noon + HOUR]));
    }
    let later = noon + 5 * HOUR + HOUR / 2;
    let due_later = |missed| due(missed, noon, later).unwrap();
    assert_eq!(due_later(Missed::Once).fire, [noon + 5 * HOUR]);
    let all = [noon + 3 * HOUR, noon + 4 * HOUR, noon + 5 * HOUR];
    assert_eq!(due_later(Missed::All(3)).fire, all);
    assert_eq!(due_later(Missed::All(1_000)).fire.len(), 5);
    let skipped = due_later(Missed::Skip);
    assert_eq!((skipped.last, skipped.fire.len()), (noon + 5 * HOUR, 0));
    // A slightly late tick is not missed.
    let late = due(Missed::Skip, noon, noon + 5 * HOUR + 60_000).unwrap();
    assert_eq!(late.fire, [noon + 5 * HOUR]);
}
