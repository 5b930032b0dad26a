//! The choice of dead letters.

use stream_lib::{DeadFilter, DeadLetterId, DeadLetters, EntryId};

use crate::act::refused::{Planned, Refused};
use crate::act::said::named;
use crate::words::rfc3339;

/// A choice of dead letters: by default, all of them.
#[derive(Debug, Clone, Default)]
pub struct DeadChoice {
    /// These ids. If there are any, the other fields have no effect.
    pub ids: Vec<DeadLetterId>,
    /// Those with this reason.
    pub reason: Option<String>,
    /// Those of this group.
    pub group: Option<String>,
    /// Those of this kind: the error as `dlq ls --kinds` shows it, cut short with `…` or
    /// not, or the id of one of them.
    pub kind: Option<String>,
    /// At most this number of the newest.
    pub newest: Option<usize>,
    /// At most this number of the oldest; with `newest`, a second limit.
    pub limit: Option<usize>,
    /// Those up to this id, inclusive.
    pub until: Option<EntryId>,
    /// Those that were buried at this time or later, in milliseconds since 1970, by the
    /// server's clock.
    pub since: Option<u64>,
}

impl DeadChoice {
    pub(super) fn is_limited(&self) -> bool {
        self.limit.is_some() || self.newest.is_some() || !self.ids.is_empty()
    }

    /// The chosen dead letters as they are now, by partition, then oldest first.
    pub(super) fn select(&self, letters: &DeadLetters) -> Planned<Vec<DeadLetterId>> {
        if !self.ids.is_empty() {
            let mut ids = self.ids.clone();
            ids.sort_by_key(|at| (at.partition, at.id));
            ids.dedup();
            return Ok(ids);
        }
        let filter = self.filter(letters)?;
        let limit = self.limit.unwrap_or(usize::MAX);
        let Some(newest) = self.newest else {
            return Ok(letters.select(&filter.limit(limit))?);
        };
        let mut ids = letters.select_newest(&filter.limit(limit.min(newest)))?;
        ids.sort_by_key(|at| (at.partition, at.id));
        Ok(ids)
    }

    /// The bound with which a second choice is the same. Ids need none.
    pub(super) fn bound(&self, ids: &[DeadLetterId]) -> Option<(&'static str, String)> {
        if !self.ids.is_empty() {
            return None;
        }
        let newest = self.until.or_else(|| ids.iter().map(|at| at.id).max());
        newest.map(|id| ("--until", id.to_string()))
    }

    /// The beginning of the choice, which is the same in a second choice.
    pub(super) fn begin(&self) -> Option<(&'static str, String)> {
        let since = self.since.and_then(rfc3339);
        since.map(|time| ("--since", time))
    }

    /// The range of a choice, for people: `(since …, until …)`.
    pub(super) fn range(&self, ids: &[DeadLetterId]) -> String {
        let ends = [
            self.begin().map(|(_, time)| format!("since {time}")),
            self.bound(ids).map(|(_, id)| format!("until {id}")),
        ];
        let ends: Vec<String> = ends.into_iter().flatten().collect();
        match ends.as_slice() {
            [] => String::new(),
            ends => format!(" ({})", ends.join(", ")),
        }
    }

    fn filter(&self, letters: &DeadLetters) -> Planned<DeadFilter> {
        let mut filter = DeadFilter::new();
        if let Some(reason) = &self.reason {
            filter = filter.reason(reason);
        }
        if let Some(group) = &self.group {
            filter = filter.group(group);
        }
        if let Some(until) = self.until {
            filter = filter.until(until);
        }
        if let Some(since) = self.since {
            filter = filter.from(EntryId::new(since, 0));
        }
        if let Some(kind) = &self.kind {
            let error = error_of(kind, letters, &filter)?;
            filter = filter.error(error);
        }
        Ok(filter)
    }
}

/// The error that `kind` names.
fn error_of(kind: &str, letters: &DeadLetters, filter: &DeadFilter) -> Planned<String> {
    let kinds = letters.kinds_of(filter)?;
    let sample: Option<DeadLetterId> = kind.parse().ok();
    let sample = sample.map(|id| letters.letter(id)).transpose()?.flatten();
    let begins = kind.strip_suffix('…');
    let is_it = |error: &str| match (&sample, begins) {
        (Some(letter), _) => {
            let of_one = DeadFilter::new().error(error);
            let id = letter.id();
            let only = letters.select(&of_one.from(id).until(id));
            only.is_ok_and(|ids| ids.contains(&letter.letter_id()))
        }
        (None, Some(begins)) => error.starts_with(begins),
        (None, None) => error == kind,
    };
    let mut found: Vec<String> = kinds.into_iter().map(|kind| kind.error).collect();
    found.sort();
    found.dedup();
    found.retain(|error| is_it(error));
    match <[String; 1]>::try_from(found) {
        Ok([error]) => Ok(error),
        Err(found) if found.is_empty() => Ok(kind.to_owned()),
        Err(found) => Err(Refused::Wrong(format!(
            "{} kinds begin like {}: name one, or the id of one of its dead letters",
            found.len(),
            named(kind)
        ))),
    }
}
