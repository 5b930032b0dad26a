//! Names to producers and consumers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::consumer::Consumer;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::producer::ProducerCore;

/// The producers and consumers of a manager, by name.
#[derive(Debug, Default)]
pub(super) struct NameRegistry {
    pub(super) producers: Named<Arc<ProducerCore>>,
    pub(super) consumers: Named<Consumer>,
    /// Producers that `add` made where none was registered, by stream.
    pub(super) defaults: BTreeMap<String, Arc<ProducerCore>>,
    pub(super) closed: bool,
}

impl NameRegistry {
    /// Fails with `Closed` after a shutdown.
    pub(super) fn ensure_open(&self) -> Result<()> {
        if self.closed {
            return Err(Error::new(ErrorKind::Closed, "the manager was shut down"));
        }
        Ok(())
    }

    /// Registers a producer. It replaces the one that `add` made for its stream.
    pub(super) fn register(&mut self, name: &str, producer: &Arc<ProducerCore>) -> Result<()> {
        self.ensure_open()?;
        self.producers
            .insert("producer", name, Arc::clone(producer))?;
        self.defaults.remove(producer.stream());
        Ok(())
    }

    /// The keys of a stream as its producer has them: a backup stream may have
    /// a name of its own.
    pub(super) fn keys_of(&self, stream: &str) -> Option<StreamKeys> {
        let producers = self.producers.0.values();
        let chosen = producers
            .filter(|p| p.stream() == stream)
            .max_by_key(|p| p.is_backup());
        chosen.map(|p| p.keys().clone())
    }

    /// The one producer registered for a stream; none is `Ok(None)`.
    pub(super) fn producer_for(&self, stream: &str) -> Result<Option<Arc<ProducerCore>>> {
        let mut found = self
            .producers
            .0
            .iter()
            .filter(|(_, p)| p.stream() == stream);
        match (found.next(), found.next()) {
            (None, _) => Ok(self.defaults.get(stream).cloned()),
            (Some((_, producer)), None) => Ok(Some(Arc::clone(producer))),
            (Some((one, _)), Some((other, _))) => Err(Error::new(
                ErrorKind::Ambiguous,
                format!(
                    "several producers add to `{stream}`: `{one}` and `{other}`; \
                     say which with `add_to`"
                ),
            )),
        }
    }
}

/// Things of one kind, each under a name of its own.
#[derive(Debug)]
pub(super) struct Named<T>(BTreeMap<String, T>);

impl<T: Clone> Named<T> {
    pub(super) fn insert(&mut self, what: &str, name: &str, thing: T) -> Result<()> {
        if name.is_empty() {
            let text = format!("the name of a {what} is empty");
            return Err(Error::new(ErrorKind::Config, text));
        }
        if self.0.contains_key(name) {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("there is a {what} named `{name}` already; remove it first"),
            ));
        }
        self.0.insert(name.to_owned(), thing);
        Ok(())
    }

    pub(super) fn get(&self, what: &str, name: &str) -> Result<T> {
        self.0
            .get(name)
            .cloned()
            .ok_or_else(|| self.not_found(what, name))
    }

    pub(super) fn remove(&mut self, what: &str, name: &str) -> Result<T> {
        let found = self.0.remove(name);
        found.ok_or_else(|| self.not_found(what, name))
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<T> {
        self.0.values().cloned().collect()
    }

    fn not_found(&self, what: &str, name: &str) -> Error {
        let known = if self.0.is_empty() {
            format!("no {what} has been created")
        } else {
            format!("known: {}", Listed(&self.0))
        };
        Error::new(
            ErrorKind::NotFound,
            format!("there is no {what} named `{name}` ({known})"),
        )
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

struct Listed<'a, T>(&'a BTreeMap<String, T>);

impl<T> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.keys().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}`{name}`")?;
        }
        Ok(())
    }
}
