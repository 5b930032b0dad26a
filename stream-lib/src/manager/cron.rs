//! The recurring jobs of a manager.

use std::sync::Arc;

use super::stream_manager::StreamManager;
use crate::command::{Extras, Outgoing};
use crate::error::{Result, Shown};
use crate::keys::StreamKeys;
use crate::message::{Routed, StreamMessage};
use crate::schedule::{Cron, Crons, Job};
use crate::schema_book::Types;

impl StreamManager {
    /// Adds a message to its type's stream at each time of a schedule, once, however many
    /// processes have declared the job.
    ///
    /// There is no leader: each process that calls this computes the times, and the first
    /// one adds the message, by the server's clock; while one of them lives, no time is
    /// missed. `message` makes the message. Each process calls it for each tick, on a
    /// thread of the library, though only one of these messages is added: it should be
    /// quick and have no side effects.
    ///
    /// The header `~tick` of the delivery holds the scheduled time in milliseconds since
    /// 1970, and `~cron` the name of the job; [`age`](crate::Delivery::age) is the delay
    /// since then. While the stream's backup stream isn't empty, a tick goes there,
    /// behind the others.
    ///
    /// In a stream with partitions, the job belongs to the partition of its message's
    /// key, or else of its own name.
    ///
    /// The schedule is kept in Redis. A new or changed schedule begins now. Settings of
    /// the [`Cron`] decide about missed times, overlaps, and older processes during a
    /// deploy.
    ///
    /// # Blocking
    ///
    /// Two round trips, each at most the connect timeout. With a manager that [connects
    /// lazily](Self::connect_lazy) the call doesn't wait.
    ///
    /// # Delivery
    ///
    /// One script adds the message and notes the tick, so each tick adds one message. A
    /// failover may lose both, and then the tick comes again.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a time zone, a name or a value out of its
    /// bounds, [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if this manager has a
    /// job of this name for the stream, [`Unavailable`](crate::ErrorKind::Unavailable)
    /// while Redis can't be reached, [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown)
    /// if the connection is lost before the answer,
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied),
    /// [`Refused`](crate::ErrorKind::Refused) while Redis takes no writes,
    /// [`System`](crate::ErrorKind::System) if no thread can be started,
    /// [`Closed`](crate::ErrorKind::Closed) after the shutdown.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use stream_lib::{Cron, StreamManager, StreamMessage};
    ///
    /// #[derive(StreamMessage)]
    /// #[stream(name = "reports")]
    /// struct Report {
    ///     kind: String,
    /// }
    ///
    /// let manager = StreamManager::connect("redis://127.0.0.1:6379")?;
    /// let nightly = Cron::parse("0 3 * * *")?.zone("Europe/Berlin");
    /// manager.cron("nightly-report", nightly, || Report { kind: "nightly".to_owned() })?;
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn cron<M: StreamMessage + Routed>(
        &self,
        name: &str,
        cron: Cron,
        message: impl Fn() -> M + Send + Sync + 'static,
    ) -> Result<()> {
        self.cron_to(M::STREAM, name, cron, message)
    }

    /// As [`cron`](Self::cron), for a message without a stream of its own.
    ///
    /// # Errors
    ///
    /// As [`cron`](Self::cron).
    pub fn cron_to<M: StreamMessage>(
        &self,
        stream: &str,
        name: &str,
        cron: Cron,
        message: impl Fn() -> M + Send + Sync + 'static,
    ) -> Result<()> {
        self.origin.ensure_here()?;
        self.registry.read().ensure_open()?;
        let begun = StreamKeys::new(stream).and_then(|keys| {
            let types = Types::new(keys.clone(), Some(Arc::clone(&self.book)));
            let make = move |batch: &mut Outgoing| batch.push(&message(), &Extras::NONE);
            let job = Job::new(keys, name, cron, M::SCHEMA, types, make)?;
            self.timekeeper.begin_job(job, self.is_lazy)?;
            self.cleaner.begin();
            Ok(())
        });
        begun.map_err(|e| {
            e.while_doing(format_args!(
                "the job `{}` of `{}`",
                Shown(name),
                Shown(stream)
            ))
        })
    }

    /// The jobs of a stream: listed, paused, removed, or run once now. Works for any
    /// stream.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream can have,
    /// [`Closed`](crate::ErrorKind::Closed) in a forked child.
    pub fn crons(&self, stream: &str) -> Result<Crons> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::new(stream)?;
        let local = self.timekeeper.jobs().clone();
        let (topology, splits) = (Arc::clone(&self.topology), Arc::clone(&self.splits));
        Ok(Crons::new(topology, splits, keys, local))
    }
}
