//! The thread that cleans streams.
//!
//! One per manager, for all its streams. Every process with a producer or a
//! consumer of a stream has one; the script sees to it that a stream is cleaned
//! once per interval, by the first process that comes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::engine::{Total, Wish, announce, step};
use super::report::BlockedStream;
use super::schedule::{Schedule, Task, User};
use crate::command::{Errand, FirstLook, Retained, Sight};
use crate::config::RetentionSettings;
use crate::connection::{Stopper, Topology, Wire};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::keys::StreamKeys;
use crate::runtime::{Shutdown, Thread, jitter, on_library_thread, random_suffix};

/// A handle on the cleaner's thread, which starts with the first stream.
#[derive(Debug)]
pub(crate) struct Cleaner {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

#[derive(Debug)]
struct Shared {
    topology: Arc<Topology>,
    first_look: Arc<FirstLook>,
    schedule: Mutex<Schedule>,
    stop: Shutdown,
    /// Ends the request under way.
    connection: Mutex<Stopper>,
    /// Our name, for locks.
    token: String,
}

impl Cleaner {
    /// For a manager that may not have had its first look at the server.
    pub(crate) fn new(topology: Arc<Topology>, first_look: Arc<FirstLook>) -> Self {
        Self {
            shared: Arc::new(Shared {
                topology,
                first_look,
                schedule: Mutex::default(),
                stop: Shutdown::default(),
                connection: Mutex::default(),
                token: random_suffix(),
            }),
            thread: Mutex::new(None),
        }
    }

    /// Looks after a stream from now on, for `user`, with the settings it asks
    /// for. They are stored in the background.
    pub(crate) fn tend(&self, keys: &StreamKeys, user: User, asked: RetentionSettings) {
        let mut thread = self.thread.lock();
        if self.shared.stop.is_set() {
            return;
        }
        self.shared.schedule.lock().tend(keys, user, asked);
        self.shared.stop.nudge();
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            match Thread::spawn("stream-cleaner", move || run(&shared)) {
                Ok(started) => *thread = Some(started),
                // The next stream tries again: no reason to refuse a producer.
                Err(e) => log::error!(
                    "`{}` can't be cleaned without a thread, which the next stream starts: {}",
                    keys.stream(),
                    with_causes(&e)
                ),
            }
        }
    }

    /// Looks after a stream for one user less.
    pub(crate) fn forget(&self, stream: &str, user: &User) {
        self.shared.schedule.lock().forget(stream, user);
        self.shared.stop.nudge();
    }

    /// The settings that the users of a stream have asked for.
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
        /// How long it waits for the request under way, before it cuts the connection,
        /// and how long after that, as it may wait for a connection.
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
    while !shared.stop.is_set() {
        let now = Instant::now();
        let (next, task) = {
            let schedule = shared.schedule.lock();
            (schedule.next_due(), schedule.due(now))
        };
        let Some(task) = task else {
            let deadline = next.unwrap_or(now + LONG);
            let changed = || shared.schedule.lock().next_due() != next;
            shared.stop.wait_until(deadline, changed);
            continue;
        };
        match clean(shared, &task) {
            Ok(outcome) => shared.done(&task, &outcome),
            Err(e) => shared.failed(&task, &e),
        }
    }
}

/// The outcome of a task.
struct Outcome {
    /// The time until the next task.
    wait: Duration,
    /// The stream at the end; `None` if it was not our turn.
    sight: Option<Sight>,
}

fn clean(shared: &Shared, task: &Task) -> Result<Outcome> {
    /// While Redis is away we come again, and must not hold up a shutdown.
    const WAIT: Duration = Duration::from_secs(2);
    let stream = task.keys.stream();
    shared
        .topology
        .run(stream.as_bytes(), WAIT, |wire| clean_by(shared, task, wire))
}

fn clean_by(shared: &Shared, task: &Task, wire: &mut Wire) -> Result<Outcome> {
    let stream = task.keys.stream();
    *shared.connection.lock() = wire.stopper();
    match shared.first_look.take(wire) {
        // What the server is, it stays: said once.
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
                // Processes that wait must not all come at the same time.
                let wait = jitter(wait + wait / 5, 0.15);
                let wait = wait.max(Duration::from_millis(10));
                return Ok(Outcome { wait, sight: None });
            }
            Retained::Seen(sight) => {
                if total.add(&sight) && !shared.stop.is_set() {
                    continue;
                }
                let report = total.report(&task.keys, &sight);
                log::debug!(
                    "cleaned `{stream}`: {} entries went, {} are left",
                    report.removed,
                    report.length
                );
                return Ok(Outcome {
                    wait: pace(&sight, report.removed > 0),
                    sight: Some(sight),
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
        // As the acknowledged prefix grows; where nothing moves, not so often.
        let eager = Duration::from_millis(if removed { 100 } else { 500 });
        wait = wait.min(eager);
    }
    jitter(wait, 0.2)
}

impl Shared {
    fn done(&self, task: &Task, outcome: &Outcome) {
        let stream = task.keys.stream();
        let blocked = outcome.sight.as_ref().map(|sight| {
            // A group that moves on between two runs doesn't stand still.
            let patience = sight.settings.cleanup_interval * 3 / 4;
            let blocked = BlockedStream::left(stream, sight);
            (
                blocked.is_none(),
                blocked.filter(|b| b.standing >= patience),
            )
        });
        let (mut works_again, mut news, mut trimmed_again) = (false, None, false);
        if let Some(tended) = self.schedule.lock().done(task, outcome.wait) {
            let told = &mut tended.told;
            works_again = told.failure.ends();
            match blocked {
                Some((true, _)) => trimmed_again = told.blocked.take().is_some(),
                Some((_, Some(blocked)))
                    if told.blocked.as_ref().map(|known| &known.group) != Some(&blocked.group) =>
                {
                    told.blocked = Some(blocked.clone());
                    news = Some(blocked);
                }
                _ => {}
            }
        }
        // No lock is held here: a logger may add to a stream.
        if works_again {
            log::warn!("`{stream}` is cleaned again");
        }
        if let Some(blocked) = news {
            log::warn!("{blocked}");
        }
        if trimmed_again {
            log::info!("`{stream}` can be trimmed again");
        }
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
        let cleaner = || Cleaner::new(Arc::new(Topology::new(&config).unwrap()), Arc::default());
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
