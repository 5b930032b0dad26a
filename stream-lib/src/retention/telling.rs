//! The log lines and events of the thread that cleans streams.

use std::time::{Duration, Instant};

use super::engine::with_all_groups;
use super::gone::sweep;
use super::report::BlockedStream;
use super::schedule::Task;
use super::standing::{Listed, StandingGroup};
use super::told::Told;
use super::worker::{Held, Outcome, WAIT, Worker};
use crate::command::{NewEvent, Sight, StreamEventKind, tell_event};
use crate::connection::Wire;
use crate::error::{Error, Result, with_causes};
use crate::keys::StreamKeys;

impl Worker {
    pub(super) fn done(&self, task: &Task, outcome: &Outcome) {
        let stream = task.keys.stream();
        let (mut works_again, mut trimmed_again) = (false, false);
        if let Some(tended) = self.schedule.lock().done(task, outcome.wait) {
            let told = &mut tended.told;
            works_again = told.failure.ends();
            trimmed_again = matches!(outcome.held, Held::Nothing) && told.blocked.ends();
        }
        // No lock is held here, since a logger may add to a stream.
        if works_again {
            log::warn!("`{stream}` is cleaned again");
        }
        if trimmed_again {
            log::info!("`{stream}` can be trimmed again");
        }
    }

    /// Names the groups that keep a stream from being trimmed, each with the time for
    /// which it has stood still: when there is a new one, and each hour.
    pub(super) fn tell_of_blocking(
        &self,
        wire: &mut Wire,
        keys: &StreamKeys,
        sight: &Sight,
    ) -> Result<Held> {
        // A group that moves on between two runs doesn't stand still.
        let patience = sight.settings.cleanup_interval * 3 / 4;
        let Some(mut blocked) = BlockedStream::left(keys.stream(), sight) else {
            return Ok(Held::Nothing);
        };
        // Checking that all of them hold entries back takes one request for each.
        let stands =
            |since: u64| Duration::from_millis(sight.now.saturating_sub(since)) >= patience;
        let groups = sight.groups.iter();
        let groups = groups.filter(|group| !group.is_left_out && stands(group.since));
        let names: Vec<_> = groups.map(|group| group.group.clone()).collect();
        let is_due = blocked.standing >= patience
            && self.told(keys.stream(), |told| {
                told.blocked.is_due(&names, Instant::now())
            });
        if is_due {
            blocked = with_all_groups(wire, keys, sight, blocked).inspect_err(|_| {
                // The next run tells of them.
                self.told(keys.stream(), |told| told.blocked.ends());
            })?;
            blocked.groups.retain(|group| group.standing >= patience);
            log::warn!("{blocked}");
            self.tell_event(wire, keys, &blocked);
        }
        Ok(Held::ByGroups)
    }

    /// Records in the events of the stream that groups keep it from being trimmed. The
    /// events of a partition are kept at the stem.
    fn tell_event(&self, wire: &mut Wire, keys: &StreamKeys, blocked: &BlockedStream) {
        let event = NewEvent {
            kind: StreamEventKind::RetentionBlocked,
            group: blocked.group.clone().unwrap_or_default(),
            consumer: String::new(),
            count: 1,
            text: blocked.to_string(),
        };
        let stem = self.schedule.lock().stem_of(keys);
        let Some(stem) = stem else {
            return tell_event(wire, keys, &event);
        };
        let told = self.topology.run(stem.stream().as_bytes(), WAIT, |wire| {
            tell_event(wire, &stem, &event);
            Ok(())
        });
        if let Err(e) = told {
            log::debug!("recording a blocked retention failed: {}", with_causes(&e));
        }
    }

    /// Names the groups that retention leaves out: when there is a new one, and each
    /// hour.
    pub(super) fn tell_of_left_out(&self, stream: &str, sight: &Sight) {
        let groups = StandingGroup::left_out(sight);
        let names: Vec<_> = groups.iter().map(|group| group.group.clone()).collect();
        if names.is_empty() {
            if self.told(stream, |told| told.left_out.ends()) {
                log::info!("no group of `{stream}` is left out by retention any more");
            }
        } else if self.told(stream, |told| told.left_out.is_due(&names, Instant::now())) {
            log::warn!(
                "retention of `{stream}` leaves out groups that stand still for longer than \
                 {:?} (`ignore_groups_idle_for`), so entries are removed that they have not \
                 handled: {}",
                sight.settings.ignore_groups_idle_for,
                Listed(&groups)
            );
        }
    }

    /// Removes the traces of groups that are gone. A failure doesn't stop the cleanup.
    pub(super) fn sweep(&self, wire: &mut Wire, keys: &StreamKeys, sight: &Sight) {
        let stream = keys.stream();
        let names = sight.groups.iter().map(|group| group.group.clone());
        let is_due = self.schedule.lock().sweep_is_due(stream, names.collect());
        if !is_due {
            return;
        }
        let Err(e) = sweep(wire, keys, sight) else {
            return;
        };
        self.schedule.lock().sweep_again(stream);
        if self.told(stream, |told| told.sweeping.begins(&e)) && !self.stop.is_set() {
            log::warn!(
                "removing the traces of destroyed groups of `{stream}` failed: {}",
                with_causes(&e)
            );
        }
    }

    /// Reads or changes the record of logged troubles. False for a stream that is not
    /// looked after any more.
    fn told(&self, stream: &str, ask: impl FnOnce(&mut Told) -> bool) -> bool {
        self.schedule.lock().told(stream).is_some_and(ask)
    }

    pub(super) fn failed(&self, task: &Task, error: &Error) {
        let is_news = self
            .schedule
            .lock()
            .failed(task)
            .is_some_and(|tended| tended.told.failure.begins(error));
        if is_news && !self.stop.is_set() {
            log::warn!(
                "cleaning `{}` failed and will be retried: {}",
                task.keys.stream(),
                with_causes(error)
            );
        }
    }
}
