//! The beginning and the end of a hold of the group.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::consumer::member::Member;
use crate::error::one_line;

/// Follows the member's knowledge of the hold.
pub(super) struct Holding {
    member: Arc<Member>,
    /// The end, by the server's clock, of the hold that was logged.
    told: Option<u64>,
}

impl Holding {
    pub(super) fn new(member: &Arc<Member>) -> Self {
        Self {
            member: Arc::clone(member),
            told: None,
        }
    }

    /// The latest time of the next look; `None` if no hold is known.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.told.and_then(|_| self.member.common.hold.ends_at())
    }

    /// Logs the hold, gives back entries that have not started, and lets the reader go on
    /// at the end. Returns whether the group is held.
    pub(super) fn follow(&mut self) -> bool {
        let member = &self.member;
        let (stream, group) = (member.declared_stream(), member.group.name());
        match (member.common.hold.known(), self.told) {
            (Some(hold), told) => {
                self.told = Some(hold.until_ms);
                if told != self.told && member.common.hold.is_news(self.told) {
                    let left = member.common.hold.ends_at().map_or(Duration::ZERO, |at| {
                        at.saturating_duration_since(Instant::now())
                    });
                    log::warn!(
                        "the group `{group}` of `{stream}` is held for {:.1} s, and nothing is \
                         read for it: {}",
                        left.as_secs_f64(),
                        one_line(&hold.why)
                    );
                }
                for held in member.replies.all() {
                    member.give_back_rest(&held);
                }
                true
            }
            (None, Some(_)) => {
                if member.common.hold.is_news(None) {
                    log::warn!("the group `{group}` of `{stream}` is held no more");
                }
                self.told = None;
                // Entries that came back meanwhile are looked for at once.
                member.claiming.leave_to_keeper();
                member.stop.nudge();
                false
            }
            (None, None) => false,
        }
    }
}
