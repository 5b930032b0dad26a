//! A round of questions: all sentinels at the same time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, select};

use super::answer::Answer;
use super::choice::{Vote, is_majority};
use super::question::ask;
use super::roster::{ANSWER, Member};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::runtime::Thread;

/// How long to wait for the others after the first answer.
const AFTER_FIRST: Duration = Duration::from_millis(300);

/// The answer of one sentinel, or its error.
pub(super) type Said = Result<Answer>;

/// The answers of a round.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) said: Vec<(Arc<Member>, Said)>,
    /// All known sentinels.
    pub(super) asked: Vec<Arc<Member>>,
    /// The threads of sentinels that have not answered yet; they end soon.
    pub(super) threads: Vec<Thread>,
    /// Late answers.
    pub(super) late: Receiver<(Arc<Member>, Said)>,
}

/// Asks all of them until a majority has named a master, at least one in an epoch of
/// `at_least` or more, until a while after the first answer, or until all have answered.
/// A sentinel with an open request of an earlier round isn't asked again.
///
/// # Blocking
///
/// At most [`ANSWER`] and a moment, or until `closed` disconnects.
pub(super) fn ask_all(
    sentinels: &[Arc<Member>],
    master: &str,
    at_least: u64,
    closed: &Receiver<()>,
) -> Round {
    let (tell, told) = bounded(sentinels.len());
    let mut round = Round {
        said: Vec::new(),
        asked: sentinels.to_vec(),
        threads: Vec::new(),
        late: told,
    };
    for sentinel in sentinels {
        if sentinel.is_asked.swap(true, Ordering::SeqCst) {
            continue;
        }
        let tell = tell.clone();
        let (asked, name) = (Arc::clone(sentinel), master.to_owned());
        let spawned = Thread::spawn("stream-sentinel-ask", move || {
            let said = ask(&asked, &name);
            asked.is_silent.store(said.is_err(), Ordering::SeqCst);
            asked.is_asked.store(false, Ordering::SeqCst);
            // The round may be over.
            let _ = tell.send((asked, said));
        });
        match spawned {
            Ok(thread) => round.threads.push(thread),
            Err(e) => {
                sentinel.is_asked.store(false, Ordering::SeqCst);
                round.said.push((Arc::clone(sentinel), Err(e)));
            }
        }
    }
    drop(tell);
    // Each request ends by itself before that.
    let mut until = Instant::now() + ANSWER + AFTER_FIRST;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let (sentinel, said) = select! {
            recv(round.late) -> told => match told {
                Ok(told) => told,
                Err(_) => break,
            },
            recv(closed) -> _ => break,
            default(left) => break,
        };
        if said.is_ok() {
            until = until.min(Instant::now() + AFTER_FIRST);
        }
        round.said.push((sentinel, said));
        let is_new = round.votes().any(|vote| vote.epoch >= at_least);
        if is_new && is_majority(round.votes().count(), round.asked.len()) {
            break;
        }
    }
    round
}

impl Round {
    /// The sentinels that have answered, with their answers.
    pub(super) fn answers(&self) -> impl Iterator<Item = (&Arc<Member>, &Answer)> {
        let said = self.said.iter();
        said.filter_map(|(sentinel, said)| Some((sentinel, said.as_ref().ok()?)))
    }

    /// The masters that were named.
    pub(super) fn votes(&self) -> impl Iterator<Item = &Vote> {
        self.answers()
            .filter_map(|(_, answer)| answer.vote.as_ref())
    }

    /// The error of a round without a master, with the answer of each sentinel.
    pub(super) fn failure(&self, master: &str) -> Error {
        let each = self.said.iter().map(|(sentinel, said)| {
            let address = sentinel.endpoint.address();
            match said {
                Ok(_) => format!("{address} doesn't watch a master of that name"),
                Err(e) => format!("{address}: {}", with_causes(e)),
            }
        });
        let silent = self
            .asked
            .iter()
            .filter(|sentinel| !self.has_heard(sentinel));
        let silent = silent.map(|sentinel| {
            let address = sentinel.endpoint.address();
            format!("{address} has not answered in time")
        });
        let each: Vec<_> = each.chain(silent).collect();
        let text = format!(
            "no sentinel says where the master `{master}` is: {}",
            each.join("; ")
        );
        Error::new(self.kind_of_failure(), text)
    }

    fn has_heard(&self, sentinel: &Arc<Member>) -> bool {
        let mut said = self.said.iter();
        said.any(|(heard, _)| Arc::ptr_eq(heard, sentinel))
    }

    /// `Config` if no sentinel knows such a master; else the kind of all answers, if it
    /// is the same.
    fn kind_of_failure(&self) -> ErrorKind {
        let mut kinds = self.said.iter().map(|(_, said)| match said {
            Ok(_) => ErrorKind::Config,
            Err(e) => e.kind(),
        });
        let first = kinds.next().filter(|_| self.said.len() == self.asked.len());
        first
            .filter(|first| kinds.all(|kind| kind == *first))
            .unwrap_or(ErrorKind::Unavailable)
    }
}
