//! The jobs of a manager that recur.

use std::sync::Arc;

use super::stream_manager::StreamManager;
use crate::command::Extras;
use crate::error::{Result, Shown};
use crate::keys::StreamKeys;
use crate::message::{Routed, StreamMessage};
use crate::schedule::{Cron, Crons, Job};

impl StreamManager {
    /// Adds a message to its type's stream at each time of a schedule, once, however many
    /// processes have the job.
    ///
    /// There is no leader: each process that calls this computes the times, and the first
    /// one adds the message, by the server's clock; while one of them lives, none is
    /// missed. `message` makes the message. Each process calls it for each tick, on a
    /// thread of the library's, though only one of these messages is added: it should be
    /// quick, and change nothing.
    ///
    /// The header `~tick` of the delivery is the time that the message is for, in
    /// milliseconds since 1970, and `~cron` the name of the job;
    /// [`age`](crate::Delivery::age) is how late it is. While the stream's backup stream
    /// holds anything, a tick goes there, behind it.
    ///
    /// A stream with partitions has the job in that of its message's key, else of its name.
    ///
    /// The schedule is kept in Redis. A new or changed one begins now. What becomes of
    /// times at which no process was there, of overlaps, and of old processes during a
    /// deploy, are settings of the [`Cron`].
    ///
    /// # Blocking
    ///
    /// Two round trips, each at most the connect timeout. With a manager that
    /// [connects lazily](Self::connect_lazy) nothing is waited for.
    ///
    /// # Delivery
    ///
    /// A script adds the message and notes the tick, in one step: once for each tick. A
    /// failover may lose both, and the tick comes again.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a time zone, a name or a value that is
    /// out of its bounds, [`AlreadyExists`](crate::ErrorKind::AlreadyExists) where this
    /// manager has a job of this name for the stream,
    /// [`Unavailable`](crate::ErrorKind::Unavailable),
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown),
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied),
    /// [`Refused`](crate::ErrorKind::Refused), [`System`](crate::ErrorKind::System),
    /// [`Closed`](crate::ErrorKind::Closed).
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
            let job = Job::new(keys, name, cron, move |batch| {
                batch.push(&message(), &Extras::NONE)
            })?;
            self.timekeeper.begin_job(job, self.is_lazy)
        });
        begun.map_err(|e| {
            e.while_doing(format_args!(
                "the job `{}` of `{}`",
                Shown(name),
                Shown(stream)
            ))
        })
    }

    /// The jobs of a stream: to look at, to pause, to remove, to run out of turn. Works
    /// for any stream.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a name that no stream has,
    /// [`Closed`](crate::ErrorKind::Closed) in a child that was forked off.
    pub fn crons(&self, stream: &str) -> Result<Crons> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::new(stream)?;
        let local = self.timekeeper.jobs().clone();
        let (topology, splits) = (Arc::clone(&self.topology), Arc::clone(&self.splits));
        Ok(Crons::new(topology, splits, keys, local))
    }
}
