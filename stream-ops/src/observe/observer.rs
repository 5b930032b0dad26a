//! One look after the other.

use std::time::Duration;

use stream_lib::Result;

use super::found::Finder;
use super::history::Look;
use super::look::look_at;
use super::misfits::Samples;
use super::server::look_at_server;
use crate::server::Redis;

/// Looks at all streams that it knows.
#[derive(Debug)]
pub struct Observer {
    redis: Redis,
    /// Those that were named; then no others are looked for.
    named: Vec<String>,
    finder: Finder,
    samples: Samples,
    is_complete: bool,
}

impl Observer {
    /// Looks at these streams; at all that it finds where none are named.
    pub fn new(redis: Redis, mut named: Vec<String>) -> Self {
        named.sort();
        named.dedup();
        Self {
            redis,
            is_complete: !named.is_empty(),
            named,
            finder: Finder::default(),
            samples: Samples::default(),
        }
    }

    /// Goes on looking for streams, for a time. Returns whether it has seen all keys.
    ///
    /// # Errors
    ///
    /// Where Redis can't be reached.
    pub fn find(&mut self, time: Duration) -> Result<bool> {
        if self.named.is_empty() {
            self.is_complete |= self.finder.go_on(&self.redis, time)?;
        }
        Ok(self.is_complete)
    }

    /// Looks at all streams that are known by now, and at the servers.
    ///
    /// # Blocking
    ///
    /// A few round trips per stream, and once a minute two more where its schemas are known.
    ///
    /// # Errors
    ///
    /// Where Redis can't be reached. What it refuses to say is unknown.
    pub fn look(&mut self) -> Result<Look> {
        let names: Vec<&String> = if self.named.is_empty() {
            self.finder.streams().collect()
        } else {
            self.named.iter().collect()
        };
        let mut servers = Vec::new();
        for master in self.redis.masters()? {
            servers.push(look_at_server(&self.redis, &master)?);
        }
        let mut streams = Vec::with_capacity(names.len());
        self.samples.keep(&names);
        for name in names {
            let mut stream = look_at(&self.redis, name)?;
            stream.misfits = self.samples.of(&self.redis, &stream);
            // Between being found and being looked at, a stream may go.
            if stream.exists || stream.trouble.is_some() || stream.is_ours || !self.named.is_empty()
            {
                streams.push(stream);
            }
        }
        let clocks = servers.iter().map(|server| server.at_ms);
        Ok(Look {
            at_ms: clocks.max().unwrap_or_default(),
            streams,
            servers,
            is_complete: self.is_complete,
        })
    }
}
