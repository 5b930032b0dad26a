//! The routes of a spool's messages into Redis: one, or one for each partition.
//!
//! A message gets its partition when it is sent, by its key, or by its number if it has
//! none: so a message that is sent again goes to the same partition, which knows its
//! number. Each partition keeps a mark of its own.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::command::Encoded;
use crate::config::named_backup_of_partitions;
use crate::error::Result;
use crate::partition::{Partitions, partition_of};
use crate::producer::capacity::Capacities;
use crate::producer::spool::{Sequence, Spool};
use crate::producer::spooled::route::Route;
use crate::split::WantedSplit;

/// All routes of one producer.
#[derive(Debug)]
pub(super) struct Routes {
    whole: Arc<Route>,
    split: WantedSplit,
    capacities: Arc<Capacities>,
    parts: Mutex<Option<Arc<RouteParts>>>,
}

/// The routes to all partitions, in order.
#[derive(Debug)]
pub(super) struct RouteParts {
    partitions: Partitions,
    routes: Vec<Arc<Route>>,
}

impl Routes {
    pub(super) fn new(whole: Route, split: WantedSplit, capacities: &Arc<Capacities>) -> Self {
        Self {
            whole: Arc::new(whole),
            split,
            capacities: Arc::clone(capacities),
            parts: Mutex::default(),
        }
    }

    /// The route to the stream itself.
    pub(super) fn whole(&self) -> &Arc<Route> {
        &self.whole
    }

    /// The routes to the partitions; `None` if the stream has none.
    ///
    /// # Blocking
    ///
    /// Until `until`, if Redis has to be asked.
    ///
    /// # Errors
    ///
    /// As [`WantedSplit::by`]; `Config` for a backup stream with a name of its own if
    /// there are partitions.
    pub(super) fn parts_by(&self, until: Instant) -> Result<Option<Arc<RouteParts>>> {
        let Some(partitions) = self.split.by(until)?.partitions() else {
            return Ok(None);
        };
        let config = &self.whole.config;
        if let Some(name) = &config.backup_stream
            && *name != self.whole.stem().backup()
        {
            return Err(named_backup_of_partitions(name));
        }
        let mut place = self.parts.lock();
        if let Some(parts) = place.as_ref().filter(|p| p.partitions == partitions) {
            return Ok(Some(Arc::clone(parts)));
        }
        let route = |n| Arc::new(self.whole.of_partition(n, self.capacities.of_partition(n)));
        let parts = Arc::new(RouteParts {
            partitions,
            routes: partitions.all().map(route).collect(),
        });
        *place = Some(Arc::clone(&parts));
        Ok(Some(parts))
    }

    /// Removes the marks of an empty spool that sends no more. If one server can't be
    /// asked, the others aren't: the marks lapse.
    pub(super) fn forget(&self, spool: &Spool) {
        let parts = self.parts.lock().clone();
        let parts = parts.iter().flat_map(|parts| &parts.routes);
        let mut all = std::iter::once(&self.whole).chain(parts);
        all.all(|route| route.forget(spool));
    }
}

impl RouteParts {
    /// The route of one message.
    pub(super) fn of(&self, number: Sequence, message: &Encoded<'_>) -> Option<&Arc<Route>> {
        let hash = message.hash().unwrap_or_else(|| number.turn());
        let partition = partition_of(hash, self.partitions);
        self.routes.get(usize::from(partition))
    }

    pub(super) fn first(&self) -> Option<&Arc<Route>> {
        self.routes.first()
    }
}
