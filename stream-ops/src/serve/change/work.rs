//! Changes in progress, each on a thread of its own, so that they can be watched and
//! stopped.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::pending::nonce;
use super::question::Question;
use crate::act::{By, Ended, Outcome, carry_out};
use crate::serve::page::Rich;
use crate::server::Redis;
use crate::words::{cut, shown};

/// The most simultaneous changes, and the most remembered ones.
const RUNNING: usize = 16;
const REMEMBERED: usize = 64;

/// A change in progress, or one that has ended.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) id: String,
    /// The change in progress, as a heading.
    pub(crate) doing: String,
    pub(crate) who: String,
    pub(crate) stream: String,
    /// The equivalent command line.
    pub(crate) command: String,
    /// The page from which it was started.
    pub(crate) back: String,
    pub(crate) planned: u64,
    pub(crate) at_most: Option<NonZeroU32>,
    began: Instant,
    handled: AtomicU64,
    /// The name of the caller who stopped it.
    stopped: Mutex<Option<String>>,
    told: Mutex<Option<Rich>>,
    ended: Condvar,
    is_old: AtomicBool,
}

impl Work {
    /// The number of things changed or left alone so far.
    pub(crate) fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// The time since it began.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Its result; `None` while it runs.
    pub(crate) fn told(&self) -> Option<Rich> {
        self.told.lock().clone()
    }

    /// Whether it has ended. Returns true once only.
    pub(crate) fn is_news(&self) -> bool {
        self.told.lock().is_some() && !self.is_old.swap(true, Ordering::Relaxed)
    }

    /// The name of the caller who stopped it.
    pub(crate) fn stopped_by(&self) -> Option<String> {
        self.stopped.lock().clone()
    }

    /// Stops it after the current step. Returns whether it was running.
    pub(crate) fn stop(&self, who: &str) -> bool {
        let goes_on = self.told.lock().is_none();
        if goes_on {
            self.stopped.lock().get_or_insert_with(|| who.to_owned());
        }
        goes_on
    }

    /// Waits for its result for at most `time`.
    pub(crate) fn wait(&self, time: Duration) -> Option<Rich> {
        let until = Instant::now() + time;
        let mut told = self.told.lock();
        while told.is_none() && !self.ended.wait_until(&mut told, until).timed_out() {}
        told.clone()
    }

    fn end(&self, how: Rich) {
        self.told.lock().get_or_insert(how);
        self.ended.notify_all();
    }
}

/// All running changes, and the last ended ones.
#[derive(Default)]
pub(crate) struct Works(Mutex<Vec<(Arc<Work>, JoinHandle<()>)>>);

impl Works {
    /// Starts a change in the name of `who`.
    ///
    /// # Errors
    ///
    /// If too many changes are running, or the system is out of threads or random
    /// numbers.
    pub(crate) fn start(
        &self,
        redis: &Redis,
        who: &str,
        question: Question,
    ) -> Result<Arc<Work>, String> {
        let mut works = self.0.lock();
        let running = works.iter().filter(|(work, _)| work.told().is_none());
        if running.count() >= RUNNING {
            return Err(format!(
                "{RUNNING} changes are running: wait until one ends, or stop one"
            ));
        }
        let work = Arc::new(Work {
            id: nonce()?,
            doing: question.doing(),
            who: who.to_owned(),
            stream: question.change.stream().to_owned(),
            command: question.change.command(),
            back: question.change.back(),
            planned: question.plan.count,
            at_most: question.plan.at_most,
            began: Instant::now(),
            handled: AtomicU64::new(0),
            stopped: Mutex::new(None),
            told: Mutex::new(None),
            ended: Condvar::new(),
            is_old: AtomicBool::new(false),
        });
        let (made, redis) = (Arc::clone(&work), redis.clone());
        let thread = thread::Builder::new()
            .name("streamctl-change".to_owned())
            .spawn(move || make(&made, &redis, question))
            .map_err(|e| format!("no thread could be started: {e}"))?;
        works.push((Arc::clone(&work), thread));
        while works.len() > REMEMBERED
            && let Some(at) = works.iter().position(|(work, _)| work.told().is_some())
        {
            works.remove(at);
        }
        Ok(work)
    }

    /// The change with this id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Work>> {
        let works = self.0.lock();
        let found = works.iter().find(|(work, _)| work.id == id);
        found.map(|(work, _)| Arc::clone(work))
    }

    /// The running changes.
    pub(crate) fn running(&self) -> Vec<Arc<Work>> {
        let works = self.0.lock();
        let running = works.iter().filter(|(work, _)| work.told().is_none());
        running.map(|(work, _)| Arc::clone(work)).collect()
    }

    /// Stops all of them after their current step.
    pub(crate) fn stop(&self) {
        for work in self.running() {
            work.stop("the end of the dashboard");
        }
    }
}

impl Drop for Works {
    /// Waits for the current steps, at most for the timeouts of the connection.
    fn drop(&mut self) {
        self.stop();
        for (_, thread) in self.0.get_mut().drain(..) {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Works {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Works").finish_non_exhaustive()
    }
}

/// Ends a change when dropped, so that a panic ends it, too.
struct Ending<'a>(&'a Work);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let how = "It ended early; how far it got is unknown. See the audit.";
        self.0.end(Rich::new().bad(how));
    }
}

fn make(work: &Work, redis: &Redis, question: Question) {
    let _ending = Ending(work);
    let by = By {
        who: work.who.clone(),
        program: "dashboard".to_owned(),
        command: work.command.clone(),
    };
    let outcome = carry_out(
        question.plan,
        redis,
        &by,
        &|| work.stopped.lock().is_some(),
        &mut |handled, _| work.handled.store(handled, Ordering::Relaxed),
    );
    work.end(told(&outcome));
}

/// The result in words.
fn told(outcome: &Outcome) -> Rich {
    let sentence = cut(&shown(outcome.sentence.as_bytes()), 600);
    let mut said = match &outcome.ended {
        Ended::Through | Ended::Cancelled => Rich::ticked(&sentence),
        Ended::Failed(_) | Ended::Refused(_) => Rich::new().bad(sentence),
    };
    if let Some(why) = &outcome.unaudited {
        let why = cut(&shown(why.as_bytes()), 200);
        said = said.bad(format!(" It is not in the audit: {why}."));
    }
    said
}
