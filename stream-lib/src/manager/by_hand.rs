//! Steps that a test takes by hand: a clock for schedules and jobs, and handlers on its
//! own thread.

use std::time::{SystemTime, UNIX_EPOCH};

use super::stream_manager::StreamManager;
use crate::command::Promotion;
use crate::config::ConsumerConfig;
use crate::connection::Wire;
use crate::consumer::{Delivery, DrainReport, HandlerResult, Inline};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::OwnedMessage;

impl StreamManager {
    /// Moves the scheduled messages of a stream that are due by `time` to the stream now,
    /// as if the server's clock showed that time (feature `test-util`). Returns the
    /// number of moved messages.
    ///
    /// The server's clock stays as it is: a message scheduled afterwards with `after` of
    /// an hour is due an hour from now.
    ///
    /// # Errors
    ///
    /// As [`Scheduled`](crate::Scheduled); [`Full`](crate::ErrorKind::Full) and others if
    /// the stream takes no more.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use stream_lib::test_util::PrivateServer;
    /// use stream_lib::{ConsumerConfig, Cron, StreamManager, StreamMessage};
    ///
    /// #[derive(StreamMessage)]
    /// #[stream(name = "reminders")]
    /// struct Reminder {
    ///     text: String,
    /// }
    ///
    /// let Some(server) = PrivateServer::start_or_skip() else {
    ///     return Ok(()); // no server program here
    /// };
    /// let manager = StreamManager::connect(server.url())?;
    /// let tea = Reminder { text: "tea".to_owned() };
    /// let hour = Duration::from_secs(3_600);
    /// manager.with(&tea).after(hour).add()?;
    /// let daily = Cron::parse("@daily")?;
    /// manager.cron("daily", daily, || Reminder { text: "lunch".to_owned() })?;
    ///
    /// let now = SystemTime::now();
    /// assert_eq!(manager.promote_until("reminders", now + hour / 2)?, 0);
    /// assert_eq!(manager.promote_until("reminders", now + 2 * hour)?, 1);
    /// assert_eq!(manager.tick_until("reminders", now + 48 * hour)?, 2);
    ///
    /// let mut texts = Vec::new();
    /// let config = ConsumerConfig::new("reminders");
    /// let report = manager.drain_now::<Reminder>(config, |reminder| {
    ///     texts.push(reminder.text.clone());
    ///     Ok(())
    /// })?;
    /// assert_eq!(texts, ["tea", "lunch", "lunch"]);
    /// assert_eq!(report.completed, 3);
    /// # drop(manager);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn promote_until(&self, stream: &str, time: SystemTime) -> Result<u64> {
        let mut moved = 0;
        for (_, keys) in self.parts(stream)? {
            let mut promotion = Promotion::new(keys.clone());
            moved += self.by_hand(&keys, |wire| {
                let mut moved = 0;
                loop {
                    let promoted = promotion.step_at(wire, Some(millis(time)))?;
                    moved += promoted.moved;
                    if let Some(refused) = promoted.refused {
                        return Err(refused);
                    }
                    if promoted.next.is_none_or(|next| !next.is_zero()) {
                        return Ok(moved);
                    }
                }
            })?;
        }
        Ok(moved)
    }

    /// Runs the ticks of this manager's jobs of a stream up to `time`, in order, each as
    /// if the server's clock showed its time (feature `test-util`). Returns the number of
    /// added messages.
    ///
    /// After the first call, the jobs of the stream tick in this manager only by calls of
    /// this method. A job begins at the time of its declaration. Every tick up to `time`
    /// runs; none counts as missed.
    ///
    /// # Errors
    ///
    /// As [`Crons`](crate::Crons), and those of a message that can't be made.
    pub fn tick_until(&self, stream: &str, time: SystemTime) -> Result<u64> {
        let mut ticks = 0;
        for job in self.timekeeper.jobs().of(stream) {
            let keys = job.keys();
            ticks += self.by_hand(&keys, |wire| job.tick_until(wire, millis(time)))?;
        }
        Ok(ticks)
    }

    /// Handles the entries of a stream on the calling thread until none is left (feature
    /// `test-util`).
    ///
    /// The group is created if it doesn't exist. Entries are read, acknowledged, retried
    /// and buried in Redis as by any consumer, with two differences: a failed entry is
    /// tried again at once, without its backoff, and a panic of the handler is a panic of
    /// the test. Entries that other consumers hold stay with them.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if a setting is out of its bounds, and those
    /// of Redis.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "reads as the consumers' and producers'"
    )]
    pub fn drain_now<M: OwnedMessage>(
        &self,
        config: ConsumerConfig,
        mut handler: impl FnMut(&Delivery<M>) -> HandlerResult,
    ) -> Result<DrainReport> {
        let mut report = DrainReport::default();
        for (partition, keys) in self.parts(&config.stream)? {
            let inline = Inline::new(&self.topology, config.clone(), keys.clone(), partition)?;
            let drained = self.by_hand(&keys, |wire| inline.drain(wire, &mut handler))?;
            report = report.and(drained);
        }
        Ok(report)
    }

    /// The stream itself, or its partitions.
    fn parts(&self, stream: &str) -> Result<Vec<(Option<u16>, StreamKeys)>> {
        self.origin.ensure_here()?;
        let keys = StreamKeys::new(stream)?;
        Ok(match self.splits.look_up(&keys)?.partitions() {
            None => vec![(None, keys)],
            Some(partitions) => {
                let part = |number| (Some(number), keys.partition(number));
                partitions.all().map(part).collect()
            }
        })
    }

    fn by_hand<T>(
        &self,
        keys: &StreamKeys,
        operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        self.alone(keys, operation)
            .map_err(|e| e.while_doing(format_args!("in the test of `{}`", keys.stream())))
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
