//! Looks at streams and servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use stream_lib::{ErrorKind, Result};

use super::facts::StreamFacts;
use super::found::Finder;
use super::history::{Look, LookCost};
use super::look::look_again;
use super::memory::Memory;
use super::misfits::Samples;
use super::server::look_at_server;
use crate::server::{Meter, Redis, with_causes};

/// In one of so many looks the time of the server is measured, and in the second one: the
/// first one copies large entries, and many need never be copied again.
const TIMED: u32 = 15;

/// Looks at streams, named ones or all that it has found.
#[derive(Debug)]
pub struct Observer {
    /// Its requests are counted by `meter`.
    redis: Redis,
    meter: Arc<Meter>,
    looks: AtomicU32,
    /// If not empty, the only streams that are looked at.
    named: Vec<String>,
    finder: Finder,
    samples: Samples,
    memory: Memory,
    /// How long servers work for a look besides the script that reads a stream, when that
    /// was last measured.
    besides: Option<Duration>,
    is_complete: bool,
}

impl Observer {
    /// An observer of the streams `named`; where there are none, of all that it finds.
    pub fn new(redis: &Redis, mut named: Vec<String>) -> Self {
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
            samples: Samples::default(),
            memory: Memory::default(),
            besides: None,
        }
    }

    /// Goes on with the search for streams, for about `time`. Returns whether all keys
    /// were searched.
    ///
    /// # Errors
    ///
    /// Where Redis can't be reached, or the user may not search.
    pub fn find(&mut self, time: Duration) -> Result<bool> {
        if self.named.is_empty() {
            self.is_complete |= self.finder.go_on(&self.redis, time)?;
        }
        Ok(self.is_complete)
    }

    /// Looks at all streams known by now, and at the servers.
    ///
    /// # Blocking
    ///
    /// A few round trips per stream, and once a minute two more where its schemas are known.
    ///
    /// # Errors
    ///
    /// Where Redis can't be reached. A fact that Redis refuses to tell is unknown.
    pub fn look(&mut self) -> Result<Look> {
        let names: Vec<&String> = if self.named.is_empty() {
            self.finder.streams().collect()
        } else {
            self.named.iter().collect()
        };
        let began = Instant::now();
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        self.meter.begin(looks == 1 || looks.is_multiple_of(TIMED));
        self.memory.begin_look();
        let mut servers = Vec::new();
        for master in self.redis.masters()? {
            servers.push(look_at_server(&self.redis, &master)?);
        }
        let mut streams = Vec::with_capacity(names.len());
        self.samples.keep(&names);
        for name in names {
            let mut stream = match look_again(&self.redis, name, &mut self.memory) {
                // One stream that can't be looked at leaves the others.
                Err(error) if is_of_one_stream(error.kind()) => StreamFacts {
                    name: name.clone(),
                    trouble: Some(with_causes(&error)),
                    ..StreamFacts::default()
                },
                looked => looked?,
            };
            stream.misfits = self.samples.of(&self.redis, &stream);
            // A stream may be deleted between the search and the look.
            if stream.exists || stream.trouble.is_some() || stream.is_ours || !self.named.is_empty()
            {
                streams.push(stream);
            }
        }
        // The script tells each time how long it took, since that varies.
        let script = self.memory.end_look();
        let mut of_redis = self.meter.cost();
        if let Some(time) = of_redis.server_time {
            self.besides = Some(time.saturating_sub(script));
        }
        of_redis.server_time = self.besides.map(|besides| besides + script);
        let clocks = servers.iter().map(|server| server.at_ms);
        Ok(Look {
            at_ms: clocks.max().unwrap_or_default(),
            streams,
            servers,
            is_complete: self.is_complete,
            cost: Some(LookCost {
                of_redis,
                took: began.elapsed(),
            }),
        })
    }
}

/// Whether an error of this kind is about one stream, rather than about the server.
pub(crate) fn is_of_one_stream(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Config | ErrorKind::PermissionDenied | ErrorKind::WrongType
    )
}
