//! A thread that serves the tasks of many.

use std::cell::Cell;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::bell::{Bell, Gong};
use super::panics::panic_text;
use super::thread::Thread;
use crate::error::Result;

thread_local! {
    static ON_ROUNDS: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread serves several tasks, so that others wait while it waits.
pub(crate) fn is_on_rounds() -> bool {
    ON_ROUNDS.get()
}

/// How long a thread without tasks is waited for.
const JOINED: Duration = Duration::from_secs(5);

/// The wait of a thread that has nothing to do.
const LONG: Duration = Duration::from_secs(3_600);

/// Work that comes up now and then.
pub(crate) trait Task: Send + 'static {
    /// Does what is due. It waits only for the server, since the tasks of others come
    /// next.
    fn tend(&mut self);

    /// The time of the next work, unless its bell is rung before; `None` after its end.
    fn wake_at(&self) -> Option<Instant>;

    /// The task has panicked, and is not tended any more.
    fn broke(&self) {}
}

/// A task that a thread tends on its rounds, until it is taken away.
pub(crate) struct Desk<T> {
    task: Mutex<Option<T>>,
    is_wanted: AtomicBool,
    bell: Bell,
    /// The number of tasks on the rounds of the thread.
    open: Arc<AtomicUsize>,
}

impl<T: Task> Desk<T> {
    /// Takes the task off the thread; the caller does it from now on. `None` if the
    /// thread is at it until `deadline`, and if it was taken before.
    pub(crate) fn take(&self, deadline: Instant) -> Option<T> {
        self.close();
        let task = self.task.try_lock_until(deadline)?.take();
        self.bell.ring();
        task
    }

    /// Takes the task off the thread's rounds.
    fn close(&self) {
        if !self.is_wanted.swap(true, Ordering::SeqCst) {
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// A desk on the rounds of a thread, whatever the task.
trait Stop: Send + Sync {
    /// Tends the task if it is due at `wake`, and sets `wake` to the next time. Returns
    /// false if there is no task any more.
    fn visit(&self, wake: &mut Instant) -> bool;
}

impl<T: Task> Stop for Desk<T> {
    fn visit(&self, wake: &mut Instant) -> bool {
        if self.is_wanted.load(Ordering::SeqCst) {
            return false;
        }
        if !self.bell.take() && *wake > Instant::now() {
            return true;
        }
        let Some(mut place) = self.task.try_lock() else {
            return true;
        };
        let Some(task) = &mut *place else {
            return false;
        };
        let tended = catch_unwind(AssertUnwindSafe(|| {
            task.tend();
            task.wake_at()
        }));
        match tended {
            Ok(Some(at)) => {
                *wake = at;
                return true;
            }
            Ok(None) => {}
            // The other tasks need the thread.
            Err(panic) => {
                let text = panic_text(panic);
                let told = catch_unwind(AssertUnwindSafe(|| {
                    log::error!("a task panicked: {text}; this is a bug in stream-lib");
                    task.broke();
                }));
                drop(told);
            }
        }
        // A task that panics at its end is over, too.
        let ended = catch_unwind(AssertUnwindSafe(|| *place = None));
        drop(ended);
        self.close();
        false
    }
}

/// One thread for many tasks. It begins with the first task and ends after the last.
#[derive(Debug)]
pub(crate) struct Rounds {
    name: &'static str,
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

#[derive(Debug, Default)]
struct Shared {
    gong: Gong,
    coming: Mutex<Coming>,
    /// The number of tasks that were not taken away.
    open: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Coming {
    /// Tasks that the thread has yet to take on.
    stops: Vec<Arc<dyn Stop>>,
    is_running: bool,
}

impl fmt::Debug for Coming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coming")
            .field("stops", &self.stops.len())
            .field("is_running", &self.is_running)
            .finish()
    }
}

impl Rounds {
    /// Rounds whose thread will be called `name`. It doesn't run yet.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            shared: Arc::default(),
            thread: Mutex::default(),
        }
    }

    /// A bell for a task that is to be [added](Self::add).
    pub(crate) fn bell(&self) -> Bell {
        self.shared.gong.bell()
    }

    /// Has the thread tend a task from now on.
    ///
    /// # Errors
    ///
    /// `System` if the system is out of threads.
    pub(crate) fn add<T: Task>(&self, task: T, bell: &Bell) -> Result<Arc<Desk<T>>> {
        let desk = Arc::new(Desk {
            task: Mutex::new(Some(task)),
            is_wanted: AtomicBool::new(false),
            bell: bell.clone(),
            open: Arc::clone(&self.shared.open),
        });
        let mut thread = self.thread.lock();
        let mut coming = self.shared.coming.lock();
        if !coming.is_running {
            if let Some(ended) = thread.take() {
                ended.join_by(Instant::now() + JOINED);
            }
            let shared = Arc::clone(&self.shared);
            *thread = Some(Thread::spawn(self.name, move || shared.run())?);
            coming.is_running = true;
        }
        self.shared.open.fetch_add(1, Ordering::SeqCst);
        coming.stops.push(Arc::clone(&desk) as Arc<dyn Stop>);
        drop(coming);
        self.shared.gong.call();
        Ok(desk)
    }

    /// Waits for the end of the thread until `deadline`, if all tasks were taken away.
    pub(crate) fn join_idle(&self, deadline: Instant) {
        // Held, so that nothing is added meanwhile.
        let mut place = self.thread.lock();
        if self.shared.open.load(Ordering::SeqCst) == 0
            && let Some(thread) = place.take()
        {
            thread.join_by(deadline);
        }
    }
}

impl Shared {
    fn run(&self) {
        ON_ROUNDS.set(true);
        let mut stops = Vec::new();
        loop {
            let coming = mem::take(&mut self.coming.lock().stops);
            stops.extend(coming.into_iter().map(|stop| (stop, Instant::now())));
            stops.retain_mut(|(stop, wake)| stop.visit(wake));
            if stops.is_empty() {
                let mut coming = self.coming.lock();
                if coming.stops.is_empty() {
                    coming.is_running = false;
                    return;
                }
                continue;
            }
            let wake = stops.iter().map(|(_, wake)| *wake).min();
            let wake = wake.unwrap_or_else(|| Instant::now() + LONG);
            self.gong.wait_until(wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Receiver, Sender, bounded};

    use super::*;

    const AMPLE: Duration = Duration::from_secs(20);

    /// Sends its name whenever it is tended, and may wait for a message then.
    struct Says {
        name: &'static str,
        to: Sender<&'static str>,
        waits_for: Option<Receiver<()>>,
        panics: bool,
    }

    impl Task for Says {
        fn tend(&mut self) {
            self.to.send(self.name).unwrap();
            if let Some(word) = &self.waits_for {
                word.recv_timeout(AMPLE).ok();
            }
            assert!(!self.panics, "as it is to");
        }

        fn broke(&self) {
            self.to.send("broke").unwrap();
        }

        fn wake_at(&self) -> Option<Instant> {
            Some(Instant::now() + LONG)
        }
    }

    fn says(name: &'static str, to: &Sender<&'static str>) -> Says {
        Says {
            name,
            to: to.clone(),
            waits_for: None,
            panics: false,
        }
    }

    fn soon() -> Instant {
        Instant::now() + AMPLE
    }

    #[test]
    fn a_bell_calls_the_thread_to_its_own_task() {
        let rounds = Rounds::new("rounds");
        let (to, said) = bounded(16);
        let bells = [rounds.bell(), rounds.bell()];
        let first = rounds.add(says("first", &to), &bells[0]).unwrap();
        assert_eq!(said.recv_timeout(AMPLE), Ok("first"), "at once");
        let second = rounds.add(says("second", &to), &bells[1]).unwrap();
        assert_eq!(said.recv_timeout(AMPLE), Ok("second"));
        bells[1].ring();
        assert_eq!(said.recv_timeout(AMPLE), Ok("second"));
        bells[0].ring();
        assert_eq!(said.recv_timeout(AMPLE), Ok("first"));
        assert!(first.take(soon()).is_some());
        assert!(first.take(soon()).is_none(), "it was taken");
        bells[1].ring();
        assert_eq!(said.recv_timeout(AMPLE), Ok("second"));
        second.take(soon()).unwrap();
        rounds.join_idle(soon());
        assert!(rounds.thread.lock().is_none(), "it has ended");
        let _third = rounds.add(says("third", &to), &bells[0]).unwrap();
        assert_eq!(said.recv_timeout(AMPLE), Ok("third"), "it begins again");
    }

    #[test]
    fn a_task_under_way_is_not_taken_and_others_are() {
        let rounds = Rounds::new("rounds");
        let (to, said) = bounded(16);
        let (word, waits_for) = bounded::<()>(0);
        let slow = Says {
            waits_for: Some(waits_for),
            ..says("slow", &to)
        };
        let quick = rounds.add(says("quick", &to), &rounds.bell()).unwrap();
        assert_eq!(said.recv_timeout(AMPLE), Ok("quick"));
        let slow = rounds.add(slow, &rounds.bell()).unwrap();
        assert_eq!(said.recv_timeout(AMPLE), Ok("slow"));
        assert!(slow.take(Instant::now()).is_none());
        assert!(quick.take(Instant::now()).is_some());
        drop(word);
        assert!(slow.take(soon()).is_some());
        rounds.join_idle(soon());
    }

    #[test]
    fn a_task_that_panics_ends_alone() {
        let rounds = Rounds::new("rounds");
        let (to, said) = bounded(16);
        let bell = rounds.bell();
        let calm = rounds.add(says("calm", &to), &bell).unwrap();
        assert_eq!(said.recv_timeout(AMPLE), Ok("calm"));
        let panics = Says {
            panics: true,
            ..says("panics", &to)
        };
        let panics = rounds.add(panics, &rounds.bell()).unwrap();
        assert_eq!(said.recv_timeout(AMPLE), Ok("panics"));
        assert_eq!(said.recv_timeout(AMPLE), Ok("broke"));
        bell.ring();
        assert_eq!(said.recv_timeout(AMPLE), Ok("calm"));
        assert!(panics.take(soon()).is_none());
        calm.take(soon()).unwrap();
        rounds.join_idle(soon());
        assert!(rounds.thread.lock().is_none());
    }
}
