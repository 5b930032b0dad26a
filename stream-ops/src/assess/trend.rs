//! Trends of unread entries.

use crate::observe::{GroupFacts, GroupTrack, StreamFacts, StreamTrack};

/// The span of a trend, and the part of it that makes the trend certain.
const OVER_MS: u64 = 300_000;
const SURE_MS: u64 = 280_000;

/// The shortest time between two looks that shows a trend.
const LEAST_MS: u64 = 500;

/// How the unread entries of a group change.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Trend {
    /// The change per second; below zero, they decrease. `None` where unknown.
    pub slope: Option<f64>,
    /// Entries handled per second.
    pub handles: Option<f64>,
    /// Whether about five minutes were watched.
    pub is_sure: bool,
    /// Seconds until none is left.
    pub done_in: Option<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
fn per_second(before: u64, after: u64, ms: u64) -> f64 {
    (after as f64 - before as f64) * 1_000.0 / ms as f64
}

impl Trend {
    /// Reads the trend from the track of a group.
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

    /// The trend of a group that has read nothing since its oldest unread entry was
    /// added: all unread entries have arrived since then.
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

/// Entries that arrive per second, and whether about five minutes were watched.
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
    // After one look: the entries in the stream, over the time in which they were added.
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
