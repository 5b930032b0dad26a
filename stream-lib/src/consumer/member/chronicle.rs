//! The events of a consumer on their way into the event stream beside the stream, which
//! people read later.
//!
//! Any thread may note one. The consumer's keeper, or the task that owns its partitions,
//! writes them: at most one a second of each kind, with a count of those noted meanwhile.
//! So a quiet consumer sends no requests, and a busy one few. Nothing waits for them or
//! depends on them: if Redis refuses one, that is logged once, and no more are written.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::{NewEvent, StreamEventKind, add_event};
use crate::connection::Wire;
use crate::error::{ErrorKind, Result, with_causes};
use crate::keys::StreamKeys;

/// How long the events of one kind are collected at least.
const TOGETHER: Duration = Duration::from_secs(1);

/// How long no write is tried after a failure.
const REST: Duration = Duration::from_secs(5);

/// The events that wait to be written.
#[derive(Debug)]
pub(crate) struct Chronicle {
    /// The keys of the stem.
    keys: StreamKeys,
    group: String,
    consumer: String,
    state: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    kinds: Vec<Slot>,
    /// Nothing is written before this time.
    rests_until: Option<Instant>,
    /// Whether Redis has refused them: nothing is noted any more.
    is_refused: bool,
}

/// The events of one kind.
#[derive(Debug)]
struct Slot {
    kind: StreamEventKind,
    /// The number of events to write; 0 for none.
    count: u64,
    /// The text of the last one.
    text: String,
    /// The consumer that it is about, unless it is the reporting one.
    consumer: Option<String>,
    /// When one may be written again.
    due: Instant,
}

impl Chronicle {
    pub(super) fn new(keys: &StreamKeys, group: &str, consumer: &str) -> Self {
        Self {
            keys: keys.clone(),
            group: group.to_owned(),
            consumer: consumer.to_owned(),
            state: Mutex::default(),
        }
    }

    /// Notes something that happened `count` times, to `consumer` if it is another one.
    /// Returns whether the writer has to be told.
    pub(super) fn note(
        &self,
        kind: StreamEventKind,
        count: u64,
        text: &str,
        consumer: Option<&str>,
    ) -> bool {
        self.state.lock().note(kind, count, text, consumer)
    }

    /// When there is something to write.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.state.lock().due()
    }

    /// Writes the events that are due, if any are.
    pub(crate) fn write_due(&self, run: impl FnMut(&mut Write<'_>) -> Result<()>) {
        let now = Instant::now();
        let due = self.state.lock().take(|slot| slot.due <= now, now);
        self.write(due, run);
    }

    /// Writes all events, due or not: these are the last.
    pub(crate) fn write_rest(&self, run: impl FnMut(&mut Write<'_>) -> Result<()>) {
        let rest = self.state.lock().take(|_| true, Instant::now());
        self.write(rest, run);
    }

    /// `run` has a connection, and runs the given write on it.
    fn write(&self, due: Vec<Slot>, mut run: impl FnMut(&mut Write<'_>) -> Result<()>) {
        let mut due = due.into_iter();
        while let Some(slot) = due.next() {
            let event = NewEvent {
                kind: slot.kind,
                group: self.group.clone(),
                consumer: slot
                    .consumer
                    .clone()
                    .unwrap_or_else(|| self.consumer.clone()),
                count: slot.count,
                text: slot.text.clone(),
            };
            let written = run(&mut |wire| add_event(wire, &self.keys, &event));
            let Err(e) = written else {
                continue;
            };
            let mut state = self.state.lock();
            if matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::WrongType) {
                state.is_refused = true;
                drop(state);
                log::warn!(
                    "events of `{}` can't be written to `{}`, so that tools show none of this \
                     consumer; give the right to XADD there, and start it again: {}",
                    self.keys.stream(),
                    self.keys.events(),
                    with_causes(&e)
                );
                return;
            }
            // After an outage, or once there is memory.
            state.rests_until = Some(Instant::now() + REST);
            for slot in std::iter::once(slot).chain(due) {
                state.put_back(slot);
            }
            return;
        }
    }
}

/// Writes one event on a connection.
pub(crate) type Write<'w> = dyn FnMut(&mut Wire) -> Result<()> + 'w;

impl Slots {
    /// Returns whether the writer has to be told.
    fn note(
        &mut self,
        kind: StreamEventKind,
        count: u64,
        text: &str,
        consumer: Option<&str>,
    ) -> bool {
        if self.is_refused || count == 0 {
            return false;
        }
        if !self.kinds.iter().any(|slot| slot.kind == kind) {
            self.kinds.push(Slot {
                kind,
                count: 0,
                text: String::new(),
                consumer: None,
                due: Instant::now(),
            });
        }
        let Some(slot) = self.kinds.iter_mut().find(|slot| slot.kind == kind) else {
            return false;
        };
        let is_first = slot.count == 0;
        slot.count += count;
        if is_first || slot.text != text {
            text.clone_into(&mut slot.text);
        }
        slot.consumer = consumer.map(str::to_owned);
        is_first
    }

    fn due(&self) -> Option<Instant> {
        let waiting = self.kinds.iter().filter(|slot| slot.count > 0);
        let due = waiting.map(|slot| slot.due).min()?;
        Some(self.rests_until.map_or(due, |end| end.max(due)))
    }

    /// Takes the waiting events of the kinds that `is_due` selects.
    fn take(&mut self, is_due: impl Fn(&Slot) -> bool, now: Instant) -> Vec<Slot> {
        if self.rests_until.is_some_and(|end| end > now) {
            return Vec::new();
        }
        self.rests_until = None;
        let waiting = self.kinds.iter_mut();
        let waiting = waiting.filter(|slot| slot.count > 0 && is_due(slot));
        waiting
            .map(|slot| {
                slot.due = now + TOGETHER;
                Slot {
                    kind: slot.kind,
                    count: std::mem::take(&mut slot.count),
                    text: std::mem::take(&mut slot.text),
                    consumer: slot.consumer.take(),
                    due: slot.due,
                }
            })
            .collect()
    }

    /// Events that could not be written are counted with later ones.
    fn put_back(&mut self, back: Slot) {
        if let Some(slot) = self.kinds.iter_mut().find(|slot| slot.kind == back.kind) {
            if slot.count == 0 {
                (slot.text, slot.consumer) = (back.text, back.consumer);
            }
            slot.count += back.count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn chronicle() -> Chronicle {
        let keys = StreamKeys::new("orders").unwrap();
        Chronicle::new(&keys, "g", "me")
    }

    /// The number of events that `write_due` writes.
    fn written(chronicle: &Chronicle) -> usize {
        let mut written = 0;
        chronicle.write_due(|_| {
            written += 1;
            Ok(())
        });
        written
    }

    #[test]
    fn events_of_one_kind_are_written_once_a_second_with_a_count() {
        let chronicle = chronicle();
        assert_eq!(chronicle.due(), None);
        for _ in 0..130_000 {
            chronicle.note(StreamEventKind::Buried, 1, "permanent", None);
        }
        chronicle.note(StreamEventKind::TakenOver, 7, "", None);
        assert_eq!(chronicle.state.lock().kinds[0].count, 130_000);
        assert!(chronicle.due().is_some_and(|due| due <= Instant::now()));
        assert_eq!(written(&chronicle), 2);
        assert_eq!(chronicle.due(), None);
        chronicle.note(StreamEventKind::Buried, 1, "permanent", None);
        let due = chronicle.due().unwrap();
        assert!(due <= Instant::now() + TOGETHER);
        let taken = |now| {
            chronicle
                .state
                .lock()
                .take(|slot| slot.due <= now, now)
                .len()
        };
        if Instant::now() < due {
            assert_eq!(taken(due.checked_sub(TOGETHER / 2).unwrap()), 0);
        }
        assert_eq!(taken(due), 1);
    }

    #[test]
    fn events_wait_through_an_outage_and_are_given_up_without_the_right() {
        let chronicle = chronicle();
        let mut tries = 0;
        let mut fail = |kind| {
            chronicle.write_rest(|_| {
                tries += 1;
                Err(Error::new(kind, "no"))
            });
        };
        chronicle.note(StreamEventKind::Buried, 3, "permanent", None);
        fail(ErrorKind::Unavailable);
        chronicle.note(StreamEventKind::Buried, 2, "crashed", None);
        fail(ErrorKind::Unavailable);
        assert!(chronicle.due().is_some_and(|due| due > Instant::now()));
        let later = Instant::now() + REST;
        let all = chronicle.state.lock().take(|_| true, later);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].count, &*all[0].text), (5, "crashed"));
        chronicle.note(StreamEventKind::Buried, 1, "permanent", None);
        let mut fail = |kind| {
            chronicle.write_rest(|_| {
                tries += 1;
                Err(Error::new(kind, "no"))
            });
        };
        fail(ErrorKind::PermissionDenied);
        assert_eq!(tries, 2, "none while it rests");
        chronicle.note(StreamEventKind::Buried, 1, "permanent", None);
        assert_eq!(chronicle.due(), None);
    }
}
