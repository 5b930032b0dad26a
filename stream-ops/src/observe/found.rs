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
}

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
        let mut walk = match self.walk.take() {
            Some(walk) => walk,
            None => redis.manager().find_streams()?,
        };
        loop {
            match walk.next() {
                Some(Ok(streams)) => {
                    let whose = streams.into_iter().filter_map(|found| match found.kind {
                        StreamKind::Messages => Some(found.name),
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
        self.found = std::mem::take(&mut self.next);
        Ok(true)
    }
}
