//! The thread that cleans streams.
//!
//! There is one per manager, for all its streams. Every process with a producer or a
//! consumer of a stream has one; the script lets the first process that comes clean a
//! stream, once per interval.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::engine::{Total, Wish, announce, step, with_all_groups};
use super::gone::sweep;
use super::report::BlockedStream;
use super::schedule::{Look, Schedule, Task, User};
use super::standing::{Listed, StandingGroup};
use super::told::Told;
use crate::command::{self, Errand, NewEvent, Retained, Sight, StreamEventKind, tell_event};
use crate::config::RetentionSettings;
use crate::connection::{SilentNodes, Stopper, Topology, Wire};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::keys::StreamKeys;
use crate::runtime::{Shutdown, Thread, jitter, on_library_thread, random_suffix};
use crate::schema_book::SchemaBook;
use crate::split::{Split, Splits};

/// A handle on the cleaner's thread, which starts with the first stream.
#[derive(Debug)]
pub(crate) struct Cleaner {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

#[derive(Debug)]
struct Shared {
    topology: Arc<Topology>,
    splits: Arc<Splits>,
    /// Schemas to store, which the thread does between two cleanups.
    book: Arc<SchemaBook>,
    schedule: Mutex<Schedule>,
    stop: Shutdown,
    /// Ends the request under way.
    connection: Mutex<Stopper>,
    /// This manager's name in locks.
    token: String,
}

impl Cleaner {
    /// Makes the cleaner of a manager that may not have looked at the server yet.
    pub(crate) fn new(topology: Arc<Topology>, splits: Arc<Splits>, book: Arc<SchemaBook>) -> Self {
        let stop = Shutdown::default();
        book.wake(stop.nudged());
        Self {
            shared: Arc::new(Shared {
                topology,
                splits,
                book,
                schedule: Mutex::default(),
                stop,
                connection: Mutex::default(),
                token: random_suffix(),
            }),
            thread: Mutex::new(None),
        }
    }

    /// Looks after a stream from now on, for `user`, with the settings that `user` asks
    /// for. They are stored in the background.
    pub(crate) fn tend(&self, keys: &StreamKeys, user: User, asked: RetentionSettings) {
        let mut thread = self.thread.lock();
        if self.shared.stop.is_set() {
            return;
        }
        self.shared.schedule.lock().tend(keys, user, asked);
        self.shared.stop.nudge();
        self.start(&mut thread);
    }

    /// Starts the thread for the book alone, unless it runs.
    pub(crate) fn begin(&self) {
        let mut thread = self.thread.lock();
        if !self.shared.stop.is_set() {
            self.start(&mut thread);
        }
    }

    fn start(&self, thread: &mut Option<Thread>) {
        if thread.is_some() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        match Thread::spawn("stream-cleaner", move || run(&shared)) {
            Ok(started) => *thread = Some(started),
            // The next stream tries again, so its producer isn't refused.
            Err(e) => log::error!(
                "starting the thread that cleans streams failed; the next stream tries again: {}",
                with_causes(&e)
            ),
        }
    }

    /// Removes one user of a stream.
    pub(crate) fn forget(&self, stream: &str, user: &User) {
        let is_tended = {
            let mut schedule = self.shared.schedule.lock();
            schedule.forget(stream, user);
            schedule.tends(stream)
        };
        if !is_tended {
            self.shared.book.forget(stream);
        }
        self.shared.stop.nudge();
    }

    /// The settings that the users of a stream ask for.
    pub(crate) fn wish(&self, stream: &str) -> Wish {
        self.shared.schedule.lock().wish(stream)
    }

    /// Begins a stop without waiting for it.
    pub(crate) fn signal_stop(&self) {
        self.shared.stop.set();
    }

    /// Stops the thread and joins it. From one of the library's own threads
    /// this only signals.
    pub(crate) fn stop(&self) {
        /// How long the stop waits for the request under way before it cuts the
        /// connection, and how long after that, since the thread may be waiting for a
        /// connection.
        const POLITE: Duration = Duration::from_secs(1);
        const LAST: Duration = Duration::from_secs(3);
        let thread = {
            let mut thread = self.thread.lock();
            self.signal_stop();
            thread.take()
        };
        if let Some(thread) = thread.filter(|_| !on_library_thread()) {
            if !thread.ends_by(Instant::now() + POLITE) {
                self.shared.connection.lock().stop();
            }
            thread.join_by(Instant::now() + LAST);
        }
    }
}

/// Cleans the streams that are due, until the stop.
fn run(shared: &Shared) {
    const LONG: Duration = Duration::from_secs(3_600);
    let mut silent = SilentNodes::default();
    shared.topology.follow(&shared.stop);
    let mut seen = shared.topology.changes();
    while !shared.stop.is_set() {
        let changes = shared.topology.changes();
        if changes != seen {
            seen = changes;
            shared.greet();
        }
        let now = Instant::now();
        let (next, look, task) = {
            let schedule = shared.schedule.lock();
            (
                schedule.next_due(),
                schedule.look_due(now),
                schedule.due(now),
            )
        };
        if let Some(look) = look {
            shared.look(&look, &mut silent);
            continue;
        }
        let Some(task) = task else {
            if shared.work_on_book(now) {
                continue;
            }
            let note = shared.book.next_due();
            let deadline = [next, note].into_iter().flatten().min();
            let changed = || {
                shared.schedule.lock().next_due() != next
                    || shared.topology.changes() != seen
                    || shared.book.next_due() != note
            };
            shared
                .stop
                .wait_until(deadline.unwrap_or(now + LONG), changed);
            continue;
        };
        match clean(shared, &task, &mut silent) {
            Ok(outcome) => shared.done(&task, &outcome),
            Err(e) => shared.failed(&task, &e),
        }
    }
}

/// The outcome of a task.
struct Outcome {
    /// The time until the next task.
    wait: Duration,
    /// The reason for which entries stay at the end.
    held: Held,
}

/// The reason for which entries stay that would be removed otherwise.
enum Held {
    /// Another process cleaned, so this one didn't look.
    Unknown,
    Nothing,
    /// Groups that haven't handled them, whether or not they stand still for long.
    ByGroups,
}

/// How long the first look at a server may take after a failover, since others wait.
const MOMENT: Duration = Duration::from_millis(500);

/// An outage must not hold up a shutdown; the task is tried again.
const WAIT: Duration = Duration::from_secs(2);

fn clean(shared: &Shared, task: &Task, silent: &mut SilentNodes) -> Result<Outcome> {
    let (topology, key) = (&shared.topology, task.keys.stream().as_bytes());
    // Other partitions and other streams wait meanwhile.
    let attempt = silent.begin(topology, key, WAIT)?;
    let cleaned = topology.run(key, attempt.patience, |wire| clean_by(shared, task, wire));
    silent.end(&attempt, &cleaned);
    cleaned
}

fn clean_by(shared: &Shared, task: &Task, wire: &mut Wire) -> Result<Outcome> {
    let stream = task.keys.stream();
    *shared.connection.lock() = wire.stopper();
    match command::first_look(wire) {
        // An error of this kind lasts as long as the server does, so it is logged once.
        Err(e) if matches!(e.kind(), ErrorKind::Server | ErrorKind::Config) => {
            log::error!("{}", with_causes(&e));
        }
        looked => looked?,
    }
    announce(wire, &task.keys, &task.wish.unsaid)?;
    let errand = Errand::TrimInTurn(&shared.token);
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
                if total.add(&sight) && !shared.stop.is_set() {
                    continue;
                }
                total.warn_of_lost(&task.keys, &sight);
                log::debug!(
                    "cleaned `{stream}`: {} entries removed, {} left",
                    total.removed,
                    sight.length
                );
                shared.tell_of_left_out(stream, &sight);
                shared.sweep(wire, &task.keys, &sight);
                return Ok(Outcome {
                    wait: pace(&sight, total.removed > 0),
                    held: shared.tell_of_blocking(wire, &task.keys, &sight)?,
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

impl Shared {
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

    fn done(&self, task: &Task, outcome: &Outcome) {
        let stream = task.keys.stream();
        let (mut works_again, mut trimmed_again) = (false, false);
        if let Some(tended) = self.schedule.lock().done(task, outcome.wait) {
            let told = &mut tended.told;
            works_again = told.failure.ends();
            trimmed_again = matches!(outcome.held, Held::Nothing) && told.blocked.ends();
        }
        // No lock is held here, since a logger may add to a stream.
        if works_again {
            log::warn!("`{stream}` is cleaned again");
        }
        if trimmed_again {
            log::info!("`{stream}` can be trimmed again");
        }
    }

    /// Names the groups that keep a stream from being trimmed, each with the time for
    /// which it has stood still: when there is a new one, and each hour.
    fn tell_of_blocking(&self, wire: &mut Wire, keys: &StreamKeys, sight: &Sight) -> Result<Held> {
        // A group that moves on between two runs doesn't stand still.
        let patience = sight.settings.cleanup_interval * 3 / 4;
        let Some(mut blocked) = BlockedStream::left(keys.stream(), sight) else {
            return Ok(Held::Nothing);
        };
        // Checking that all of them hold entries back takes one request for each.
        let stands =
            |since: u64| Duration::from_millis(sight.now.saturating_sub(since)) >= patience;
        let groups = sight.groups.iter();
        let groups = groups.filter(|group| !group.is_left_out && stands(group.since));
        let names: Vec<_> = groups.map(|group| group.group.clone()).collect();
        let is_due = blocked.standing >= patience
            && self.told(keys.stream(), |told| {
                told.blocked.is_due(&names, Instant::now())
            });
        if is_due {
            blocked = with_all_groups(wire, keys, sight, blocked).inspect_err(|_| {
                // The next run tells of them.
                self.told(keys.stream(), |told| told.blocked.ends());
            })?;
            blocked.groups.retain(|group| group.standing >= patience);
            log::warn!("{blocked}");
            self.tell_event(wire, keys, &blocked);
        }
        Ok(Held::ByGroups)
    }

    /// Records in the events of the stream that groups keep it from being trimmed. The
    /// events of a partition are kept at the stem.
    fn tell_event(&self, wire: &mut Wire, keys: &StreamKeys, blocked: &BlockedStream) {
        let event = NewEvent {
            kind: StreamEventKind::RetentionBlocked,
            group: blocked.group.clone().unwrap_or_default(),
            consumer: String::new(),
            count: 1,
            text: blocked.to_string(),
        };
        let stem = self.schedule.lock().stem_of(keys);
        let Some(stem) = stem else {
            return tell_event(wire, keys, &event);
        };
        let told = self.topology.run(stem.stream().as_bytes(), WAIT, |wire| {
            tell_event(wire, &stem, &event);
            Ok(())
        });
        if let Err(e) = told {
            log::debug!("recording a blocked retention failed: {}", with_causes(&e));
        }
    }

    /// Names the groups that retention leaves out: when there is a new one, and each
    /// hour.
    fn tell_of_left_out(&self, stream: &str, sight: &Sight) {
        let groups = StandingGroup::left_out(sight);
        let names: Vec<_> = groups.iter().map(|group| group.group.clone()).collect();
        if names.is_empty() {
            if self.told(stream, |told| told.left_out.ends()) {
                log::info!("no group of `{stream}` is left out by retention any more");
            }
        } else if self.told(stream, |told| told.left_out.is_due(&names, Instant::now())) {
            log::warn!(
                "retention of `{stream}` leaves out groups that stand still for longer than \
                 {:?} (`ignore_groups_idle_for`), so entries are removed that they have not \
                 handled: {}",
                sight.settings.ignore_groups_idle_for,
                Listed(&groups)
            );
        }
    }

    /// Removes the traces of groups that are gone. A failure doesn't stop the cleanup.
    fn sweep(&self, wire: &mut Wire, keys: &StreamKeys, sight: &Sight) {
        let stream = keys.stream();
        let names = sight.groups.iter().map(|group| group.group.clone());
        let is_due = self.schedule.lock().sweep_is_due(stream, names.collect());
        if !is_due {
            return;
        }
        let Err(e) = sweep(wire, keys, sight) else {
            return;
        };
        self.schedule.lock().sweep_again(stream);
        if self.told(stream, |told| told.sweeping.begins(&e)) && !self.stop.is_set() {
            log::warn!(
                "removing the traces of destroyed groups of `{stream}` failed: {}",
                with_causes(&e)
            );
        }
    }

    /// Reads or changes the record of logged troubles. False for a stream that is not
    /// looked after any more.
    fn told(&self, stream: &str, ask: impl FnOnce(&mut Told) -> bool) -> bool {
        self.schedule.lock().told(stream).is_some_and(ask)
    }

    fn failed(&self, task: &Task, error: &Error) {
        let is_news = self
            .schedule
            .lock()
            .failed(task)
            .is_some_and(|tended| tended.told.failure.begins(error));
        if is_news && !self.stop.is_set() {
            log::warn!(
                "cleaning `{}` failed and will be retried: {}",
                task.keys.stream(),
                with_causes(error)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConnectionConfig;

    #[test]
    fn the_thread_has_ended_after_a_stop_even_without_a_server() {
        let socket = "redis+unix:///nowhere/redis.sock";
        let config = ConnectionConfig::new(socket).unwrap();
        let cleaner = || {
            let topology = Arc::new(Topology::new(&config).unwrap());
            let splits = Arc::new(Splits::new(Arc::clone(&topology)));
            let book = Arc::new(SchemaBook::new(Arc::clone(&topology), String::new()));
            Cleaner::new(topology, splits, book)
        };
        let stopped = cleaner();
        stopped.stop();
        let keys = StreamKeys::new("orders").unwrap();
        let asked = RetentionSettings {
            max_length: Some(5),
            ..RetentionSettings::default()
        };
        let user = User::Producer("p".to_owned());
        stopped.tend(&keys, user.clone(), asked.clone());
        assert!(stopped.thread.lock().is_none(), "nothing starts after it");

        let cleaner = cleaner();
        cleaner.tend(&keys, user, asked);
        assert!(cleaner.thread.lock().is_some());
        assert_eq!(Arc::strong_count(&cleaner.shared), 2);
        cleaner.stop();
        assert_eq!(Arc::strong_count(&cleaner.shared), 1);
    }
}
