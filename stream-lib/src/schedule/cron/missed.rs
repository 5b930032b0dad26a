//! What becomes of ticks that no process was there for.

use std::fmt;

use super::times::Times;

/// What a job does about ticks that were missed, because no process had the job or Redis
/// was away.
///
/// More may come, so a `match` needs a wildcard arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Missed {
    /// Of those that were missed, the newest is made up for.
    #[default]
    Once,
    /// The newest ones are made up for, at most so many, 1 to 1,000, in order.
    All(u32),
    /// None is made up for. A tick that is up to a minute late, and the newest, was not
    /// missed.
    Skip,
}

/// How late a tick may be that was not missed, in ms.
const LATE: u64 = 60_000;

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DueTicks {
    /// When the job is due last, once that is done.
    pub(super) last: u64,
    /// Those to add a message for, in order.
    pub(super) fire: Vec<u64>,
}

impl Missed {
    /// Reads what its `Display` has written.
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "once" => Some(Self::Once),
            "skip" => Some(Self::Skip),
            _ => text.strip_prefix("all:")?.parse().ok().map(Self::All),
        }
    }

    /// What is due at `now` for a job that was due last at `last`, all in ms since 1970;
    /// `None` where nothing is.
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

/// `once`, `skip` or `all:5`, as streams store it.
impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once => f.write_str("once"),
            Self::All(most) => write!(f, "all:{most}"),
            Self::Skip => f.write_str("skip"),
        }
    }
}
