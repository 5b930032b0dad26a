//! The streams that are tended, their users, and the time each is due.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::engine::Wish;
use super::told::Told;
use crate::config::{Retention, RetentionSettings};
use crate::keys::StreamKeys;
use crate::runtime::{Backoff, jitter};

/// A user of a stream, by its name in the manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum User {
    Producer(String),
    /// The producer that `add` made, where none was registered.
    DefaultProducer,
    Consumer(String),
}

/// The streams that this process looks after.
#[derive(Debug, Default)]
pub(super) struct Schedule(BTreeMap<String, Tended>);

/// A stream, and how its care goes.
#[derive(Debug)]
pub(super) struct Tended {
    keys: StreamKeys,
    users: Vec<(User, RetentionSettings)>,
    /// Settings that were asked for, and may not be stored yet.
    unsaid: RetentionSettings,
    due: Instant,
    backoff: Backoff,
    /// The groups at the last look for traces of those that are gone, and when that
    /// was.
    swept: Option<(Vec<String>, Instant)>,
    /// The troubles that the log has been told.
    pub(super) told: Told,
}

/// The next work for one stream.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) keys: StreamKeys,
    pub(super) wish: Wish,
}

impl Schedule {
    /// Looks after a stream for `user`, with the settings it asks for.
    pub(super) fn tend(&mut self, keys: &StreamKeys, user: User, asked: RetentionSettings) {
        /// The stored interval is found out this soon.
        const FIRST_LOOK: Duration = Duration::from_secs(10);
        let now = Instant::now();
        let tended = self
            .0
            .entry(keys.stream().to_owned())
            .or_insert_with(|| Tended {
                keys: keys.clone(),
                users: Vec::new(),
                unsaid: RetentionSettings::default(),
                due: now + jitter(FIRST_LOOK, 0.2),
                backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
                swept: None,
                told: Told::default(),
            });
        tended.users.retain(|(known, _)| *known != user);
        if !asked.is_empty() {
            let unsaid = std::mem::take(&mut tended.unsaid);
            tended.unsaid = asked.clone().over(unsaid);
            tended.due = now;
        }
        tended.users.push((user, asked));
    }

    /// Looks after a stream for one user less.
    pub(super) fn forget(&mut self, stream: &str, user: &User) {
        if let Some(tended) = self.0.get_mut(stream) {
            tended.users.retain(|(known, _)| known != user);
            if tended.users.is_empty() {
                self.0.remove(stream);
            }
        }
    }

    /// The time at which the next stream is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.values().map(|tended| tended.due).min()
    }

    /// The stream that has been due the longest.
    pub(super) fn due(&self, now: Instant) -> Option<Task> {
        let tended = self.0.values().min_by_key(|tended| tended.due)?;
        (tended.due <= now).then(|| Task {
            keys: tended.keys.clone(),
            wish: tended.wish(),
        })
    }

    /// Notes that a task has succeeded. It is due again after `wait`, unless a
    /// user has asked for other settings meanwhile.
    pub(super) fn done(&mut self, task: &Task, wait: Duration) -> Option<&mut Tended> {
        let tended = self.0.get_mut(task.keys.stream())?;
        tended.backoff.reset();
        if tended.wish() == task.wish {
            tended.unsaid = RetentionSettings::default();
            tended.due = Instant::now() + wait;
        }
        Some(tended)
    }

    /// Notes that a task has failed, and is to be tried again.
    pub(super) fn failed(&mut self, task: &Task) -> Option<&mut Tended> {
        let tended = self.0.get_mut(task.keys.stream())?;
        let wait = tended.backoff.next();
        tended.due = Instant::now() + wait;
        Some(tended)
    }

    /// Whether to look for traces of groups that are gone from a stream: when its
    /// groups have changed, and each hour. Notes that it is done.
    pub(super) fn sweep_is_due(&mut self, stream: &str, groups: Vec<String>) -> bool {
        const AGAIN: Duration = Duration::from_secs(3_600);
        let Some(tended) = self.0.get_mut(stream) else {
            return false;
        };
        let now = Instant::now();
        if let Some((known, at)) = &tended.swept
            && *known == groups
            && now < *at + AGAIN
        {
            return false;
        }
        tended.swept = Some((groups, now));
        true
    }

    /// Looks for traces with the next run, whatever the groups.
    pub(super) fn sweep_again(&mut self, stream: &str) {
        if let Some(tended) = self.0.get_mut(stream) {
            tended.swept = None;
        }
    }

    /// What the log has been told of a stream.
    pub(super) fn told(&mut self, stream: &str) -> Option<&mut Told> {
        self.0.get_mut(stream).map(|tended| &mut tended.told)
    }

    /// The settings that this process wants for a stream's retention.
    pub(super) fn wish(&self, stream: &str) -> Wish {
        self.0.get(stream).map(Tended::wish).unwrap_or_default()
    }
}

impl Tended {
    fn wish(&self) -> Wish {
        let only_consumers = self
            .users
            .iter()
            .all(|(user, _)| matches!(user, User::Consumer(_)));
        Wish {
            // The last user's settings win.
            asked: self
                .users
                .iter()
                .fold(RetentionSettings::default(), |older, (_, asked)| {
                    asked.clone().over(older)
                }),
            unsaid: self.unsaid.clone(),
            defaults: if only_consumers {
                Retention::of_consumers()
            } else {
                Retention::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(entries: u64) -> RetentionSettings {
        RetentionSettings {
            max_length: Some(entries),
            ..RetentionSettings::default()
        }
    }

    fn producer(name: &str) -> User {
        User::Producer(name.to_owned())
    }

    #[test]
    fn the_last_to_ask_is_heard_and_defaults_are_nobodys_wish() {
        let mut schedule = Schedule::default();
        let keys = StreamKeys::new("orders").unwrap();
        let consumer = User::Consumer("c".to_owned());
        schedule.tend(&keys, consumer.clone(), RetentionSettings::default());
        assert_eq!(schedule.wish("orders").defaults.max_length, 10_000);
        assert!(schedule.due(Instant::now()).is_none(), "nothing to store");

        schedule.tend(&keys, producer("a"), length(5));
        schedule.tend(&keys, producer("b"), length(7));
        schedule.tend(&keys, consumer, RetentionSettings::default());
        let wish = schedule.wish("orders");
        assert_eq!(wish.asked, length(7));
        assert_eq!(wish.defaults.max_length, 1_000);
        schedule.forget("orders", &producer("b"));
        assert_eq!(schedule.wish("orders").asked, length(5));
    }

    #[test]
    fn what_was_asked_for_meanwhile_stays_due() {
        let mut schedule = Schedule::default();
        let keys = StreamKeys::new("orders").unwrap();
        schedule.tend(&keys, producer("a"), length(5));
        let task = schedule.due(Instant::now()).unwrap();
        assert_eq!(task.wish.unsaid, length(5));
        schedule.tend(&keys, producer("b"), length(7));
        assert!(schedule.done(&task, Duration::from_secs(60)).is_some());
        let task = schedule.due(Instant::now()).unwrap();
        assert_eq!(task.wish.unsaid, length(7));
        schedule.done(&task, Duration::from_secs(60));
        assert!(schedule.due(Instant::now()).is_none());
        // Once said, it is said no more, but still asked for.
        let wish = schedule.wish("orders");
        assert_eq!((wish.unsaid.is_empty(), wish.asked), (true, length(7)));
    }

    #[test]
    fn traces_are_looked_for_when_groups_have_changed() {
        let mut schedule = Schedule::default();
        let keys = StreamKeys::new("orders").unwrap();
        let groups = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        assert!(!schedule.sweep_is_due("orders", groups(&["a"])), "not ours");
        schedule.tend(&keys, producer("p"), length(5));
        for (names, is_due) in [
            (&["a", "b"][..], true),
            (&["a", "b"], false),
            (&["b"], true),
        ] {
            assert_eq!(schedule.sweep_is_due("orders", groups(names)), is_due);
        }
    }

    #[test]
    fn a_stream_that_nobody_uses_is_left_alone() {
        let mut schedule = Schedule::default();
        let keys = StreamKeys::new("orders").unwrap();
        schedule.tend(&keys, producer("a"), length(5));
        let task = schedule.due(Instant::now()).unwrap();
        schedule.forget("orders", &producer("a"));
        assert!(schedule.next_due().is_none());
        assert!(schedule.failed(&task).is_none());
    }
}
