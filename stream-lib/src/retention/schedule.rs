//! The tended streams, their users, and the time at which each is due.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::engine::Wish;
use super::told::Told;
use crate::config::{Retention, RetentionSettings};
use crate::keys::StreamKeys;
use crate::runtime::{Backoff, jitter};
use crate::split::Split;

/// How often a stream is checked for new partitions.
const LOOK: Duration = Duration::from_secs(25);

/// A user of a stream, by its name in the manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum User {
    Producer(String),
    /// The producer that `add` made for a stream without a registered one.
    DefaultProducer,
    Consumer(String),
}

/// The streams that this process looks after. A stream with partitions has an entry that
/// is never cleaned, and one for each partition.
#[derive(Debug, Default)]
pub(super) struct Schedule(BTreeMap<String, Tended>);

/// A stream and the state of its care.
#[derive(Debug)]
pub(super) struct Tended {
    keys: StreamKeys,
    users: Vec<(User, RetentionSettings)>,
    /// Settings that users asked for and that may not be stored yet.
    unsaid: RetentionSettings,
    due: Instant,
    backoff: Backoff,
    place: Place,
    /// The groups at the last sweep for traces of destroyed groups, and its time.
    swept: Option<(Vec<String>, Instant)>,
    /// The troubles that the log has been told.
    pub(super) told: Told,
}

/// The kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A stream that may or may not have partitions.
    Unknown,
    /// A stream without partitions, and when to check it again.
    Whole(Instant),
    /// A stream with partitions, which have entries of their own, and when to check it
    /// again.
    Stem(Split, Instant),
    /// A partition.
    Part,
}

/// A check of a stream for partitions.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) task: Task,
    /// Nothing is known yet.
    pub(super) is_first: bool,
}

/// The next work for one stream.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) keys: StreamKeys,
    pub(super) wish: Wish,
}

impl Schedule {
    /// Looks after a stream for `user`, with the settings that `user` asks for.
    pub(super) fn tend(&mut self, keys: &StreamKeys, user: User, asked: RetentionSettings) {
        /// The delay until the stored interval is known.
        const FIRST_LOOK: Duration = Duration::from_secs(10);
        let due = Instant::now() + jitter(FIRST_LOOK, 0.2);
        for keys in self.parts_of(keys.stream()) {
            if let Some(part) = self.0.get_mut(keys.stream()) {
                part.used_by(user.clone(), asked.clone());
            }
        }
        let tended = self
            .0
            .entry(keys.stream().to_owned())
            .or_insert_with(|| Tended::new(keys.clone(), Place::Unknown, due));
        tended.used_by(user, asked);
    }

    /// Removes one user of a stream.
    pub(super) fn forget(&mut self, stream: &str, user: &User) {
        let parts = self.parts_of(stream);
        let parts = parts.iter().map(StreamKeys::stream);
        for stream in parts.chain([stream]) {
            if let Some(tended) = self.0.get_mut(stream) {
                tended.users.retain(|(known, _)| known != user);
                if tended.users.is_empty() {
                    self.0.remove(stream);
                }
            }
        }
    }

    /// Whether a stream has any user.
    pub(super) fn tends(&self, stream: &str) -> bool {
        self.0.contains_key(stream)
    }

    /// The keys of the partitions of a stream; empty if none are known.
    fn parts_of(&self, stream: &str) -> Vec<StreamKeys> {
        match self.0.get(stream) {
            Some(Tended {
                place: Place::Stem(split, _),
                keys,
                ..
            }) => split.keys_of(keys),
            _ => Vec::new(),
        }
    }

    /// The keys of the stream to which a partition belongs; `None` if they are no
    /// partition's.
    pub(super) fn stem_of(&self, keys: &StreamKeys) -> Option<StreamKeys> {
        let stems = self.0.values().filter_map(|tended| match &tended.place {
            Place::Stem(split, _) => Some((&tended.keys, split)),
            _ => None,
        });
        let mut stems = stems.filter(|(stem, split)| split.keys_of(stem).contains(keys));
        stems.next().map(|(stem, _)| stem.clone())
    }

    /// Records whether a stream has partitions. Each of them then has a time of its own,
    /// and all the settings that the users of the stream asked for.
    pub(super) fn looked(&mut self, keys: &StreamKeys, split: Split) {
        let now = Instant::now();
        let next = now + jitter(LOOK, 0.2);
        let Some(stem) = self.0.get_mut(keys.stream()) else {
            return;
        };
        let before = match &mut stem.place {
            Place::Stem(before, at) if *before == split => {
                *at = next;
                return;
            }
            Place::Stem(before, _) => Some(*before),
            _ => None,
        };
        stem.place = match split {
            Split::Whole => Place::Whole(next),
            Split::Into(_) => Place::Stem(split, next),
        };
        let users = stem.users.clone();
        let unsaid = stem.wish().asked;
        for part in before.iter().flat_map(|before| before.keys_of(keys)) {
            self.0.remove(part.stream());
        }
        if split == Split::Whole {
            return;
        }
        for part in split.keys_of(keys) {
            // The first run finds the stored interval.
            let mut tended = Tended::new(part, Place::Part, now + jitter(LOOK / 25, 0.9));
            tended.users.clone_from(&users);
            tended.unsaid = unsaid.clone();
            if !tended.unsaid.is_empty() {
                tended.due = now;
            }
            self.0.insert(tended.keys.stream().to_owned(), tended);
        }
    }

    /// Records that a check for partitions failed.
    pub(super) fn not_looked(&mut self, stream: &str) {
        let tended = self.0.get_mut(stream);
        if let Some(Place::Whole(at) | Place::Stem(_, at)) = tended.map(|t| &mut t.place) {
            *at = Instant::now() + jitter(LOOK, 0.2);
        }
    }

    /// The names of all streams, and of their partitions.
    pub(super) fn streams(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// The time at which the next stream is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.values().map(Tended::next).min()
    }

    /// The stream that is due for a check.
    pub(super) fn look_due(&self, now: Instant) -> Option<Look> {
        let tended = self.0.values().find(|tended| tended.looks(now))?;
        Some(Look {
            task: tended.task(),
            is_first: tended.place == Place::Unknown,
        })
    }

    /// The stream that has been due the longest.
    pub(super) fn due(&self, now: Instant) -> Option<Task> {
        let tended = self.0.values().filter(|tended| tended.is_cleaned());
        let tended = tended.min_by_key(|tended| tended.due)?;
        (tended.due <= now).then(|| tended.task())
    }

    /// Records that a task has succeeded. It is due again after `wait`, unless a user has
    /// asked for other settings meanwhile.
    pub(super) fn done(&mut self, task: &Task, wait: Duration) -> Option<&mut Tended> {
        let tended = self.0.get_mut(task.keys.stream())?;
        tended.backoff.reset();
        if tended.wish() == task.wish {
            tended.unsaid = RetentionSettings::default();
            tended.due = Instant::now() + wait;
        }
        Some(tended)
    }

    /// Records that a task has failed and is to be tried again.
    pub(super) fn failed(&mut self, task: &Task) -> Option<&mut Tended> {
        let tended = self.0.get_mut(task.keys.stream())?;
        let wait = tended.backoff.next();
        tended.due = Instant::now() + wait;
        Some(tended)
    }

    /// Whether to sweep a stream for traces of destroyed groups: when its groups have
    /// changed, and each hour. Records the sweep.
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

    /// Has the next run sweep, whatever the groups.
    pub(super) fn sweep_again(&mut self, stream: &str) {
        if let Some(tended) = self.0.get_mut(stream) {
            tended.swept = None;
        }
    }

    /// The record of what the log has been told of a stream.
    pub(super) fn told(&mut self, stream: &str) -> Option<&mut Told> {
        self.0.get_mut(stream).map(|tended| &mut tended.told)
    }

    /// The settings that this process wants for a stream's retention.
    pub(super) fn wish(&self, stream: &str) -> Wish {
        self.0.get(stream).map(Tended::wish).unwrap_or_default()
    }
}

impl Tended {
    fn new(keys: StreamKeys, place: Place, due: Instant) -> Self {
        Self {
            keys,
            users: Vec::new(),
            unsaid: RetentionSettings::default(),
            due,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
            place,
            swept: None,
            told: Told::default(),
        }
    }

    fn used_by(&mut self, user: User, asked: RetentionSettings) {
        self.users.retain(|(known, _)| *known != user);
        if !asked.is_empty() {
            let unsaid = std::mem::take(&mut self.unsaid);
            self.unsaid = asked.clone().over(unsaid);
            self.due = Instant::now();
        }
        self.users.push((user, asked));
    }

    fn task(&self) -> Task {
        Task {
            keys: self.keys.clone(),
            wish: self.wish(),
        }
    }

    /// The time of the next work.
    fn next(&self) -> Instant {
        match self.place {
            Place::Unknown | Place::Part => self.due,
            Place::Whole(look) => look.min(self.due),
            Place::Stem(_, look) => look,
        }
    }

    fn looks(&self, now: Instant) -> bool {
        match self.place {
            Place::Unknown => self.due <= now,
            Place::Whole(look) | Place::Stem(_, look) => look <= now,
            Place::Part => false,
        }
    }

    fn is_cleaned(&self) -> bool {
        matches!(self.place, Place::Whole(_) | Place::Part)
    }

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
    use crate::partition::Partitions;

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
    fn each_partition_is_cleaned_with_the_settings_of_the_stream() {
        let mut schedule = Schedule::default();
        let keys = StreamKeys::new("orders").unwrap();
        schedule.tend(&keys, producer("a"), length(5));
        let now = Instant::now();
        let look = schedule.look_due(now).unwrap();
        assert!(look.is_first && schedule.due(now).is_none());
        schedule.looked(&keys, Split::Into(Partitions::new(2).unwrap()));
        assert!(schedule.look_due(now).is_none());
        for _ in 0..2 {
            let task = schedule.due(Instant::now()).unwrap();
            assert!(task.keys.stream().starts_with("{orders:"));
            assert_eq!(task.wish.unsaid, length(5));
            schedule.done(&task, Duration::from_secs(60)).unwrap();
        }
        assert!(schedule.due(Instant::now()).is_none());
        schedule.tend(&keys, producer("b"), length(7));
        let task = schedule.due(Instant::now()).unwrap();
        assert_eq!(task.wish.unsaid, length(7));
        let later = Instant::now() + 2 * LOOK;
        assert!(!schedule.look_due(later).unwrap().is_first);
        schedule.forget("orders", &producer("a"));
        assert_eq!(schedule.0.len(), 3);
        schedule.forget("orders", &producer("b"));
        assert!(schedule.next_due().is_none());
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
        schedule.looked(&keys, Split::Whole);
        let task = schedule.due(Instant::now()).unwrap();
        assert_eq!(task.wish.unsaid, length(5));
        schedule.tend(&keys, producer("b"), length(7));
        assert!(schedule.done(&task, Duration::from_secs(60)).is_some());
        let task = schedule.due(Instant::now()).unwrap();
        assert_eq!(task.wish.unsaid, length(7));
        schedule.done(&task, Duration::from_secs(60));
        assert!(schedule.due(Instant::now()).is_none());
        // Once stored, it is not stored again, but still asked for.
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
        schedule.looked(&keys, Split::Whole);
        let task = schedule.due(Instant::now()).unwrap();
        schedule.forget("orders", &producer("a"));
        assert!(schedule.next_due().is_none());
        assert!(schedule.failed(&task).is_none());
    }
}
