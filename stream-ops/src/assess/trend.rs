//! Whether it gets better or worse.

use crate::observe::{GroupFacts, GroupTrack, StreamFacts, StreamTrack};

/// Over how long a trend is looked at, and how much of that makes it certain.
const OVER_MS: u64 = 300_000;
const SURE_MS: u64 = 280_000;

/// The shortest time between two looks that says anything.
const LEAST_MS: u64 = 500;

/// How the unread entries of a group change.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Trend {
    /// By how many a second there are more; below zero, fewer. `None` where nobody can
    /// say.
    pub slope: Option<f64>,
    /// How many are handled a second.
    pub handles: Option<f64>,
    /// Whether five minutes were looked at.
    pub is_sure: bool,
    /// In how many seconds none will be left.
    pub done_in: Option<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
fn per_second(before: u64, after: u64, ms: u64) -> f64 {
    (after as f64 - before as f64) * 1_000.0 / ms as f64
}

impl Trend {
    /// Reads it from what was seen of a group.
    #[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
    pub(crate) fn of(group: &GroupFacts, track: Option<&GroupTrack>, now: u64) -> Self {
        let from = now.saturating_sub(OVER_MS);
        let mut points = track
            .into_iter()
            .flat_map(GroupTrack::lately)
            .filter(|point| point.at_ms >= from);
        let (first, last) = (points.next(), points.next_back());
        let (Some(first), Some(last)) = (first, last) else {
            return Self::default();
        };
        let span = last.at_ms.saturating_sub(first.at_ms);
        if span < LEAST_MS {
            return Self::default();
        }
        let slope = match (first.unread, last.unread) {
            (Some(before), Some(after)) => Some(per_second(before, after, span)),
            _ => None,
        };
        let handles = match (first.done, last.done) {
            (Some(before), Some(after)) if after >= before => Some(per_second(before, after, span)),
            _ => None,
        };
        let done_in = match (slope, group.unread) {
            (_, Some(0)) => Some(0.0),
            (Some(slope), Some(unread)) if slope < 0.0 => Some(unread as f64 / -slope),
            _ => None,
        };
        Self {
            slope,
            handles,
            is_sure: span >= SURE_MS,
            done_in,
        }
    }

    /// Of a group that has read nothing since its oldest unread entry came: as many as
    /// there are came in that time.
    #[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
    pub(crate) fn while_still(self, group: &GroupFacts, now: u64) -> Self {
        let age = group.oldest_unread_ms.map(|at| now.saturating_sub(at));
        match (self.slope, group.unread, age) {
            (slope, Some(unread), Some(age)) if !(slope.is_some() && self.is_sure) && age > 0 => {
                Self {
                    slope: Some(unread as f64 * 1_000.0 / age as f64),
                    is_sure: false,
                    done_in: None,
                    ..self
                }
            }
            _ => self,
        }
    }
}

/// How many entries a second a stream gets, and whether five minutes were looked at.
#[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
pub(crate) fn arrives(
    stream: &StreamFacts,
    track: Option<&StreamTrack>,
    now: u64,
) -> Option<(f64, bool)> {
    let from = now.saturating_sub(OVER_MS);
    let mut points = track
        .into_iter()
        .flat_map(StreamTrack::lately)
        .filter(|point| point.at_ms >= from);
    if let (Some(first), Some(last)) = (points.next(), points.next_back())
        && let (Some(before), Some(after)) = (first.added, last.added)
        && let span = last.at_ms.saturating_sub(first.at_ms)
        && span >= LEAST_MS
        && after >= before
    {
        return Some((per_second(before, after, span), span >= SURE_MS));
    }
    // One look: the entries that are there, over the time in which they came.
    let (first, last) = (stream.first?, stream.last?);
    let span = now.max(last.ms()).saturating_sub(first.ms());
    (span > 0).then(|| (stream.length as f64 * 1_000.0 / span as f64, false))
}

/// Seconds in whole milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates"
)]
pub(crate) fn millis(seconds: f64) -> u64 {
    (seconds * 1_000.0).round() as u64
}
