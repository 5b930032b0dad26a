//! The counts, events and hooks by which a member tells of its entries.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::chronicle::Chronicle;
use super::failure_log::Fate;
use super::settle::{Action, Unsettled};
use super::state::Member;
use crate::command::StreamEventKind;
use crate::config::event::Completed;
use crate::runtime::nanos;

impl Member {
    /// Notes the running time of a successful handler, for the hooks. It is noted before
    /// the entry is done, so that it is told with the entry.
    pub(crate) fn handled(&self, time: Duration) {
        if self.config.events.are_set() {
            self.handler_nanos.fetch_add(nanos(time), Ordering::Relaxed);
        }
    }

    /// Tells the hooks how many entries were acknowledged.
    pub(crate) fn tell_completed(&self, entries: usize) {
        if entries > 0 && self.config.events.are_set() {
            let nanos = self.handler_nanos.swap(0, Ordering::Relaxed);
            self.config.events.tell(|e| {
                e.completed(&Completed {
                    stream: self.declared_stream(),
                    group: self.group.name(),
                    consumer: &self.name,
                    entries,
                    handler_time: Duration::from_nanos(nanos),
                });
            });
        }
    }

    /// The events that this member is to write: those of a partitioned stream are written
    /// at the stem.
    pub(crate) fn own_chronicle(&self) -> Option<&Chronicle> {
        self.partition.is_none().then_some(&self.common.chronicle)
    }

    /// Notes something that happened, for the event stream.
    pub(crate) fn note(&self, kind: StreamEventKind, count: u64, text: &str) {
        self.note_about(None, kind, count, text);
    }

    /// As [`note`](Self::note), about another consumer if one is named.
    pub(crate) fn note_about(
        &self,
        consumer: Option<&str>,
        kind: StreamEventKind,
        count: u64,
        text: &str,
    ) {
        if self.common.chronicle.note(kind, count, text, consumer) {
            self.common.alarm.ring();
            self.bells.keeper.ring();
        }
    }

    /// Logs an entry that was to be buried, and its last delivery.
    pub(crate) fn tell_end(&self, entry: &Unsettled, fate: Fate) {
        let Action::Bury {
            reason,
            text,
            is_told,
            ..
        } = &entry.action
        else {
            return;
        };
        // A burial is told in any case, another end only if the failure isn't logged yet.
        if is_told.replace(true) && fate != Fate::Buried {
            return;
        }
        let (id, attempt) = (entry.held.id(entry.index), entry.held.attempt(entry.index));
        self.failure_log.ended(id, attempt, *reason, fate, text);
    }
}
