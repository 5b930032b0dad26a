//! The search for streams.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use stream_lib::{FindStreams, Result, StreamKind};

use crate::server::Redis;

/// Finds streams, in small steps, on every master.
#[derive(Debug, Default)]
pub struct Finder {
    found: BTreeSet<String>,
    /// The streams that the current round has found.
    next: BTreeSet<String>,
    walk: Option<FindStreams>,
    /// Those that had only schedules, when these were last searched for.
    scheduled: BTreeSet<String>,
    rounds: u32,
}

/// Schedules are searched for in one of so many rounds, since that takes a walk over all
/// keys of its own.
const SCHEDULES_EVERY: u32 = 10;

impl Finder {
    /// The streams that the last complete round has found, and those found since.
    pub fn streams(&self) -> impl Iterator<Item = &String> {
        self.found.union(&self.next)
    }

    /// Goes on for about `time`. Returns whether a round has ended.
    ///
    /// # Blocking
    ///
    /// For `time` and one step.
    ///
    /// # Errors
    ///
    /// Where Redis can't be reached, and where the user may not search: "no streams" would
    /// say that all is well. The next call continues where this one stopped.
    pub fn go_on(&mut self, redis: &Redis, time: Duration) -> Result<bool> {
        let until = Instant::now() + time;
        let walk = self.walk.take();
        let mut walk = walk.map_or_else(|| self.begin(redis), Ok)?;
        loop {
            match walk.next() {
                Some(Ok(streams)) => {
                    let whose = streams.into_iter().filter_map(|found| match found.kind {
                        StreamKind::Messages => Some(found.name),
                        StreamKind::Schedules => {
                            self.scheduled.insert(found.name.clone());
                            Some(found.name)
                        }
                        // A stream without entries may have dead letters.
                        StreamKind::Backup | StreamKind::DeadLetters => found.of,
                        _ => None,
                    });
                    self.next.extend(whose);
                }
                Some(Err(e)) => {
                    self.walk = Some(walk);
                    return Err(e);
                }
                None => break,
            }
            if Instant::now() >= until {
                self.walk = Some(walk);
                return Ok(false);
            }
        }
        self.rounds += 1;
        self.found = std::mem::take(&mut self.next);
        self.found.extend(self.scheduled.iter().cloned());
        Ok(true)
    }

    /// Begins a round.
    fn begin(&mut self, redis: &Redis) -> Result<FindStreams> {
        let walk = redis.manager().find_streams()?;
        if !self.rounds.is_multiple_of(SCHEDULES_EVERY) {
            return Ok(walk);
        }
        self.scheduled.clear();
        Ok(walk.with_schedules())
    }
}
