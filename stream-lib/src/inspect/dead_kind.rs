//! Kinds of dead letters: groups of those with the same reason and error.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, SystemTime};

use super::dead_id::DeadLetterId;
use crate::command::DeadMark;
use crate::message::EntryId;

/// Dead letters with the same reason, and the same error except for numbers and ids.
///
/// `Display` shows one line: `17 undecodable: amount: expected a number`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadKind {
    /// The reason, in the words of [`DeadLetter::reason`](crate::DeadLetter::reason).
    pub reason: String,
    /// The error, in which `#` replaces each word with a digit, such as numbers and ids.
    pub error: String,
    /// The groups whose deliveries failed.
    pub groups: BTreeSet<String>,
    /// The number of dead letters of this kind.
    pub count: u64,
    /// When the first of them was buried.
    pub first_seen: SystemTime,
    /// When the last of them was buried.
    pub last_seen: SystemTime,
    /// The newest of them.
    pub sample: DeadLetterId,
}

impl DeadKind {
    /// An error without numbers and ids: `#` replaces each word with a digit in it, and
    /// each long word of hexadecimal digits.
    pub(super) fn error_of(error: &str) -> String {
        let mut plain = String::with_capacity(error.len());
        let mut rest = error;
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if end == 0 {
                plain.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                continue;
            }
            let (word, behind) = rest.split_at(end);
            // A sentence may end with a number.
            let bare = word.trim_end_matches(['.', '-', ':']);
            let is_hex = bare.len() >= 12 && bare.chars().all(|c| c.is_ascii_hexdigit());
            if bare.chars().any(|c| c.is_ascii_digit()) || is_hex {
                plain.push('#');
                plain.push_str(word.get(bare.len()..).unwrap_or_default());
            } else {
                plain.push_str(word);
            }
            rest = behind;
        }
        plain
    }
}

/// Whether a character belongs to a number or an id.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '+')
}

impl fmt::Display for DeadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.count, self.reason, self.error)
    }
}

/// Counts dead letters by their kinds.
#[derive(Debug, Default)]
pub(super) struct KindCount(BTreeMap<(String, String), DeadKind>);

impl KindCount {
    pub(super) fn add(&mut self, partition: Option<u16>, mark: DeadMark) {
        let time = time_of(mark.id);
        let sample = DeadLetterId::new(partition, mark.id);
        let error = DeadKind::error_of(&mark.error);
        let key = (mark.reason, error);
        let kind = self.0.entry(key.clone()).or_insert_with(|| DeadKind {
            reason: key.0,
            error: key.1,
            groups: BTreeSet::new(),
            count: 0,
            first_seen: time,
            last_seen: time,
            sample,
        });
        kind.count += 1;
        kind.groups.insert(mark.group);
        kind.first_seen = kind.first_seen.min(time);
        if time >= kind.last_seen {
            (kind.last_seen, kind.sample) = (time, sample);
        }
    }

    /// The kinds, most frequent first.
    pub(super) fn kinds(self) -> Vec<DeadKind> {
        let mut kinds: Vec<_> = self.0.into_values().collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
        kinds
    }
}

/// The time of a burial, from its id.
fn time_of(id: EntryId) -> SystemTime {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(id.ms()));
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_are_left_out_of_errors() {
        for (error, plain) in [
            ("order ORD-123 not found", "order # not found"),
            ("timeout after 30s.", "timeout after #."),
            (
                "expected an integer from 0 to 255",
                "expected an integer from # to #",
            ),
            (
                "no user 550e8400-e29b-41d4-a716-446655440000!",
                "no user #!",
            ),
            ("at 2026-11-27T03:12:44+01:00: gone", "at #: gone"),
            ("hash deadbeefcafebabe is bad", "hash # is bad"),
            ("`Order`: field `amount`", "`Order`: field `amount`"),
            ("größer als 5 €", "größer als # €"),
            ("", ""),
        ] {
            assert_eq!(DeadKind::error_of(error), plain);
        }
    }

    #[test]
    fn kinds_are_counted_with_their_newest_sample() {
        let mut count = KindCount::default();
        let mark = |ms, reason: &str, error: &str| DeadMark {
            id: EntryId::new(ms, 0),
            reason: reason.to_owned(),
            error: error.to_owned(),
            group: "g".to_owned(),
        };
        count.add(Some(1), mark(5, "permanent", "no order 7"));
        count.add(None, mark(9, "crashed", ""));
        count.add(Some(2), mark(3, "permanent", "no order 12"));
        let kinds = count.kinds();
        assert_eq!(kinds[0].to_string(), "2 permanent: no order #");
        assert_eq!(
            kinds[0].sample,
            DeadLetterId::new(Some(1), EntryId::new(5, 0))
        );
        assert_eq!(kinds[0].first_seen, time_of(EntryId::new(3, 0)));
        assert_eq!(kinds.len(), 2);
    }
}
