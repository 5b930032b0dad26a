//! The thread that cleans streams.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::engine::{Total, announce, step};
use super::schedule::{Look, Schedule, Task};
use crate::command::{self, Errand, Retained, Sight};
use crate::connection::{SilentNodes, Stopper, Topology, Wire};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::runtime::{Shutdown, jitter};
use crate::schema_book::SchemaBook;
use crate::split::{Split, Splits};

/// The state that the thread shares with its handle.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) topology: Arc<Topology>,
    pub(super) splits: Arc<Splits>,
    /// Schemas to store, which the thread does between two cleanups.
    pub(super) book: Arc<SchemaBook>,
    pub(super) schedule: Mutex<Schedule>,
    pub(super) stop: Shutdown,
    /// Ends the request under way.
    pub(super) connection: Mutex<Stopper>,
    /// This manager's name in locks.
    pub(super) token: String,
}

/// Cleans the streams that are due, until the stop.
pub(super) fn run(worker: &Worker) {
    const LONG: Duration = Duration::from_secs(3_600);
    let mut silent = SilentNodes::default();
    worker.topology.follow(&worker.stop);
    let mut seen = worker.topology.changes();
    while !worker.stop.is_set() {
        let changes = worker.topology.changes();
        if changes != seen {
            seen = changes;
            worker.greet();
        }
        let now = Instant::now();
        let (next, look, task) = {
            let schedule = worker.schedule.lock();
            (
                schedule.next_due(),
                schedule.look_due(now),
                schedule.due(now),
            )
        };
        if let Some(look) = look {
            worker.look(&look, &mut silent);
            continue;
        }
        let Some(task) = task else {
            if worker.work_on_book(now) {
                continue;
            }
            let note = worker.book.next_due();
            let deadline = [next, note].into_iter().flatten().min();
            let changed = || {
                worker.schedule.lock().next_due() != next
                    || worker.topology.changes() != seen
                    || worker.book.next_due() != note
            };
            worker
                .stop
                .wait_until(deadline.unwrap_or(now + LONG), changed);
            continue;
        };
        match clean(worker, &task, &mut silent) {
            Ok(outcome) => worker.done(&task, &outcome),
            Err(e) => worker.failed(&task, &e),
        }
    }
}

/// The outcome of a task.
pub(super) struct Outcome {
    /// The time until the next task.
    pub(super) wait: Duration,
    /// The reason for which entries stay at the end.
    pub(super) held: Held,
}

/// The reason for which entries stay that would be removed otherwise.
pub(super) enum Held {
    /// Another process cleaned, so this one didn't look.
    Unknown,
    Nothing,
    /// Groups that haven't handled them, whether or not they stand still for long.
    ByGroups,
}

/// How long the first look at a server may take after a failover, since others wait.
const MOMENT: Duration = Duration::from_millis(500);

/// An outage must not hold up a shutdown; the task is tried again.
pub(super) const WAIT: Duration = Duration::from_secs(2);

fn clean(worker: &Worker, task: &Task, silent: &mut SilentNodes) -> Result<Outcome> {
    let (topology, key) = (&worker.topology, task.keys.stream().as_bytes());
    // Other partitions and other streams wait meanwhile.
    let attempt = silent.begin(topology, key, WAIT)?;
    let cleaned = topology.run(key, attempt.patience, |wire| clean_by(worker, task, wire));
    silent.end(&attempt, &cleaned);
    cleaned
}

fn clean_by(worker: &Worker, task: &Task, wire: &mut Wire) -> Result<Outcome> {
    let stream = task.keys.stream();
    *worker.connection.lock() = wire.stopper();
    match command::first_look(wire) {
        // An error of this kind lasts as long as the server does, so it is logged once.
        Err(e) if matches!(e.kind(), ErrorKind::Server | ErrorKind::Config) => {
            log::error!("{}", with_causes(&e));
        }
        looked => looked?,
    }
    announce(wire, &task.keys, &task.wish.unsaid)?;
    let errand = Errand::TrimInTurn(&worker.token);
    let mut total = Total::default();
    loop {
        match step(wire, &task.keys, &task.wish, errand, false)? {
            Retained::NotYet(wait) => {
                // The jitter keeps waiting processes from all coming at the same time.
                let wait = jitter(wait + wait / 5, 0.15);
                let wait = wait.max(Duration::from_millis(10));
                let held = Held::Unknown;
                return Ok(Outcome { wait, held });
            }
            Retained::Seen(sight) => {
                if total.add(&sight) && !worker.stop.is_set() {
                    continue;
                }
                total.warn_of_lost(&task.keys, &sight);
                log::debug!(
                    "cleaned `{stream}`: {} entries removed, {} left",
                    total.removed,
                    sight.length
                );
                worker.tell_of_left_out(stream, &sight);
                worker.sweep(wire, &task.keys, &sight);
                return Ok(Outcome {
                    wait: pace(&sight, total.removed > 0),
                    held: worker.tell_of_blocking(wire, &task.keys, &sight)?,
                });
            }
        }
    }
}

/// The time until a stream is cleaned again.
fn pace(sight: &Sight, removed: bool) -> Duration {
    let settings = &sight.settings;
    let mut wait = settings.cleanup_interval;
    if settings.delete_after_ack && settings.priority.heeds_length() {
        // Follows the acknowledged prefix closely while it grows, and less often while it
        // doesn't.
        let eager = Duration::from_millis(if removed { 100 } else { 500 });
        wait = wait.min(eager);
    }
    jitter(wait, 0.2)
}

impl Worker {
    /// Looks at servers that have become responsible for streams, and warns of settings
    /// that will cause trouble. A server that doesn't answer now is looked at when a
    /// stream is cleaned.
    fn greet(&self) {
        let streams = self.schedule.lock().streams();
        for stream in streams {
            let key = stream.as_bytes();
            let node = self.topology.node_for(key);
            if self.stop.is_set() || node.is_none_or(|node| node.was_looked_at()) {
                continue;
            }
            let looked = self.topology.run(key, MOMENT, |wire| {
                wire.answer_by(Instant::now() + MOMENT);
                command::first_look(wire)
            });
            if let Err(e) = looked {
                log::debug!(
                    "looking at the server of `{stream}` failed: {}",
                    with_causes(&e)
                );
            }
        }
    }

    /// Stores a message type in Redis, if there is one to store.
    fn work_on_book(&self, now: Instant) -> bool {
        let watch = |wire: &Wire| *self.connection.lock() = wire.stopper();
        self.book.work(now, watch)
    }

    /// Looks up whether a stream has partitions, and looks for entries outside of them.
    fn look(&self, look: &Look, silent: &mut SilentNodes) {
        let keys = &look.task.keys;
        let known = self.splits.of(keys);
        let attempt = silent.begin(&self.topology, keys.stream().as_bytes(), WAIT);
        let asked = attempt.map_err(Error::from).and_then(|attempt| {
            let asked = if look.is_first {
                known.ask(Instant::now() + attempt.patience)
            } else {
                known.ask_again(attempt.patience)
            };
            silent.end(&attempt, &asked);
            asked
        });
        let outside = match &asked {
            Ok(Split::Into(_)) if !look.is_first => known.look_outside(WAIT).map(drop),
            _ => Ok(()),
        };
        if let Err(e) = outside {
            log::debug!(
                "looking for entries of `{}` outside of its partitions failed: {}",
                keys.stream(),
                with_causes(&e)
            );
        }
        match asked {
            Ok(split) => self.schedule.lock().looked(keys, split),
            Err(e) if look.is_first => self.failed(&look.task, &e),
            Err(_) => self.schedule.lock().not_looked(keys.stream()),
        }
    }
}
