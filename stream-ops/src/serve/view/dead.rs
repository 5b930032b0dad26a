//! The dead letters of a stream.

use std::time::SystemTime;

use stream_lib::message::Misfit;
use stream_lib::{DeadKind, DeadLetter, EntryId, FieldMask, StreamSchema};

use super::ask::ask;
use super::dead_more::{DeadMore, Window};
use super::say::listed;
use super::since::choices;
use crate::clock::Clock;
use crate::observe::History;
use crate::serve::access::Role;
use crate::serve::page::{
    Dead, Index, IndexRow, KindRow, LetterRow, Moment, Page, Rich, Series, Sign, coded,
};
use crate::words::{age_ms, count, cut, of, shown};

const HOUR_MS: u64 = 3_600_000;

/// The time over which arrivals are shown.
const HOURS_MS: u64 = 3 * HOUR_MS;

/// The number of parts of that time.
const BINS: u64 = 24;

/// The name of a kind in an address.
pub(crate) fn key_of(reason: &str, error: &str) -> String {
    let bytes = reason.bytes().chain([0]).chain(error.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// The kind that an address names; else the kind with the newest letter.
pub(crate) fn chosen<'a>(kinds: &'a [DeadKind], key: &str) -> Option<&'a DeadKind> {
    let named = kinds
        .iter()
        .find(|kind| key_of(&kind.reason, &kind.error) == key);
    named.or_else(|| kinds.iter().max_by_key(|kind| kind.last_seen))
}

pub(crate) fn ms_of(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The dead letters of a stream: the kinds, and the letters of the chosen one.
pub fn dead(
    stream: &str,
    groups: &[&str],
    (key, search): (&str, &str),
    more: &DeadMore,
    now: u64,
    allowed: Role,
) -> Dead {
    let kinds: Vec<DeadKind> = more.kinds.iter().map(|(kind, _)| kind.clone()).collect();
    let total: u64 = kinds.iter().map(|kind| kind.count).sum();
    let new: usize = more
        .kinds
        .iter()
        .flat_map(|(_, ids)| ids)
        .filter(|id| now.saturating_sub(id.ms()) < HOUR_MS)
        .count();
    let chosen = chosen(&kinds, key);
    let chosen_key = chosen.map_or_else(String::new, |kind| key_of(&kind.reason, &kind.error));
    let window = more.window.as_ref();
    let part = window.map_or(chosen, |window| window.kind.as_ref());
    let mut rows: Vec<(u64, KindRow)> = more
        .kinds
        .iter()
        .map(|(kind, ids)| {
            (
                ms_of(kind.last_seen),
                row(stream, kind, ids, (&chosen_key, window), now),
            )
        })
        .collect();
    rows.sort_by_key(|(last, _)| std::cmp::Reverse(*last));
    let mask = FieldMask::of(&more.schemas);
    let letters: Vec<LetterRow> = more
        .letters
        .iter()
        .map(|letter| letter_row(stream, letter, &more.schemas, &mask, now))
        .collect();
    let of_kind = part.map_or(0, |kind| kind.count);
    let shown_now = letters.len() as u64;
    let unshown = if search.is_empty() {
        of_kind.saturating_sub(shown_now)
    } else {
        0
    };
    Dead {
        stream: stream.to_owned(),
        total: format!("{} of {stream}", of(total, "dead letter", "dead letters")),
        about: format!(
            "{}, {} new in this hour",
            of(kinds.len() as u64, "kind", "kinds"),
            if new == 0 {
                "none".to_owned()
            } else {
                count(new as u64)
            }
        ),
        kinds: rows.into_iter().map(|(_, row)| row).collect(),
        title: match chosen {
            Some(kind) => {
                let letters = of(of_kind, "dead letter", "dead letters");
                format!("{letters}: {}", words(&kind.reason))
            }
            None => "None".to_owned(),
        },
        search: search.to_owned(),
        chosen: chosen_key.clone(),
        since: chosen.map_or_else(Vec::new, |kind| choices(kind, window, now)),
        looked: format!(
            "{} looked at, {} shown",
            count(more.looked),
            count(shown_now)
        ),
        more: unshown,
        ask: part.filter(|_| shown_now > 0).map(|kind| {
            ask(
                stream,
                groups,
                kind,
                &chosen_key,
                more,
                (shown_now, unshown),
                allowed,
            )
        }),
        letters,
    }
}

/// A reason in words.
fn words(reason: &str) -> String {
    match reason {
        "retries-exhausted" => "retries used up".to_owned(),
        "by-hand" => "set aside by hand".to_owned(),
        other => shown(other.as_bytes()).replace('-', " "),
    }
}

fn row(
    stream: &str,
    kind: &DeadKind,
    ids: &[EntryId],
    (chosen, window): (&str, Option<&Window>),
    now: u64,
) -> KindRow {
    let key = key_of(&kind.reason, &kind.error);
    let groups: Vec<&str> = kind.groups.iter().map(String::as_str).collect();
    let (first, last) = (ms_of(kind.first_seen), ms_of(kind.last_seen));
    let since = window.map_or_else(String::new, |window| {
        format!("&since={}", coded(&window.since))
    });
    KindRow {
        link: format!("{}?kind={key}{since}", Page::Dead(stream.to_owned()).link()),
        is_chosen: key == chosen,
        count: count(kind.count),
        reason: words(&kind.reason),
        error: cut(&shown(kind.error.as_bytes()), 160),
        groups: listed(&groups),
        hours: bins(ids, now),
        is_new: now.saturating_sub(last) < HOUR_MS,
        first: moment(first, now, false),
        last: moment(last, now, false),
    }
}

/// A time of day in UTC, with the date if it isn't today's, and its age.
fn moment(ms: u64, now: u64, with_seconds: bool) -> Moment {
    let mut at = Clock::utc().time(ms, now);
    if !with_seconds && let Some(minute) = at.get(..at.len().saturating_sub(3)) {
        at.truncate(minute.len());
    }
    Moment {
        at,
        ago: format!("{} ago", age_ms(now.saturating_sub(ms))),
        ms,
    }
}

/// The number of letters in each part of the last hours.
fn bins(ids: &[EntryId], now: u64) -> Series {
    let from = now.saturating_sub(HOURS_MS);
    let step = HOURS_MS / BINS;
    let mut counts = vec![0_u32; usize::try_from(BINS).unwrap_or(0)];
    for id in ids {
        let at = id.ms().saturating_sub(from) / step;
        if id.ms() >= from
            && let Some(bin) = usize::try_from(at).ok().and_then(|at| counts.get_mut(at))
        {
            *bin += 1;
        }
    }
    let points = counts.iter().zip(0_u64..);
    Series {
        from_ms: from,
        to_ms: now,
        points: points
            .map(|(count, at)| (from + at * step + step / 2, f64::from(*count)))
            .collect(),
    }
}

fn letter_row(
    stream: &str,
    letter: &DeadLetter,
    schemas: &[StreamSchema],
    mask: &FieldMask,
    now: u64,
) -> LetterRow {
    let misfits = StreamSchema::check_any(schemas, letter.message());
    let wrong = match misfits {
        Some((_, misfits)) => wrong(&misfits, mask),
        None if letter.error().is_empty() => Rich::from(words(letter.reason())),
        None => Rich::from(cut(&shown(letter.error().as_bytes()), 120)),
    };
    LetterRow {
        letter: letter.letter_id().to_string(),
        entry: letter.entry_id().to_string(),
        link: format!(
            "{}?letter={}",
            Page::Message(stream.to_owned(), letter.entry_id().to_string()).link(),
            coded(&letter.letter_id().to_string())
        ),
        died: moment(ms_of(letter.time()), now, true),
        deliveries: count(letter.deliveries()),
        wrong,
        consumer: shown(letter.consumer().as_bytes()),
    }
}

/// Fields that don't fit: their names, and their values unless sensitive.
pub(super) fn wrong(misfits: &[Misfit], mask: &FieldMask) -> Rich {
    let mut said = Rich::new();
    for (number, misfit) in misfits.iter().take(3).enumerate() {
        if number > 0 {
            said = said.plain(", ");
        }
        said = said.code(misfit.field.clone()).plain(" ");
        said = match (&misfit.found, &misfit.expected) {
            (Some(_), _) if mask.hides(misfit.field.as_bytes()) => said.quoted(FieldMask::HIDDEN),
            (Some(found), _) => said.quoted(format!("“{found}”")),
            (None, Some(_)) => said.bad("is missing"),
            (None, None) => said.bad("is unknown"),
        };
    }
    if misfits.len() > 3 {
        said = said.plain(format!(" and {} more", misfits.len() - 3));
    }
    said
}

/// All streams by their dead letters.
pub fn all_dead(history: &History) -> Index {
    let look = history.latest();
    let mut streams: Vec<_> = look
        .streams
        .iter()
        .filter(|stream| stream.dead > 0)
        .collect();
    streams.sort_by_key(|stream| std::cmp::Reverse(stream.newest_dead.map(EntryId::ms)));
    let total: u64 = streams.iter().map(|stream| stream.dead).sum();
    Index {
        title: match total {
            0 => "No dead letters".to_owned(),
            total => of(total, "dead letter", "dead letters"),
        },
        about: "Entries that no delivery could complete. The oldest are removed by age and number."
            .to_owned(),
        counted: "Dead letters".to_owned(),
        rows: streams
            .into_iter()
            .map(|stream| {
                let newest = stream
                    .newest_dead
                    .map(|id| look.at_ms.saturating_sub(id.ms()));
                let is_new = newest.is_some_and(|age| age < HOUR_MS);
                let cap = stream.dead_capacity.unwrap_or(0);
                IndexRow {
                    name: stream.name.clone(),
                    link: Page::Dead(stream.name.clone()).link(),
                    sign: if is_new { Sign::Worsens } else { Sign::Fine },
                    state: match newest {
                        Some(age) if is_new => {
                            format!("still coming: the last {} ago", age_ms(age))
                        }
                        Some(age) => format!("none for {}", age_ms(age)),
                        None => "–".to_owned(),
                    },
                    count: count(stream.dead),
                    note: if cap > 0 {
                        format!("of {} that may stay", count(cap))
                    } else {
                        String::new()
                    },
                }
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted_in_the_part_in_which_they_came() {
        let now = 2_000_000_000_000;
        let ids = [now - 1, now - HOURS_MS, now - HOURS_MS - 1].map(|ms| EntryId::new(ms, 0));
        let row = bins(&ids, now);
        assert_eq!(row.points.len(), 24);
        let counts: Vec<f64> = row.points.iter().map(|(_, count)| *count).collect();
        assert!((counts.iter().sum::<f64>() - 2.0).abs() < 0.1);
        assert!(counts.first() > Some(&0.5) && counts.last() > Some(&0.5));
    }

    #[test]
    fn kinds_are_told_apart() {
        assert_ne!(key_of("a", "b"), key_of("ab", ""));
        assert_eq!(key_of("a", "b").len(), 16);
        assert_eq!(chosen(&[], "x"), None);
    }
}
