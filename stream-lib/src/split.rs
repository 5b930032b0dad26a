//! The known splits of streams into partitions.
//!
//! The number of partitions is stored in Redis, with the stream. A manager asks for it
//! once per stream, at the first use: one caller asks, and the others wait for its
//! answer. From then on a look costs one load. The cleaner asks again from time to time,
//! since a stream may get partitions while producers of it are open.
//!
//! A known number never goes back to none: if Redis has lost it (`FLUSHALL`), it is
//! stored there again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::{declare_partitions, known_partitions, outside_of_partitions};
use crate::connection::{Topology, Wire};
use crate::error::{Error, ErrorKind, Result, Shown, with_causes};
use crate::keys::StreamKeys;
use crate::partition::Partitions;
use crate::runtime::Trouble;

/// Whether a stream has partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    /// The stream has no partitions.
    Whole,
    Into(Partitions),
}

/// The splits of all streams of a manager.
#[derive(Debug)]
pub(crate) struct Splits {
    topology: Arc<Topology>,
    streams: Mutex<BTreeMap<String, Arc<KnownSplit>>>,
}

/// The split of one stream, shared by all its users.
#[derive(Debug)]
pub(crate) struct KnownSplit {
    topology: Arc<Topology>,
    /// The keys of the stem.
    keys: StreamKeys,
    /// [`UNKNOWN`], [`WHOLE`], or the number of partitions.
    known: AtomicU32,
    /// Held while Redis is asked.
    asking: Mutex<Asking>,
    /// Why the last request had no answer.
    failed: Mutex<Option<Error>>,
    /// The warning about entries outside of the partitions.
    outside: Trouble,
}

#[derive(Debug, Default)]
struct Asking {
    /// The number that a producer of this process wants.
    wish: Option<Partitions>,
}

const UNKNOWN: u32 = 0;
const WHOLE: u32 = u32::MAX;

/// The most attempts while answers are lost.
const TRIES: usize = 3;

impl Split {
    /// The number of partitions; `None` if there are none.
    pub(crate) fn partitions(self) -> Option<Partitions> {
        match self {
            Self::Whole => None,
            Self::Into(partitions) => Some(partitions),
        }
    }

    /// The keys of all its streams: the stem's, or those of each partition.
    pub(crate) fn keys_of(self, stem: &StreamKeys) -> Vec<StreamKeys> {
        match self {
            Self::Whole => vec![stem.clone()],
            Self::Into(partitions) => partitions.all().map(|n| stem.partition(n)).collect(),
        }
    }
}

impl Splits {
    pub(crate) fn new(topology: Arc<Topology>) -> Self {
        Self {
            topology,
            streams: Mutex::default(),
        }
    }

    /// The split of the stream with these keys, the stem's.
    pub(crate) fn of(&self, keys: &StreamKeys) -> Arc<KnownSplit> {
        let mut streams = self.streams.lock();
        let known = streams
            .entry(keys.stream().to_owned())
            .or_insert_with(|| Arc::new(KnownSplit::new(&self.topology, keys)));
        Arc::clone(known)
    }

    /// Looks up whether a stream has partitions, and changes nothing.
    ///
    /// # Errors
    ///
    /// As [`KnownSplit::ask`].
    pub(crate) fn look_up(&self, keys: &StreamKeys) -> Result<Split> {
        // Not stored, since callers may ask for any name.
        let known = self.streams.lock().get(keys.stream()).map(Arc::clone);
        let known = known.unwrap_or_else(|| Arc::new(KnownSplit::new(&self.topology, keys)));
        known.look_up(self.topology.connect_timeout())
    }

    /// The partitions of a stream, if they are known; otherwise asks Redis each time,
    /// since the stream may have got some. A number that a producer of this process wants
    /// is stored then.
    ///
    /// # Errors
    ///
    /// As [`KnownSplit::ask`].
    pub(crate) fn ask_afresh(&self, keys: &StreamKeys) -> Result<Split> {
        let (known, within) = (self.of(keys), self.topology.connect_timeout());
        match known.known() {
            Some(Split::Into(partitions)) => Ok(Split::Into(partitions)),
            Some(Split::Whole) => match known.ask_again(within) {
                Err(e) if e.kind() == ErrorKind::PermissionDenied => Ok(Split::Whole),
                answer => answer,
            },
            None => known.ask(Instant::now() + within),
        }
    }

    /// Forgets a stream that was deleted. Its users ask again.
    pub(crate) fn forget(&self, stream: &str) {
        if let Some(known) = self.streams.lock().get(stream) {
            known.known.store(UNKNOWN, Ordering::Relaxed);
            known.asking.lock().wish = None;
        }
    }
}

impl KnownSplit {
    fn new(topology: &Arc<Topology>, keys: &StreamKeys) -> Self {
        Self {
            topology: Arc::clone(topology),
            keys: keys.clone(),
            known: AtomicU32::new(UNKNOWN),
            asking: Mutex::default(),
            failed: Mutex::default(),
            outside: Trouble::default(),
        }
    }

    /// Remembers the number that a producer of this process wants; the next request
    /// stores it with the stream.
    pub(crate) fn wish(&self, partitions: Partitions) {
        self.asking.lock().wish = Some(partitions);
        if self.known() == Some(Split::Whole) {
            self.known.store(UNKNOWN, Ordering::Relaxed);
        }
    }

    /// The known split, without a request. One load.
    pub(crate) fn known(&self) -> Option<Split> {
        match self.known.load(Ordering::Relaxed) {
            UNKNOWN => None,
            WHOLE => Some(Split::Whole),
            count => {
                let partitions = u16::try_from(count).ok().map(Partitions::new);
                partitions.and_then(Result::ok).map(Split::Into)
            }
        }
    }

    /// The known split; asks Redis if there is none.
    ///
    /// # Blocking
    ///
    /// Until `until`, but only for the first answer.
    ///
    /// # Errors
    ///
    /// `Unavailable` and similar kinds. A user that may not read the settings of the
    /// stream gets [`Split::Whole`].
    pub(crate) fn ask(&self, until: Instant) -> Result<Split> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let Some(asking) = self.asking.try_lock_until(until) else {
            return Err(self.failed.lock().clone().unwrap_or_else(unanswered));
        };
        match self.known() {
            Some(known) => Ok(known),
            None => self.ask_redis(&asking, until),
        }
    }

    /// Asks Redis even if the split is known.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask). The known split stays valid then.
    pub(crate) fn ask_again(&self, within: Duration) -> Result<Split> {
        let until = Instant::now() + within;
        match self.asking.try_lock_until(until) {
            Some(asking) => self.ask_redis(&asking, until),
            None => Err(unanswered()),
        }
    }

    fn look_up(&self, within: Duration) -> Result<Split> {
        if let Some(Split::Into(partitions)) = self.known() {
            return Ok(Split::Into(partitions));
        }
        let until = Instant::now() + within;
        match self.run(until, |wire| known_partitions(wire, &self.keys)) {
            Ok(Some(partitions)) => {
                self.learn(Split::Into(partitions));
                Ok(Split::Into(partitions))
            }
            Ok(None) => Ok(Split::Whole),
            Err(e) if e.kind() == ErrorKind::PermissionDenied => Ok(Split::Whole),
            Err(e) => Err(e),
        }
    }

    /// Stores the number of partitions with the stream, unless it is known to be there.
    ///
    /// # Errors
    ///
    /// `Config` if the stream has another number, or is used without partitions; `InUse`
    /// if members of an older version live; otherwise as [`ask`](Self::ask).
    pub(crate) fn declare(&self, partitions: Partitions, until: Instant) -> Result<Split> {
        if self.known() == Some(Split::Into(partitions)) {
            return Ok(Split::Into(partitions));
        }
        let Some(_asking) = self.asking.try_lock_until(until) else {
            return Err(self.failed.lock().clone().unwrap_or_else(unanswered));
        };
        self.run(until, |wire| self.declare_on(wire, partitions))
    }

    /// As [`declare`](Self::declare), on a connection to the server of the stem.
    fn declare_on(&self, wire: &mut Wire, partitions: Partitions) -> Result<Split> {
        let noted = declare_partitions(wire, &self.keys, partitions)?;
        self.learn(Split::Into(noted));
        if noted == partitions {
            return Ok(Split::Into(noted));
        }
        Err(Error::new(
            ErrorKind::Config,
            format!(
                "`partitions` is {}, but `{}` has {noted}: the number never changes, since messages \
                 of one key would go to two partitions; use {noted}, or leave it out",
                partitions.count(),
                Shown(self.keys.stream()),
                noted = noted.count()
            ),
        ))
    }

    /// Counts entries of a partitioned stream outside of its partitions, and warns of
    /// them once. A program that doesn't know of the partitions has added them.
    pub(crate) fn look_outside(&self, within: Duration) -> Result<u64> {
        let until = Instant::now() + within;
        let outside = self.run(until, |wire| outside_of_partitions(wire, &self.keys))?;
        let stream = self.keys.stream();
        if outside == 0 {
            self.outside.ends();
        } else if self.outside.begins(&Error::new(ErrorKind::Config, stream)) {
            log::warn!(
                "{outside} entries are in `{stream}` itself, which has partitions, so no \
                 consumer of this library reads them: a program that doesn't know of the partitions \
                 has added them; stop it, and add the entries again"
            );
        }
        Ok(outside)
    }

    fn ask_redis(&self, asking: &Asking, until: Instant) -> Result<Split> {
        self.run(until, |wire| self.read(wire, asking.wish))
    }

    /// As [`ask`](Self::ask), on a connection to the server of the stem.
    pub(crate) fn ask_on(&self, wire: &mut Wire) -> Result<Split> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let wish = self.asking.lock().wish;
        self.read(wire, wish)
    }

    fn read(&self, wire: &mut Wire, wish: Option<Partitions>) -> Result<Split> {
        let found = match known_partitions(wire, &self.keys) {
            Ok(found) => found,
            Err(e) if e.kind() == ErrorKind::PermissionDenied && self.known().is_none() => {
                log::info!(
                    "can't read whether `{}` has partitions, so it is used without: {}",
                    self.keys.stream(),
                    with_causes(&e)
                );
                None
            }
            Err(e) => return Err(e),
        };
        let split = match (found, self.known(), wish) {
            (Some(partitions), ..) => Split::Into(partitions),
            // Redis has lost the number, or doesn't have it yet.
            (None, Some(Split::Into(partitions)), _) => {
                Split::Into(declare_partitions(wire, &self.keys, partitions)?)
            }
            (None, _, Some(wish)) => match declare_partitions(wire, &self.keys, wish) {
                Ok(noted) => Split::Into(noted),
                // The producer that wants the number gets the error.
                Err(e) if matches!(e.kind(), ErrorKind::Config | ErrorKind::InUse) => Split::Whole,
                Err(e) => return Err(e),
            },
            (None, ..) => Split::Whole,
        };
        self.learn(split);
        Ok(split)
    }

    fn learn(&self, split: Split) {
        let known = match split {
            Split::Whole => WHOLE,
            Split::Into(partitions) => partitions.count().into(),
        };
        let before = self.known.swap(known, Ordering::Relaxed);
        *self.failed.lock() = None;
        if before == known || before == UNKNOWN {
            return;
        }
        let stream = self.keys.stream();
        if before == WHOLE {
            log::info!("`{stream}` has {known} partitions from now on");
        } else {
            log::warn!(
                "`{stream}` has {known} partitions now, in place of {before}: it was deleted and \
                 made again"
            );
        }
    }

    /// Runs a request on the server of the stem. Running it twice does no harm.
    fn run<T>(
        &self,
        until: Instant,
        mut operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let mut tries = 0;
        loop {
            tries += 1;
            let left = until.saturating_duration_since(Instant::now());
            let key = self.keys.stream().as_bytes();
            let answer = self.topology.run(key, left, |wire| {
                wire.answer_by(until);
                operation(wire)
            });
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let is_lost = error.kind() == ErrorKind::OutcomeUnknown;
            if is_lost && tries < TRIES && Instant::now() < until {
                continue;
            }
            // No message of the caller was sent.
            let error = if is_lost {
                error.of_kind(ErrorKind::Unavailable)
            } else {
                error
            };
            *self.failed.lock() = Some(error.clone());
            return Err(error);
        }
    }
}

/// The split of a producer's stream, with the number that the producer wants.
#[derive(Debug, Clone)]
pub(crate) struct WantedSplit {
    known: Arc<KnownSplit>,
    wanted: Option<Partitions>,
}

impl WantedSplit {
    pub(crate) fn new(known: Arc<KnownSplit>, wanted: Option<Partitions>) -> Self {
        Self { known, wanted }
    }

    /// Makes other requests for the same stream store the wanted number.
    pub(crate) fn wish(&self) {
        if let Some(partitions) = self.wanted {
            self.known.wish(partitions);
        }
    }

    /// The known split, without a request; `None` if Redis has to be asked.
    pub(crate) fn now(&self) -> Option<Split> {
        let known = self.known.known()?;
        match self.wanted {
            Some(wanted) if known != Split::Into(wanted) => None,
            _ => Some(known),
        }
    }

    /// The known split; if there is none, asks Redis, and stores the wanted number.
    ///
    /// # Blocking
    ///
    /// Until `until`.
    ///
    /// # Errors
    ///
    /// As [`KnownSplit::ask`] and [`KnownSplit::declare`].
    pub(crate) fn by(&self, until: Instant) -> Result<Split> {
        match (self.now(), self.wanted) {
            (Some(known), _) => Ok(known),
            (None, Some(wanted)) => self.known.declare(wanted, until),
            (None, None) => self.known.ask(until),
        }
    }

    /// As [`by`](Self::by), on a connection to the server of the stem.
    pub(crate) fn on(&self, wire: &mut Wire) -> Result<Split> {
        match (self.now(), self.wanted) {
            (Some(known), _) => Ok(known),
            (None, Some(wanted)) => self.known.declare_on(wire, wanted),
            (None, None) => self.known.ask_on(wire),
        }
    }
}

fn unanswered() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "Redis has not said in time how many partitions the stream has",
    )
}
