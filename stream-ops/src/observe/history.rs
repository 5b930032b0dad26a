//! An hour of looks.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::facts::StreamFacts;
use super::server::ServerFacts;
use super::track::StreamTrack;
use crate::server::Cost;

/// Samples of memory, one a minute.
const MEMORY_POINTS: usize = 60;
const MEMORY_STEP_MS: u64 = 60_000;

/// Looks whose cost is kept: those of a minute. Some cost more than others.
const COSTS: usize = 30;

/// All streams and servers at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Look {
    /// The server's clock, in milliseconds since 1970.
    pub at_ms: u64,
    /// The streams, by name.
    pub streams: Vec<StreamFacts>,
    /// The masters.
    pub servers: Vec<ServerFacts>,
    /// Whether the search for streams is complete; until then there may be more.
    pub is_complete: bool,
    /// Its cost, where it was counted.
    pub cost: Option<LookCost>,
}

/// The cost of one look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LookCost {
    /// Commands, bytes, and the time of the server, where this look has measured it.
    pub of_redis: Cost,
    /// How long it took.
    pub took: Duration,
}

/// An outage: Redis doesn't answer, or refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// When it began, in milliseconds since 1970, by the local clock.
    pub since_ms: u64,
    /// The error.
    pub why: String,
}

/// The last look, and samples of the last hour, bounded whatever the number of looks.
#[derive(Debug, Clone, Default)]
pub struct History {
    latest: Look,
    tracks: BTreeMap<String, StreamTrack>,
    memory: BTreeMap<String, VecDeque<(u64, u64)>>,
    outage: Option<Outage>,
    server_times: VecDeque<Duration>,
    looks: u64,
}

impl History {
    /// Adds a look, which ends an outage.
    pub fn add(&mut self, look: Look) {
        self.outage = None;
        self.looks += 1;
        if let Some(time) = look.cost.and_then(|cost| cost.of_redis.server_time) {
            if self.looks == 2 || self.server_times.len() == COSTS {
                self.server_times.pop_front();
            }
            self.server_times.push_back(time);
        }
        let names: Vec<&str> = look.streams.iter().map(|s| s.name.as_str()).collect();
        self.tracks
            .retain(|name, _| names.binary_search(&name.as_str()).is_ok());
        for stream in &look.streams {
            let track = self.tracks.entry(stream.name.clone()).or_default();
            track.add(stream);
        }
        self.memory
            .retain(|address, _| look.servers.iter().any(|s| s.address == *address));
        for server in &look.servers {
            let Some(bytes) = server.memory else {
                continue;
            };
            let points = self.memory.entry(server.address.clone()).or_default();
            let last = points.back().map_or(0, |(at, _)| *at);
            if server.at_ms.abs_diff(last) >= MEMORY_STEP_MS {
                points.push_back((server.at_ms, bytes));
            }
            while points.len() > MEMORY_POINTS {
                points.pop_front();
            }
        }
        self.latest = look;
    }

    /// Notes that a look has failed. The last look remains.
    pub fn failed(&mut self, at_ms: u64, why: String) {
        match &mut self.outage {
            Some(outage) => outage.why = why,
            None => {
                self.outage = Some(Outage {
                    since_ms: at_ms,
                    why,
                });
            }
        }
    }

    /// The last look.
    pub fn latest(&self) -> &Look {
        &self.latest
    }

    /// How many looks there were so far, those that failed left out.
    pub fn looks(&self) -> u64 {
        self.looks
    }

    /// How long the server works for a look: the mean of the last thirty whose time is
    /// known. The very first look counts only until there is another: it reads what later
    /// ones know.
    pub fn server_time(&self) -> Option<Duration> {
        let looks = u32::try_from(self.server_times.len()).unwrap_or(0);
        let sum: Duration = self.server_times.iter().sum();
        sum.checked_div(looks)
    }

    /// The current outage.
    pub fn outage(&self) -> Option<&Outage> {
        self.outage.as_ref()
    }

    /// A stream over the last hour.
    pub fn track(&self, stream: &str) -> Option<&StreamTrack> {
        self.tracks.get(stream)
    }

    /// The memory in use of a master over the last hour: times and bytes, oldest first.
    pub fn memory(&self, address: &str) -> impl DoubleEndedIterator<Item = (u64, u64)> {
        self.memory.get(address).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::GroupFacts;

    fn look(at_ms: u64, unread: u64) -> Look {
        Look {
            at_ms,
            streams: vec![StreamFacts {
                name: "orders".to_owned(),
                at_ms,
                groups: vec![GroupFacts {
                    name: "billing".to_owned(),
                    unread: Some(unread),
                    pending: unread / 100,
                    ..GroupFacts::default()
                }],
                ..StreamFacts::default()
            }],
            servers: vec![ServerFacts {
                at_ms,
                memory: Some(unread),
                ..ServerFacts::default()
            }],
            is_complete: true,
            ..Look::default()
        }
    }

    #[test]
    fn two_hours_of_looks_keep_one() {
        let mut history = History::default();
        for step in 0..3_600 {
            history.add(look(1_000_000 + step * 2_000, step));
        }
        let track = history.track("orders").unwrap();
        let group = track.group("billing").unwrap();
        assert!(group.lately().count() <= 181);
        assert!(group.hour().count() <= 361);
        let first = group.hour().next().unwrap().at_ms;
        assert!(history.latest().at_ms - first <= 3_600_000);
        assert_eq!(history.memory("").count(), 60);
        assert_eq!(group.moved_ms(), Some(1_000_000 + 3_500 * 2_000));
    }

    #[test]
    fn streams_that_are_gone_are_forgotten_and_an_outage_ends() {
        let mut history = History::default();
        history.add(look(1_000_000, 1));
        history.failed(5, "first".to_owned());
        history.failed(7, "second".to_owned());
        let outage = history.outage().unwrap();
        assert_eq!((outage.since_ms, outage.why.as_str()), (5, "second"));
        assert_eq!(history.latest().streams.len(), 1);
        history.add(Look::default());
        assert!(history.outage().is_none());
        assert!(history.track("orders").is_none());
    }
}
