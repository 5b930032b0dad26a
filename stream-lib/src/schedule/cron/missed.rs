//! The treatment of missed ticks.

use super::times::Times;

/// The treatment of a job's ticks that were missed, because no process had the job or
/// Redis was away.
///
/// More variants may be added, so a `match` needs a wildcard arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Missed {
    /// The newest missed tick is made up for.
    #[default]
    Once,
    /// The newest missed ticks are made up for, in order, at most this number: 1 to
    /// 1,000.
    All(u32),
    /// No missed tick is made up for. The newest tick doesn't count as missed if it is at
    /// most a minute late.
    Skip,
}

/// How late a tick may be without counting as missed, in ms.
const LATE: u64 = 60_000;

/// The due ticks of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DueTicks {
    /// The job's last due time after these ticks.
    pub(super) last: u64,
    /// The ticks that add a message, in order.
    pub(super) fire: Vec<u64>,
}

impl Missed {
    /// The ticks due at `now` for a job that was last due at `last`, all in ms since
    /// 1970; `None` if none is due.
    pub(super) fn due(self, times: &Times, last: u64, now: u64) -> Option<DueTicks> {
        let most = match self {
            Self::All(most) => most.max(1) as usize,
            Self::Once | Self::Skip => 1,
        };
        let mut fire = times.between(last, now, most);
        let newest = *fire.last()?;
        if self == Self::Skip && now - newest > LATE {
            fire.clear();
        }
        Some(DueTicks { last: newest, fire })
    }
}
