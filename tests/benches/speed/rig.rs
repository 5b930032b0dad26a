//! The server of all measurements, its prepared streams, and the amount of work of a run.

use std::env;
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stream_lib::StreamManager;
use stream_tests::{Cluster, Server, ServerOptions, Usage};

use crate::Result;
use crate::baseline::socket;
use crate::message::{Order, Payload};

/// The stream of orders that consumers read, each in a group of its own.
pub(crate) const ORDERS: &str = "orders";
/// The stream of payloads, which the peer reads, too.
pub(crate) const PAYLOADS: &str = "payloads";
/// The stream with the big backlog.
pub(crate) const BACKLOG: &str = "backlog";

/// The stream of orders in partitions, and how many it has.
pub(crate) const PARTITIONED: &str = "partitioned";
pub(crate) const PARTITIONS: u16 = 16;

/// The stream of one partition.
pub(crate) fn partition(stream: &str, number: u16) -> String {
    format!("{{{stream}:{number}}}")
}

/// The amount of work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Entries that each consumer reads, and that pipelined producers add.
    pub(crate) bulk: usize,
    /// The same for the peer, which is slower.
    pub(crate) slow: usize,
    /// Adds one at a time, from one thread.
    pub(crate) single: usize,
    /// Adds one at a time, from 64 threads.
    pub(crate) crowd: usize,
    /// Messages whose latency is measured, at 1,000/s.
    pub(crate) timed: usize,
    /// Entries of the big backlog; none in a short trial.
    pub(crate) backlog: Option<usize>,
}

impl Plan {
    pub(crate) fn from_env() -> Result<Self> {
        let quick = env::var("QUICK").is_ok_and(|quick| quick == "1");
        let mut plan = if quick {
            Self {
                rounds: 2,
                bulk: 200_000,
                slow: 30_000,
                single: 10_000,
                crowd: 30_000,
                timed: 500,
                backlog: None,
            }
        } else {
            Self {
                rounds: 5,
                bulk: 1_000_000,
                slow: 100_000,
                single: 50_000,
                crowd: 100_000,
                timed: 3_000,
                backlog: Some(10_000_000),
            }
        };
        if let Some(rounds) = env::var("ROUNDS").ok().filter(|rounds| !rounds.is_empty()) {
            plan.rounds = rounds.parse()?;
        }
        Ok(plan)
    }
}

/// A private server with its streams.
#[derive(Debug)]
pub(crate) struct Rig {
    place: Place,
    pub(crate) plan: Plan,
    names: AtomicUsize,
    /// The same on a cluster, started on first use.
    clustered: OnceLock<Box<Rig>>,
}

/// The way to the server.
#[derive(Debug)]
enum Place {
    Alone(Box<Server>),
    /// As a cluster of one node.
    Cluster(Box<Cluster>),
}

impl Rig {
    pub(crate) fn start(plan: Plan) -> Result<Self> {
        let rig = Self::at(
            Place::Alone(Box::new(unsaved(Server::options()).start()?)),
            plan,
        );
        let order = Order::number(0).words();
        socket::fill(&rig, ORDERS, &order, plan.bulk)?;
        let payload = ["msg".to_owned(), Payload::new().msg];
        socket::fill(&rig, PAYLOADS, &payload, plan.bulk)?;
        if let Some(entries) = plan.backlog {
            socket::fill(&rig, BACKLOG, &order, entries)?;
        }
        Ok(rig)
    }

    fn at(place: Place, plan: Plan) -> Self {
        Self {
            place,
            plan,
            names: AtomicUsize::new(0),
            clustered: OnceLock::new(),
        }
    }

    /// A cluster of one node with the stream of orders, for the same measurements.
    pub(crate) fn clustered(&self) -> Result<&Self> {
        if self.clustered.get().is_none() {
            let cluster = Cluster::options().nodes(1, 0).servers(unsaved).start()?;
            let rig = Self::at(Place::Cluster(Box::new(cluster)), self.plan);
            socket::fill(&rig, ORDERS, &Order::number(0).words(), self.plan.bulk)?;
            let _ = self.clustered.set(Box::new(rig));
        }
        let clustered = self.clustered.get().map(Box::as_ref);
        clustered.ok_or_else(|| "there is no cluster".into())
    }

    /// The one server.
    pub(crate) fn server(&self) -> &Server {
        match &self.place {
            Place::Alone(server) => server,
            Place::Cluster(cluster) => {
                let first = cluster.servers().first();
                first.expect("a cluster has nodes")
            }
        }
    }

    fn url(&self) -> String {
        match &self.place {
            Place::Alone(server) => server.url(),
            Place::Cluster(cluster) => cluster.url(),
        }
    }

    pub(crate) fn manager(&self) -> Result<StreamManager> {
        Ok(StreamManager::connect(self.url())?)
    }

    /// A group of its own at the beginning of a stream; gone at the end.
    pub(crate) fn group(&self, stream: &'static str) -> Result<Group<'_>> {
        let name = self.fresh("group");
        self.server()
            .try_command::<String>(&["XGROUP", "CREATE", stream, &name, "0"])?;
        Ok(Group {
            rig: self,
            stream,
            name,
        })
    }

    /// The name of a group of its own on the stream in partitions, which is filled when
    /// it is first asked for. The groups are made by the consumer.
    pub(crate) fn partitioned_group(&self) -> Result<String> {
        let meta = format!("{{{PARTITIONED}}}:meta");
        let declare = ["HSETNX", &meta, "partitions", &PARTITIONS.to_string()];
        if self.server().try_command::<bool>(&declare)? {
            let order = Order::number(0).words();
            let share = self.plan.bulk.div_ceil(usize::from(PARTITIONS));
            for number in 0..PARTITIONS {
                socket::fill(self, &partition(PARTITIONED, number), &order, share)?;
            }
        }
        Ok(self.fresh("group"))
    }

    /// An empty stream of its own; gone at the end.
    pub(crate) fn stream(&self) -> Stream<'_> {
        Stream {
            rig: self,
            name: self.fresh("stream"),
        }
    }

    fn fresh(&self, what: &str) -> String {
        format!("{what}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Starts to measure usage.
    pub(crate) fn watch(&self) -> Result<Watch<'_>> {
        Ok(Watch {
            rig: self,
            server: self.server_cpu()?,
            client: own_cpu()?,
            started: Instant::now(),
        })
    }

    fn server_cpu(&self) -> Result<Duration> {
        let usage = self
            .server()
            .usage()
            .ok_or("the server's usage is unknown")?;
        Ok(usage.cpu_time)
    }
}

fn unsaved(options: ServerOptions) -> ServerOptions {
    options.config("save", "")
}

fn own_cpu() -> Result<Duration> {
    let usage = Usage::of(process::id()).ok_or("this process's usage is unknown")?;
    Ok(usage.cpu_time)
}

/// A consumer group for one measurement.
#[derive(Debug)]
pub(crate) struct Group<'r> {
    rig: &'r Rig,
    pub(crate) stream: &'static str,
    pub(crate) name: String,
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        let destroy = ["XGROUP", "DESTROY", self.stream, &self.name];
        // The server may be gone; the next measurement says so.
        let _ = self.rig.server().try_command::<i64>(&destroy);
        let leftovers = [
            "DEL".to_owned(),
            format!("{{{}}}:meta", self.stream),
            format!("{{{}}}:waiting:{}", self.stream, self.name),
        ];
        let leftovers: Vec<_> = leftovers.iter().map(String::as_str).collect();
        let _ = self.rig.server().try_command::<i64>(&leftovers);
    }
}

/// A stream for one measurement.
#[derive(Debug)]
pub(crate) struct Stream<'r> {
    rig: &'r Rig,
    pub(crate) name: String,
}

impl Stream<'_> {
    /// How many entries it has.
    pub(crate) fn len(&self) -> Result<usize> {
        Ok(self.rig.server().try_command(&["XLEN", &self.name])?)
    }

    /// How many entries its partitions have together.
    pub(crate) fn len_of(&self, partitions: u16) -> Result<usize> {
        let names = (0..partitions).map(|number| partition(&self.name, number));
        let lengths = names.map(|name| self.rig.server().try_command::<usize>(&["XLEN", &name]));
        Ok(lengths.sum::<std::result::Result<usize, _>>()?)
    }

    /// Fails if it doesn't have `count` entries: lost messages must not count.
    pub(crate) fn must_have(&self, count: usize) -> Result<()> {
        match self.len()? {
            len if len == count => Ok(()),
            len => Err(format!("{len} of {count} entries are in the stream").into()),
        }
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        let keys = [
            "DEL".to_owned(),
            self.name.clone(),
            format!("{{{}}}:backup", self.name),
            format!("{{{}}}:meta", self.name),
            format!("{{{}}}:due", self.name),
            format!("{{{}}}:later", self.name),
        ];
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let _ = self.rig.server().try_command::<i64>(&keys);
        // Each in its own slot.
        for number in 0..PARTITIONS {
            let key = partition(&self.name, number);
            let _ = self.rig.server().try_command::<i64>(&["DEL", &key]);
        }
    }
}

/// The usage of a span of time, being measured.
#[derive(Debug)]
pub(crate) struct Watch<'r> {
    rig: &'r Rig,
    server: Duration,
    client: Duration,
    started: Instant,
}

/// The usage of a span of time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) wall: f64,
    pub(crate) server_cpu: f64,
    pub(crate) client_cpu: f64,
}

impl Watch<'_> {
    pub(crate) fn stop(self) -> Result<Spent> {
        let wall = self.started.elapsed();
        let server = self.rig.server_cpu()?.saturating_sub(self.server);
        let client = own_cpu()?.saturating_sub(self.client);
        Ok(Spent {
            wall: wall.as_secs_f64(),
            server_cpu: server.as_secs_f64(),
            client_cpu: client.as_secs_f64(),
        })
    }
}
