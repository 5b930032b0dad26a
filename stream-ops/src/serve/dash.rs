//! The state that all requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use stream_lib::{DeadKind, EntryId};

use super::access::Names;
use super::cache::Cache;
use super::change::{Pending, Told, Works};
use super::page::{Model, Rich};
use super::settings::Settings;
use super::view::{Event, Retention, StreamSchedules, Window};
use crate::assess::Problems;
use crate::observe::Poller;
use crate::server::Redis;

/// The model of a page and its facts as JSON, or the reason why there is none.
pub(crate) type Loaded = Arc<Result<(Model, serde_json::Value), Missing>>;

/// The reason why there is no page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Missing {
    /// The first look has not ended.
    NotYet,
    /// The stream, group or message doesn't exist.
    None(Rich),
    /// Redis can't be read.
    Failed(String),
}

/// The kinds of the dead letters of a stream, and the ids of those of the last hours.
pub(crate) type Kinds = Result<Arc<Vec<(DeadKind, Vec<EntryId>)>>, String>;

/// The schedules of all streams, and the number of streams left out.
pub(crate) type Schedules = Result<Arc<(Vec<StreamSchedules>, usize)>, String>;

/// The state that all requests share.
#[derive(Debug)]
pub(crate) struct Dash {
    pub(crate) redis: Redis,
    pub(crate) poller: Poller,
    /// The problems that have ended, by all looks.
    pub(crate) problems: Arc<Mutex<Problems>>,
    pub(crate) settings: Settings,
    pub(crate) names: Names,
    /// Pages, each made once for all simultaneous viewers.
    pub(crate) pages: Cache<Loaded>,
    pub(crate) kinds: Cache<Kinds>,
    pub(crate) windows: Cache<Result<Window, String>>,
    pub(crate) retention: Cache<Result<Retention, String>>,
    pub(crate) schedules: Cache<Schedules>,
    pub(crate) events: Cache<Arc<Vec<Event>>>,
    pub(crate) pending: Pending,
    pub(crate) told_of: Told,
    pub(crate) works: Works,
    answered: AtomicU64,
    read: AtomicU64,
}

impl Dash {
    pub(crate) fn new(
        redis: Redis,
        (poller, problems): (Poller, Arc<Mutex<Problems>>),
        settings: Settings,
        names: Names,
    ) -> Self {
        Self {
            redis,
            poller,
            problems,
            settings,
            names,
            pages: Cache::new(Duration::from_millis(1_500)),
            kinds: Cache::new(Duration::from_secs(5)),
            windows: Cache::new(Duration::from_secs(5)),
            retention: Cache::new(Duration::from_secs(30)),
            schedules: Cache::new(Duration::from_secs(5)),
            events: Cache::new(Duration::from_secs(3)),
            pending: Pending::default(),
            told_of: Told::default(),
            works: Works::default(),
            answered: AtomicU64::new(0),
            read: AtomicU64::new(0),
        }
    }

    pub(crate) fn count_answer(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_read(&self) {
        self.read.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of answered pages, and of those of them that were made for it.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (
            self.answered.load(Ordering::Relaxed),
            self.read.load(Ordering::Relaxed),
        )
    }

    /// The result of the change that led to a page.
    pub(crate) fn told(&self, key: &str) -> Option<Rich> {
        self.told_of.read(key)
    }

    /// Clears the caches after a change.
    pub(crate) fn forget(&self) {
        self.pages.clear();
        self.kinds.clear();
        self.windows.clear();
        self.retention.clear();
        self.schedules.clear();
        self.events.clear();
    }
}
