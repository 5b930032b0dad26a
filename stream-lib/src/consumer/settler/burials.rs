//! Burials, which are kept apart from other requests, since they need memory that Redis
//! may not have.
//!
//! While Redis refuses them, entries stay held, with their leases renewed, and are tried
//! again with backoff. Entries beyond a bound go back to `~waiting` for a while instead,
//! and so do all that are left at the end of the consumer: the delivery whose end could
//! not be written comes once more.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ended::{settle_all, settled};
use crate::command::{self, Burial, DeadBounds, Found, StreamEventKind};
use crate::config::event::{DeadLettered, DeadLettersDropped};
use crate::consumer::member::Member;
use crate::consumer::member::failure_log::Fate;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::settle::{Action, Unsettled};
use crate::error::{ErrorKind, Result, with_causes};
use crate::runtime::{Backoff, Portion, Trouble};

/// Most entries in one script: the server is busy for a millisecond or two.
const CHUNK: usize = 50;
/// Most entries, and bytes of all replies held, while Redis refuses burials.
const MOST_WAITING: usize = 1_000;
const MOST_BYTES: usize = 64 << 20;
/// When entries beyond that come again.
const LATER: Duration = Duration::from_secs(30);

/// Entries that are to be buried, the oldest request first.
pub(super) struct BurialQueue {
    member: Arc<Member>,
    waiting: VecDeque<Unsettled>,
    /// When to try again; set while Redis refuses.
    again_at: Option<Instant>,
    backoff: Backoff,
    /// How many to bury by one request: halving finds a single entry that Redis refuses.
    portion: Portion,
    trouble: Trouble,
}

impl BurialQueue {
    pub(super) fn new(member: &Arc<Member>) -> Self {
        Self {
            member: Arc::clone(member),
            waiting: VecDeque::new(),
            again_at: None,
            backoff: Backoff::for_connections(),
            portion: Portion::new(CHUNK),
            trouble: Trouble::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When there is something to bury, or to log.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        if self.is_empty() {
            return self.trouble.ends_from();
        }
        Some(self.again_at.unwrap_or_else(Instant::now))
    }

    /// Queues an entry. If too many wait, it returns the entry to be put off.
    pub(super) fn push(&mut self, mut entry: Unsettled) -> Option<Unsettled> {
        let is_full =
            || self.waiting.len() >= MOST_WAITING || self.member.replies.bytes() >= MOST_BYTES;
        // There is at most one of these, and it would come again at once.
        if self.again_at.is_some() && !entry.held.is_alone() && is_full() {
            self.member.tell_end(&entry, Fate::Unburied);
            entry.action = Action::PutOff { delay: LATER };
            return Some(entry);
        }
        if self.again_at.is_some() {
            self.member.tell_end(&entry, Fate::Unburied);
            self.let_others_run(&entry);
        }
        self.waiting.push_back(entry);
        None
    }

    /// Buries entries, as far as Redis takes them now. With none left, it logs the end of
    /// a trouble, once none has come up for a moment.
    pub(super) fn bury_due(&mut self, link: &mut MemberLink) {
        if self.is_empty() {
            let ends_at = self.trouble.ends_from();
            if ends_at.is_some_and(|at| at <= Instant::now()) && self.trouble.ends() {
                self.tell_end();
            }
        } else if self.again_at.is_none_or(|at| at <= Instant::now()) {
            self.bury(link);
        }
    }

    /// Tries once more, and returns the remaining entries, to be given back.
    pub(super) fn end(&mut self, link: &mut MemberLink) -> impl Iterator<Item = Unsettled> {
        self.bury(link);
        self.again_at = None;
        self.waiting.drain(..).map(|mut entry| {
            self.member.tell_end(&entry, Fate::Unburied);
            let delay = Duration::ZERO;
            entry.action = Action::PutOff { delay };
            entry
        })
    }

    fn bury(&mut self, link: &mut MemberLink) {
        while !self.is_empty() {
            let chunk = self.next_chunk();
            match self.request(link, &chunk) {
                Ok(burials) => {
                    if self.settle(chunk, burials) {
                        return;
                    }
                }
                // Without the group, no entry is held.
                Err(e) if e.kind() == ErrorKind::NoGroup => {
                    self.tell_all(&chunk, Fate::Lost);
                    settle_all(&self.member, &chunk, Found::NotOurs);
                }
                Err(_) => {
                    self.tell_all(&chunk, Fate::Unburied);
                    self.put_back(chunk);
                    return;
                }
            }
        }
    }

    fn next_chunk(&mut self) -> Vec<Unsettled> {
        let count = self.portion.size().min(self.waiting.len());
        self.waiting.drain(..count).collect()
    }

    fn request(&self, link: &mut MemberLink, chunk: &[Unsettled]) -> Result<command::Burials> {
        let Member {
            group,
            name,
            config,
            ..
        } = &*self.member;
        let bounds = DeadBounds {
            length: config.dead_letter_max_length,
            age: config.dead_letter_max_age,
        };
        let burials: Vec<_> = chunk.iter().map(burial).collect();
        link.run_pooled(Role::Burials, |wire| {
            command::bury(wire, group, name, bounds, &burials)
        })
    }

    /// Settles the entries that were reached. Returns whether the others wait.
    fn settle(&mut self, chunk: Vec<Unsettled>, burials: command::Burials) -> bool {
        let member = Arc::clone(&self.member);
        let asked = chunk.len();
        let mut left = Vec::new();
        for (entry, outcome) in chunk.into_iter().zip(burials.outcomes) {
            match outcome {
                Some(found) => {
                    member.tell_end(&entry, fate(found));
                    if found == Found::Ours {
                        self.tell_buried(&entry);
                    }
                    settled(&member, &entry, found);
                }
                None => left.push(entry),
            }
        }
        self.tell_dropped(burials.removed);
        let reached = asked - left.len();
        let Some(error) = burials.refused else {
            self.portion.received(reached);
            self.put_back(left);
            self.again_at = None;
            self.backoff.reset();
            if self.trouble.ends() {
                self.tell_end();
            }
            return false;
        };
        // Without memory Redis refuses all; otherwise it may refuse a single one.
        let is_about_one = error.kind() != ErrorKind::Refused;
        if reached > 0 {
            self.backoff.reset();
        } else if is_about_one {
            self.portion.halve(asked);
        }
        if asked == 1 && is_about_one {
            // Others come first.
            self.waiting.extend(left);
        } else {
            self.put_back(left);
        }
        self.again_at = Some(Instant::now() + self.backoff.next());
        if self.trouble.begins(&error) {
            log::warn!(
                "entries of `{}` can't go to the dead letters of the group `{}` and wait for it, \
                 while others are handled: {}",
                member.group.stream(),
                member.group.name(),
                with_causes(&error)
            );
        }
        for entry in &self.waiting {
            member.tell_end(entry, Fate::Unburied);
            self.let_others_run(entry);
        }
        true
    }

    /// Logs that Redis takes burials again.
    fn tell_end(&self) {
        log::warn!(
            "entries of `{}` go to the dead letters of the group `{}` again",
            self.member.group.stream(),
            self.member.group.name()
        );
    }

    /// Takes the waiting entries.
    pub(super) fn take_rest(&mut self) -> VecDeque<Unsettled> {
        mem::take(&mut self.waiting)
    }

    fn tell_all(&self, entries: &[Unsettled], fate: Fate) {
        for entry in entries {
            self.member.tell_end(entry, fate);
        }
    }

    fn put_back(&mut self, left: Vec<Unsettled>) {
        for entry in left.into_iter().rev() {
            self.waiting.push_front(entry);
        }
    }

    /// An entry that ran alone holds the others up no longer than its handler ran.
    fn let_others_run(&self, entry: &Unsettled) {
        if entry.held.is_alone() {
            self.member.bells.keeper.ring();
        }
    }

    fn tell_buried(&self, entry: &Unsettled) {
        let member = &self.member;
        let Action::Bury { reason, cause, .. } = &entry.action else {
            return;
        };
        let id = entry.id();
        member.note(StreamEventKind::Buried, 1, reason.as_str());
        member.config.events.tell(|e| {
            e.dead_lettered(&DeadLettered {
                stream: member.declared_stream(),
                group: member.group.name(),
                consumer: &member.name,
                id,
                attempt: entry.held.attempt(entry.index),
                reason: *reason,
                error: cause.error(),
            });
        });
    }

    fn tell_dropped(&self, entries: u64) {
        if entries == 0 {
            return;
        }
        let member = &self.member;
        member.failure_log.dropped(entries);
        member.config.events.tell(|e| {
            e.dead_letters_dropped(&DeadLettersDropped {
                stream: member.declared_stream(),
                group: member.group.name(),
                consumer: &member.name,
                entries,
            });
        });
    }
}

/// The entry's state, for the log.
fn fate(found: Found) -> Fate {
    match found {
        Found::Ours => Fate::Buried,
        Found::Deleted => Fate::Deleted,
        Found::NotOurs => Fate::Lost,
    }
}

fn burial(entry: &Unsettled) -> Burial<'_> {
    let (reason, error) = match &entry.action {
        Action::Bury { reason, text, .. } => (reason.as_str(), text.as_str()),
        _ => ("", ""),
    };
    Burial {
        id: entry.id(),
        reason,
        error,
    }
}
