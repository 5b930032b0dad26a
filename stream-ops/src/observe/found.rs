//! Which streams there are.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use stream_lib::{ErrorKind, FindStreams, Result, StreamKind};

use crate::server::Redis;

/// Finds streams, in small steps, on every master.
#[derive(Debug, Default)]
pub struct Finder {
    found: BTreeSet<String>,
    /// Those of the round that goes on.
    next: BTreeSet<String>,
    walk: Option<FindStreams>,
}

impl Finder {
    /// The streams that the last whole round has found, and those found since.
    pub fn streams(&self) -> impl Iterator<Item = &String> {
        self.found.union(&self.next)
    }

    /// Goes on for a time. Returns whether a round has ended.
    ///
    /// # Blocking
    ///
    /// For the time and a step.
    ///
    /// # Errors
    ///
    /// Where Redis can't be reached. The next call goes on where this one stopped.
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
                        // A stream may have dead letters and no entry.
                        StreamKind::Backup | StreamKind::DeadLetters => found.of,
                        _ => None,
                    });
                    self.next.extend(whose);
                }
                // Streams can still be named.
                Some(Err(e)) if e.kind() == ErrorKind::PermissionDenied => break,
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
