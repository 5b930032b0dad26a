//! Rows of values of the last hour.

use crate::observe::{GroupTrack, StreamTrack};
use crate::serve::page::Series;

const HOUR_MS: u64 = 3_600_000;

/// The time over which rates are means: rates over shorter times would jump.
const BIN_MS: u64 = 60_000;

fn hour(now: u64, points: Vec<(u64, f64)>) -> Series {
    Series {
        from_ms: now.saturating_sub(HOUR_MS),
        to_ms: now,
        points,
    }
}

/// Unread entries of a group.
#[expect(clippy::cast_precision_loss, reason = "places on a screen")]
pub(super) fn unread(track: Option<&GroupTrack>, now: u64) -> Series {
    let points = track.into_iter().flat_map(GroupTrack::hour);
    let points = points.filter_map(|p| Some((p.at_ms, p.unread? as f64)));
    hour(now, points.collect())
}

/// New entries per second.
pub(super) fn arrives(track: Option<&StreamTrack>, now: u64) -> Series {
    let points = track.into_iter().flat_map(StreamTrack::hour);
    let counts = points.filter_map(|p| Some((p.at_ms, p.added?)));
    hour(now, rates(counts))
}

/// Entries that a group handles per second.
pub(super) fn handled(track: Option<&GroupTrack>, now: u64) -> Series {
    let points = track.into_iter().flat_map(GroupTrack::hour);
    let counts = points.filter_map(|p| Some((p.at_ms, p.done?)));
    hour(now, rates(counts))
}

/// The best pace of a group in a minute of the last hour.
pub(super) fn pace(track: Option<&GroupTrack>, now: u64) -> Option<f64> {
    let paces = handled(track, now).points.into_iter().map(|(_, rate)| rate);
    paces.reduce(f64::max).filter(|pace| *pace > 0.0)
}

/// The growth of a count per second, in each bin. Bins in which the count shrank are left
/// out.
#[expect(clippy::cast_precision_loss, reason = "places on a screen")]
fn rates(counts: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, f64)> {
    let mut rates = Vec::new();
    let mut before: Option<(u64, u64)> = None;
    let mut last: Option<(u64, u64)> = None;
    let mut add = |(from, low): (u64, u64), (to, high): (u64, u64)| {
        if to > from && high >= low {
            rates.push((to, (high - low) as f64 * 1_000.0 / (to - from) as f64));
        }
    };
    for point in counts {
        let Some(begun) = before else {
            before = Some(point);
            continue;
        };
        last = Some(point);
        if point.0.saturating_sub(begun.0) >= BIN_MS {
            add(begun, point);
            (before, last) = (Some(point), None);
        }
    }
    if let (Some(begun), Some(last)) = (before, last)
        && (rates.is_empty() || last.0.saturating_sub(begun.0) >= BIN_MS / 2)
        && last.0 > begun.0
        && last.1 >= begun.1
    {
        rates.push((
            last.0,
            (last.1 - begun.1) as f64 * 1_000.0 / (last.0 - begun.0) as f64,
        ));
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_means_and_never_negative() {
        let counts = (0..=12).map(|step| (step * 10_000, step * 100));
        assert_eq!(rates(counts), [(60_000, 10.0), (120_000, 10.0)]);
        let set_back = [(0, 1_000), (60_000, 10), (120_000, 70)];
        assert_eq!(rates(set_back.into_iter()), [(120_000, 1.0)]);
        assert_eq!(rates([(5, 1)].into_iter()), []);
        assert_eq!(rates([(0, 0), (10_000, 50)].into_iter()), [(10_000, 5.0)]);
    }
}
