//! One look after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use stream_lib::Result;

use super::found::Finder;
use super::history::{Look, LookCost};
use super::look::look_at;
use super::server::look_at_server;
use crate::server::{Meter, Redis};

/// In one of so many looks the time of the server is measured.
const TIMED: u32 = 15;

/// Looks at all streams that it knows.
#[derive(Debug)]
pub struct Observer {
    /// Its requests are counted by `meter`.
    redis: Redis,
    meter: Arc<Meter>,
    looks: AtomicU32,
    /// Those that were named; then no others are looked for.
    named: Vec<String>,
    finder: Finder,
    is_complete: bool,
}

impl Observer {
    /// Looks at these streams; at all that it finds where none are named.
    pub fn new(redis: Redis, mut named: Vec<String>) -> Self {
        named.sort();
        named.dedup();
        let meter = Arc::new(Meter::default());
        Self {
            redis: redis.metered(Arc::clone(&meter)),
            meter,
            looks: AtomicU32::new(0),
            is_complete: !named.is_empty(),
            named,
            finder: Finder::default(),
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
    /// A few round trips per stream.
    ///
    /// # Errors
    ///
    /// Where Redis can't be reached. What it refuses to say is unknown.
    pub fn look(&self) -> Result<Look> {
        let names: Vec<&String> = if self.named.is_empty() {
            self.finder.streams().collect()
        } else {
            self.named.iter().collect()
        };
        let began = Instant::now();
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        self.meter.begin(looks.is_multiple_of(TIMED));
        let mut servers = Vec::new();
        for master in self.redis.masters()? {
            servers.push(look_at_server(&self.redis, &master)?);
        }
        let mut streams = Vec::with_capacity(names.len());
        for name in names {
            let stream = look_at(&self.redis, name)?;
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
            cost: Some(LookCost {
                of_redis: self.meter.cost(),
                took: began.elapsed(),
            }),
        })
    }
}
