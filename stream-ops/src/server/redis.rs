//! The connection to a server, or to a cluster.

use std::fmt;
use std::sync::Arc;

use stream_lib::{Answer, ConnectionConfig, Error, Result, StreamManager};

use super::answered::Answered;
use super::meter::Meter;
use super::slot::key_in_slot;
use super::words::{Request, request};
use crate::words::shown;

/// A master, and a key that leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Master {
    /// Its address in the cluster; without a cluster, the address of the connection.
    pub address: String,
    /// A key of one of its slots; empty where there is no cluster.
    pub key: String,
}

/// The Redis under inspection: one server, the master of sentinels, or a cluster.
#[derive(Clone)]
pub struct Redis {
    manager: Arc<StreamManager>,
    address: Arc<str>,
    is_cluster: bool,
    meter: Option<Arc<Meter>>,
}

impl Redis {
    /// Connects.
    ///
    /// # Errors
    ///
    /// As [`StreamManager::connect_with`].
    pub fn connect(config: ConnectionConfig) -> Result<Self> {
        let settings = config.settings();
        Ok(Self {
            manager: Arc::new(StreamManager::connect_with(config)?),
            address: settings.address.into(),
            is_cluster: settings.is_cluster,
            meter: None,
        })
    }

    /// The same, with what [`ask`](Self::ask) costs added up.
    #[must_use]
    pub fn metered(&self, meter: Arc<Meter>) -> Self {
        Self {
            meter: Some(meter),
            ..self.clone()
        }
    }

    /// The library's manager of this connection.
    pub fn manager(&self) -> &StreamManager {
        &self.manager
    }

    /// Its address, without a password.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether keys are on several servers.
    pub fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// Sends requests for keys of one slot, in one round trip.
    ///
    /// # Blocking
    ///
    /// For one round trip, within the timeouts of the connection.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](stream_lib::ErrorKind::Unavailable) and the like where Redis can't
    /// be reached. A single request that Redis refuses is answered by [`Answer::Error`].
    pub fn ask(&self, key: &str, requests: &[Request]) -> Result<Vec<Answer>> {
        match &self.meter {
            Some(meter) => meter.ask(requests, |requests| self.manager.ask(key, requests)),
            None => self.manager.ask(key, requests),
        }
    }

    /// Sends one request.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn ask_one(&self, key: &str, request: Request) -> Result<Answer> {
        let answers = self.ask(key, &[request])?;
        Ok(answers.into_iter().next().unwrap_or(Answer::Nil))
    }

    /// As [`ask`](Self::ask), for changes that must not be made twice: no request is sent
    /// again.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask), and
    /// [`OutcomeUnknown`](stream_lib::ErrorKind::OutcomeUnknown) where the connection is
    /// lost before all is answered.
    pub fn tell(&self, key: &str, requests: &[Request]) -> Result<Vec<Answer>> {
        self.manager.tell(key, requests)
    }

    /// All masters; without a cluster, one.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn masters(&self) -> Result<Vec<Master>> {
        let alone = || Master {
            address: self.address.to_string(),
            key: String::new(),
        };
        if !self.is_cluster {
            return Ok(vec![alone()]);
        }
        let slots = self.ask_one("", request(["CLUSTER", "SLOTS"]))?;
        let mut masters: Vec<Master> = Vec::new();
        for range in slots.list() {
            let [first, last, node, ..] = range.list() else {
                continue;
            };
            let part = |at: usize| node.list().get(at);
            let host = part(0).and_then(Answered::text).unwrap_or_default();
            let port = part(1).and_then(Answered::number).unwrap_or_default();
            let address = format!("{host}:{port}");
            let slot = |answer: &Answer| answer.number().and_then(|n| u16::try_from(n).ok());
            if masters.iter().any(|known| known.address == address) {
                continue;
            }
            if let (Some(first), Some(last)) = (slot(first), slot(last))
                && let Some(key) = key_in_slot(first, last)
            {
                masters.push(Master { address, key });
            }
        }
        Ok(masters)
    }

    /// The server's clock, in milliseconds since 1970 (`TIME`).
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn clock(&self) -> Result<u64> {
        let time = self.ask_one("", request(["TIME"]))?;
        Ok(clock_of(&time).unwrap_or_default())
    }
}

/// The answer of `TIME` in milliseconds.
pub(crate) fn clock_of(time: &Answer) -> Option<u64> {
    let [seconds, micros] = time.list() else {
        return None;
    };
    Some(seconds.count()? * 1_000 + micros.count()? / 1_000)
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The text of an error with its causes, in one line that is safe on a terminal: it may
/// have names and values of any program.
pub fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = next.source();
    }
    shown(text.as_bytes())
}
