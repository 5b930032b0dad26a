//! Short exchanges of a member that stops.

use std::time::{Duration, Instant};

use super::member::Member;
use crate::command;
use crate::connection::{Topology, Wire};
use crate::error::{ErrorKind, Result};

/// The time for short steps that must not be left out.
pub(crate) const SOON: Duration = Duration::from_secs(1);

/// The time for the same steps while their server is away and they may be left out.
const BRIEFLY: Duration = Duration::from_millis(100);

/// The reader's time to notice that its wait was ended.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// How often the server may stay silent before the reader is left to itself.
const SILENCES: usize = 2;

/// One operation on a connection of its own, pooled if possible; tried for a
/// moment.
pub(crate) fn brief<T>(
    member: &Member,
    operation: impl FnMut(&mut Wire) -> Result<T>,
) -> Result<T> {
    let key = member.group.stream().as_bytes();
    brief_at(&member.topology, key, briefly(member), operation)
}

/// As [`brief`], at the server of `key`, tried for `time`.
pub(crate) fn brief_at<T>(
    topology: &Topology,
    key: &[u8],
    time: Duration,
    mut operation: impl FnMut(&mut Wire) -> Result<T>,
) -> Result<T> {
    let deadline = Instant::now() + time;
    let mut in_time = |wire: &mut Wire| {
        wire.answer_by(deadline);
        operation(wire)
    };
    match topology.run(key, time, &mut in_time) {
        // If a handler stops its consumer, the manager may be gone first.
        Err(e) if e.kind() == ErrorKind::Closed => {
            in_time(&mut topology.dedicated_within(key, time)?)
        }
        result => result,
    }
}

/// The time for a step of the stop.
fn briefly(member: &Member) -> Duration {
    if member.health.is_held_up() {
        BRIEFLY
    } else {
        SOON
    }
}

/// Ends the reader's wait for entries, repeatedly until the reader has ended, since it
/// may have begun another wait meanwhile. A reader that a silent server holds is left to
/// itself: other consumers take over entries that were on their way to it.
#[derive(Debug, Default)]
pub(crate) struct Unblocking {
    silences: usize,
}

impl Unblocking {
    /// Makes one try, [`POLL`] before the next.
    pub(crate) fn step(&mut self, member: &Member) {
        let is_late = Instant::now() >= member.stop_by(member.config.grace);
        if self.silences >= SILENCES || is_late {
            member.links.reader.stop();
            return;
        }
        // If the user may not do this, the reader's wait ends by itself. The request goes
        // to the server that the reader uses, whichever has the stream now.
        let Some((node, client)) = member.links.reader.client() else {
            return;
        };
        let time = briefly(member);
        let deadline = Instant::now() + time;
        let unblocked = Topology::run_at(&node, time, |wire| {
            wire.answer_by(deadline);
            command::unblock(wire, &member.group, client)
        });
        if let Err(e) = unblocked
            && matches!(e.kind(), ErrorKind::Unavailable | ErrorKind::OutcomeUnknown)
        {
            self.silences += 1;
        }
    }
}
