//! The thread that moves entries from the backup stream back to the stream: for all
//! partitions, if there are any.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::Drained;
use crate::config::BackupStreamConfig;
use crate::connection::{LinkHandle, Loans, SilentNodes, Topology};
use crate::error::{Error, Result};
use crate::keys::StreamKeys;
use crate::metrics::ProducerRecord;
use crate::producer::backup::flow::{Flow, Last};
use crate::producer::capacity::Capacities;
use crate::producer::health::{Part, ProducerHealth};
use crate::runtime::{Backoff, Shutdown, Thread, on_library_thread, random_suffix};
use crate::split::{Split, WantedSplit};

/// How long a stop waits for the batch under way, before it cuts the
/// connection.
const POLITE: Duration = Duration::from_secs(1);

/// How long it waits at most after that.
const LAST: Duration = Duration::from_secs(2);

/// How long the server of one of several partitions is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// With more partitions than this, empty backup streams are looked at less often, so that
/// the number of looks doesn't grow.
const OFTEN: u32 = 8;

/// The drain of one producer. On drop it is told to end.
#[derive(Debug)]
pub(crate) struct Drain {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

#[derive(Debug)]
struct Shared {
    stop: Shutdown,
    /// When the stop began.
    stop_began: OnceLock<Instant>,
    /// Whether entries went to a backup stream since the last look.
    woken: AtomicBool,
    connection: LinkHandle,
    config: BackupStreamConfig,
}

impl Drain {
    pub(crate) fn start(
        topology: Arc<Topology>,
        keys: &StreamKeys,
        split: &WantedSplit,
        config: &BackupStreamConfig,
        capacities: &Arc<Capacities>,
        health: &Arc<ProducerHealth>,
        record: &Arc<ProducerRecord>,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            stop: Shutdown::default(),
            stop_began: OnceLock::new(),
            woken: AtomicBool::new(false),
            connection: LinkHandle::default(),
            config: config.clone(),
        });
        let mut worker = Worker {
            loans: Loans::new(
                Arc::clone(&topology),
                keys.stream(),
                shared.connection.clone(),
            ),
            topology,
            silent: SilentNodes::default(),
            keys: keys.clone(),
            split: split.clone(),
            owner: format!("{}-{}", std::process::id(), random_suffix()),
            of: None,
            flows: Vec::new(),
            capacities: Arc::clone(capacities),
            shared: Arc::clone(&shared),
            health: Arc::clone(health),
            record: Arc::clone(record),
        };
        let thread = Thread::spawn(format!("{} drain", keys.stream()), move || worker.run())?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Says that there is something to move, if a [`Capacity`] has noted entries that
    /// went to the backup stream.
    ///
    /// [`Capacity`]: crate::producer::capacity::Capacity
    pub(crate) fn wake(&self) {
        if !self.shared.woken.swap(true, Ordering::SeqCst) {
            self.shared.stop.nudge();
        }
    }

    pub(crate) fn stop(&self) {
        // Only once, and first: the thread lets attempts be made again when it has seen
        // the stop.
        if self.shared.stop_began.set(Instant::now()).is_ok() {
            self.shared.connection.hold_off();
            self.shared.stop.set();
        }
    }

    /// Waits for the end of the thread, after it was told to stop. From one of the
    /// library's own threads it doesn't wait.
    pub(crate) fn join(&self) {
        let mut place = self.thread.lock();
        if on_library_thread() {
            return;
        }
        let Some(thread) = place.take() else { return };
        let began = self.shared.stop_began.get_or_init(Instant::now);
        if !thread.ends_by(*began + POLITE) {
            self.shared.connection.stop();
        }
        thread.join_by(Instant::now() + LAST);
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The state of the thread.
struct Worker {
    loans: Loans,
    topology: Arc<Topology>,
    silent: SilentNodes,
    /// The keys, with the backup stream's own name, if it has one.
    keys: StreamKeys,
    split: WantedSplit,
    /// This drain's name in locks.
    owner: String,
    /// The split for which there are flows.
    of: Option<Split>,
    flows: Vec<Flow>,
    capacities: Arc<Capacities>,
    shared: Arc<Shared>,
    health: Arc<ProducerHealth>,
    record: Arc<ProducerRecord>,
}

impl Worker {
    fn run(&mut self) {
        let mut backoff = Backoff::for_connections();
        while !self.shared.stop.is_set() {
            self.shared.woken.store(false, Ordering::SeqCst);
            if let Err(e) = self.follow_the_split() {
                self.held_up(&e);
                if self.loans.pause(&self.shared.stop, backoff.next()) {
                    backoff.reset();
                }
                continue;
            }
            backoff.reset();
            self.bring_forward();
            let next = self
                .flows
                .iter()
                .enumerate()
                .min_by_key(|(_, flow)| flow.due);
            let Some((at, due)) = next.map(|(at, flow)| (at, flow.due)) else {
                return;
            };
            if due <= Instant::now() {
                self.step(at);
            } else {
                self.wait(due);
            }
        }
        self.end();
    }

    /// Makes the flows for the present split.
    fn follow_the_split(&mut self) -> Result<()> {
        let now = self.split.now();
        if now.is_some() && now == self.of {
            return Ok(());
        }
        let split = if let Some(split) = now {
            split
        } else {
            let Self {
                loans, split, keys, ..
            } = self;
            loans.lead_to(keys.stream());
            let asked = loans.run_pooled(|wire| split.on(wire));
            asked.inspect_err(|_| loans.failed())?
        };
        if self.of != Some(split) {
            self.make_flows(split);
        }
        Ok(())
    }

    fn make_flows(&mut self, split: Split) {
        let (config, owner) = (&self.shared.config, &self.owner);
        self.flows = match split {
            Split::Whole => {
                let capacity = self.capacities.whole();
                vec![Flow::new(&self.keys, config, owner, capacity)]
            }
            Split::Into(partitions) => {
                let flow = |n| {
                    let (keys, capacity) =
                        (self.keys.partition(n), self.capacities.of_partition(n));
                    Flow::new(&keys, config, owner, capacity)
                };
                partitions.all().map(flow).collect()
            }
        };
        self.of = Some(split);
    }

    /// Ends the waits for backup streams that entries of this process went to.
    fn bring_forward(&mut self) {
        let now = Instant::now();
        for flow in &mut self.flows {
            if flow.capacity.take_overflow() && flow.last == Last::Empty {
                flow.due = flow.due.min(now);
            }
        }
    }

    /// Moves a batch.
    fn step(&mut self, at: usize) {
        let spread = u32::try_from(self.flows.len()).unwrap_or(1) / OFTEN;
        let is_one_of_many = self.flows.len() > 1;
        let Some(flow) = self.flows.get_mut(at) else {
            return;
        };
        let mut attempt = None;
        if is_one_of_many {
            // The other partitions wait meanwhile.
            let key = flow.stream().as_bytes();
            match self.silent.begin(&self.topology, key, PATIENCE) {
                Ok(begun) => attempt = Some(begun),
                Err(resting) => {
                    flow.last = Last::Failed;
                    flow.due = resting.until;
                    return;
                }
            }
        }
        let patience = attempt.as_ref().map(|attempt| attempt.patience);
        let stepped = flow.step(&mut self.loans, patience);
        if let Some(attempt) = &attempt {
            self.silent.end(attempt, &stepped);
        }
        match stepped {
            Ok(drained) => {
                self.record.moved(drained.moved);
                flow.backoff.reset();
                flow.capacity.learn(drained.capacity);
                let mut time = flow.pace.after(&drained);
                flow.last = Last::Filled;
                if drained.left == 0 {
                    flow.last = Last::Empty;
                    time *= spread.max(1);
                }
                self.tell(&drained);
                if let Some(at) = self.health.ends_from() {
                    // A success at that time shows that the trouble is over.
                    time = time.min(at.saturating_duration_since(Instant::now()));
                }
                if let Some(flow) = self.flows.get_mut(at) {
                    flow.due = Instant::now() + time;
                }
            }
            Err(e) => {
                flow.last = Last::Failed;
                flow.due = Instant::now() + flow.backoff.next();
                self.held_up(&e);
            }
        }
    }

    fn tell(&self, drained: &Drained) {
        match drained.refusal() {
            Some(refusal) => self.health.held_up(Part::Drain, &refusal),
            None if self.fails() => {}
            None => self.health.works(Part::Drain),
        }
    }

    fn held_up(&self, error: &Error) {
        // A stop may have ended the connection.
        if !self.shared.stop.is_set() {
            self.health.held_up(Part::Drain, error);
        }
    }

    /// Sleeps until the next batch is due. An entry that this process adds to an empty
    /// backup stream ends the sleep; so does a newly found server, while something fails.
    fn wait(&mut self, due: Instant) {
        let Shared { stop, woken, .. } = &*self.shared;
        if !self.fails() {
            stop.wait_until(due, || woken.load(Ordering::SeqCst));
            return;
        }
        let time = due.saturating_duration_since(Instant::now());
        if self.loans.pause(stop, time) {
            let now = Instant::now();
            let failed = |flow: &&mut Flow| flow.last == Last::Failed;
            for flow in self.flows.iter_mut().filter(failed) {
                flow.backoff.reset();
                flow.due = now;
            }
        }
    }

    fn fails(&self) -> bool {
        self.flows.iter().any(|flow| flow.last == Last::Failed)
    }

    /// Stores backup streams that their streams may not know of, and lets others drain at
    /// once.
    fn end(&mut self) {
        if self.flows.is_empty()
            && let Some(split) = self.split.now()
        {
            self.make_flows(split);
        }
        let is_used = |flow: &Flow| flow.capacity.has_overflowed();
        let mut left = self.flows.iter().filter(|f| is_used(f) || f.holds_lease());
        if left.next().is_none() {
            return;
        }
        // A last exchange may be made, though the stop keeps connections from being made.
        let began = self.shared.stop_began.get_or_init(Instant::now);
        self.shared.connection.resume(*began + POLITE);
        for flow in &self.flows {
            if is_used(flow) {
                flow.declare_at_last(&mut self.loans);
            }
            if flow.holds_lease() {
                flow.release(&mut self.loans);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConnectionConfig;
    use crate::error::ErrorKind;
    use crate::split::Splits;

    /// The thread may be storing the stream's backup stream by then.
    #[test]
    fn second_stop_leaves_the_connection_to_the_end_of_the_thread() {
        let config = ConnectionConfig::new("redis+unix:///nowhere/redis.sock").unwrap();
        let topology = Arc::new(Topology::new(&config).unwrap());
        let keys = StreamKeys::new("orders").unwrap();
        let config = BackupStreamConfig::new("orders");
        let health = Arc::new(ProducerHealth::new("orders"));
        let capacities = Arc::new(Capacities::of(&config));
        let splits = Splits::new(Arc::clone(&topology));
        let split = WantedSplit::new(splits.of(&keys), None);
        let drain = Drain::start(
            Arc::clone(&topology),
            &keys,
            &split,
            &config,
            &capacities,
            &health,
            &Arc::default(),
        );
        let drain = drain.unwrap();
        drain.stop();
        drain.shared.connection.resume(Instant::now() + POLITE);
        drain.stop();
        let mut loans = Loans::new(topology, "orders", drain.shared.connection.clone());
        let error = loans.run(|_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        drain.join();
    }
}
