//! Producers and consumers by their names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::consumer::Consumer;
use crate::error::{Error, ErrorKind, Result, Shown};
use crate::keys::StreamKeys;
use crate::metrics::Metrics;
use crate::producer::{ProducerCore, ProducerHandle};

/// The producers and consumers of a manager, by name.
#[derive(Debug, Default)]
pub(super) struct NameRegistry {
    pub(super) producers: Named<Arc<ProducerCore>>,
    pub(super) consumers: Named<Consumer>,
    /// Producers that `add` made for streams without a registered one, by stream.
    pub(super) defaults: BTreeMap<String, Arc<ProducerCore>>,
    /// Whether `add` fails rather than make one.
    pub(super) no_defaults: bool,
    /// Nothing new is created: the shutdown has begun.
    pub(super) closed: bool,
    /// Nothing is added any more: the last handler has ended.
    pub(super) sealed: bool,
    /// The longest grace of any consumer so far.
    pub(super) longest_grace: Duration,
}

impl NameRegistry {
    /// Fails with `Closed` after a shutdown has begun.
    pub(super) fn ensure_open(&self) -> Result<()> {
        open_unless(self.closed)
    }

    /// Fails with `Closed` after the last handler has ended: handlers that still run
    /// during a shutdown may add.
    pub(super) fn ensure_adds(&self) -> Result<()> {
        open_unless(self.sealed)
    }

    pub(super) fn all_producers(&self) -> Vec<Arc<ProducerCore>> {
        let mut producers = self.producers.all();
        producers.extend(self.defaults.values().cloned());
        producers
    }

    /// Registers a producer, in place of the default producer of its stream.
    pub(super) fn register(&mut self, name: &str, producer: &Arc<ProducerCore>) -> Result<()> {
        self.ensure_open()?;
        self.producers
            .insert("producer", name, Arc::clone(producer))?;
        self.defaults.remove(producer.stream());
        Ok(())
    }

    /// The keys of a stream as its producer has them: its backup stream may have a name
    /// of its own.
    pub(super) fn keys_of(&self, stream: &str) -> Option<StreamKeys> {
        let producers = self.producers.0.values();
        let chosen = producers
            .filter(|p| p.stream() == stream)
            .max_by_key(|p| p.is_backup());
        chosen.map(|p| p.keys().clone())
    }

    /// All producers, the default ones last.
    pub(super) fn handles(&self) -> Vec<ProducerHandle> {
        let named = self.producers.0.iter();
        let named = named.map(|(name, p)| (p, Some(name.clone())));
        let defaults = self.defaults.values().map(|p| (p, None));
        let all = named.chain(defaults);
        all.map(|(producer, name)| ProducerHandle::new(Arc::clone(producer), name))
            .collect()
    }

    /// The metrics of all producers and consumers.
    pub(super) fn metrics(&self) -> Metrics {
        let named = self.producers.iter();
        let named = named.map(|(name, producer)| producer.metrics(Some(name)));
        let defaults = self.defaults.values();
        let defaults = defaults.map(|producer| producer.metrics(None));
        let consumers = self.consumers.iter();
        let consumers = consumers.map(|(name, consumer)| consumer.metrics(name));
        Metrics {
            producers: named.chain(defaults).collect(),
            consumers: consumers.collect(),
        }
    }

    /// The producer of a stream, registered or default; `Ok(None)` if there is none and a
    /// default one may be made.
    pub(super) fn producer_for(&self, stream: &str) -> Result<Option<Arc<ProducerCore>>> {
        let mut found = self
            .producers
            .0
            .iter()
            .filter(|(_, p)| p.stream() == stream);
        match (found.next(), found.next()) {
            (None, _) if self.no_defaults => Err(self.none_for(stream)),
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

impl NameRegistry {
    /// The kind and name of a consumer or producer that is registered for a stream.
    pub(super) fn user_of(&self, stream: &str) -> Option<String> {
        let consumer = self.consumers.0.iter().find(|(_, c)| c.stream() == stream);
        let consumer = consumer.map(|(name, _)| format!("consumer `{}`", Shown(name)));
        consumer.or_else(|| {
            let producer = self.producers.0.iter().find(|(_, p)| p.stream() == stream);
            producer.map(|(name, _)| format!("producer `{}`", Shown(name)))
        })
    }

    /// The names of the producers, for an error or a log line.
    pub(super) fn known_producers(&self) -> String {
        self.producers.known("producer")
    }

    fn none_for(&self, stream: &str) -> Error {
        Error::new(
            ErrorKind::NotFound,
            format!(
                "no producer adds to `{}` ({}), and `require_producers` forbids a default one: \
                 create one with `create_simple_producer` or `create_backup_producer`",
                stream,
                self.known_producers()
            ),
        )
    }
}

fn open_unless(closed: bool) -> Result<()> {
    if closed {
        return Err(Error::new(ErrorKind::Closed, "the manager was shut down"));
    }
    Ok(())
}

/// Things of one kind, by name.
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
                format!(
                    "there is a {what} named `{}` already; remove it first",
                    Shown(name)
                ),
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

    /// All of them with their names, in the order of the names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, thing)| (name.as_str(), thing))
    }

    pub(super) fn all(&self) -> Vec<T> {
        self.0.values().cloned().collect()
    }

    fn not_found(&self, what: &str, name: &str) -> Error {
        let known = self.known(what);
        Error::new(
            ErrorKind::NotFound,
            format!("there is no {what} named `{}` ({known})", Shown(name)),
        )
    }

    fn known(&self, what: &str) -> String {
        if self.0.is_empty() {
            format!("no {what} has been created")
        } else {
            format!("known: {}", Listed(&self.0))
        }
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
            write!(f, "{comma}`{}`", Shown(name))?;
        }
        Ok(())
    }
}
