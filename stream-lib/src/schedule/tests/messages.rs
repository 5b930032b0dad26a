//! Scheduled messages: random calls, repeats of them, damage, and a clock that jumps.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::Rig;
use crate::command::{
    Extras, Later, Once, Outgoing, Promotion, ScheduleOutcome, Waiting, cancel_scheduled,
    list_scheduled, reschedule,
};
use crate::config::{Delay, WhenTaken};
use crate::keys::StreamKeys;
use crate::message::RawMessage;
use crate::message::schedule_id::ScheduleId;
use crate::runtime::random_suffix;

const CAPACITY: usize = 30;

#[derive(Debug, Clone)]
enum Step {
    Add {
        after: i64,
        unique: Option<(u8, WhenTaken)>,
        once: Option<u8>,
        /// The answer is lost, and the call is repeated.
        again: bool,
    },
    Cancel(usize),
    Reschedule(usize, i64),
    /// The time moves, and due messages are moved.
    Promote(i64),
    /// One step of it, after which the process dies.
    PromoteOnce(i64),
    BreakBody(usize, bool),
    RemoveBody(usize),
    EmptyStream,
    EmptyBackup,
    /// Sets whether the stream knows of another backup stream.
    KnowBackup(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let choice = prop_oneof![
        Just(WhenTaken::Keep),
        Just(WhenTaken::Replace),
        Just(WhenTaken::Refuse)
    ];
    let add = (
        -50..500_i64,
        prop::option::weighted(0.4, (0..4_u8, choice)),
        prop::option::weighted(0.2, 0..6_u8),
        prop::bool::weighted(0.3),
    );
    prop_oneof![
        12 => add.prop_map(|(after, unique, once, again)| Step::Add { after, unique, once, again }),
        2 => (0..200_usize).prop_map(Step::Cancel),
        2 => ((0..200_usize), -50..500_i64).prop_map(|(at, after)| Step::Reschedule(at, after)),
        3 => (-200..400_i64).prop_map(Step::Promote),
        2 => (-200..400_i64).prop_map(Step::PromoteOnce),
        1 => ((0..200_usize), any::<bool>()).prop_map(|(at, how)| Step::BreakBody(at, how)),
        1 => (0..200_usize).prop_map(Step::RemoveBody),
        1 => Just(Step::EmptyStream),
        1 => Just(Step::EmptyBackup),
        1 => any::<bool>().prop_map(Step::KnowBackup),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Body {
    Good,
    Broken,
    Missing,
}

#[derive(Debug, Clone)]
struct Waits {
    /// `None` for a message that was set aside.
    due: Option<i64>,
    unique: Option<String>,
    once: Option<u8>,
    number: usize,
    body: Body,
}

/// A moved message: its number, its due time, and its id.
type Moved = (usize, i64, ScheduleId);

/// The expected contents of Redis.
struct Model<'r> {
    rig: &'r mut Rig,
    promotion: Promotion,
    now: i64,
    number: usize,
    waiting: BTreeMap<ScheduleId, Waits>,
    unique: BTreeMap<String, ScheduleId>,
    once: BTreeMap<u8, ScheduleId>,
    ids: Vec<ScheduleId>,
    streams: BTreeMap<String, Vec<Moved>>,
    backup: String,
}

impl<'r> Model<'r> {
    fn new(rig: &'r mut Rig) -> Self {
        rig.ask::<()>(&["FLUSHALL"]);
        let keys = rig.keys.clone();
        let mut model = Self {
            rig,
            promotion: Promotion::new(keys.clone()),
            now: 1_000_000,
            number: 0,
            waiting: BTreeMap::new(),
            unique: BTreeMap::new(),
            once: BTreeMap::new(),
            ids: Vec::new(),
            streams: BTreeMap::new(),
            backup: keys.backup(),
        };
        model.know(false);
        let meta = keys.meta();
        let capacity = CAPACITY.to_string();
        model
            .rig
            .ask::<i64>(&["HSET", &meta, "backup:capacity", &capacity]);
        model
    }

    fn keys(&self) -> StreamKeys {
        self.rig.keys.clone()
    }

    fn know(&mut self, other: bool) {
        let keys = self.keys();
        self.backup = if other {
            "{orders}:spare".to_owned()
        } else {
            keys.backup()
        };
        let (meta, backup) = (keys.meta(), self.backup.clone());
        self.rig
            .ask::<i64>(&["HSET", &meta, "backup:name", &backup]);
    }

    fn length(&self, stream: &str) -> usize {
        self.streams.get(stream).map_or(0, Vec::len)
    }

    fn pick(&self, at: usize) -> Option<ScheduleId> {
        let count = self.ids.len();
        (count > 0).then(|| self.ids[at % count])
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Add {
                after,
                unique,
                once,
                again,
            } => self.add(self.now + after, unique, once, again)?,
            Step::Cancel(at) => {
                let Some(id) = self.pick(at) else {
                    return Ok(());
                };
                let other = self.pick(at + 7).unwrap();
                let keys = self.keys();
                let found = cancel_scheduled(&mut self.rig.wire, &keys, &[id, other, id]).unwrap();
                let expected = [id, other, id].map(|id| {
                    let Some(gone) = self.waiting.remove(&id) else {
                        return false;
                    };
                    if let (Some(key), Body::Good) = (gone.once, gone.body)
                        && self.once.get(&key) == Some(&id)
                    {
                        self.once.remove(&key);
                    }
                    if let (Some(name), Body::Good) = (gone.unique, gone.body)
                        && self.unique.get(&name) == Some(&id)
                    {
                        self.unique.remove(&name);
                    }
                    true
                });
                prop_assert_eq!(found, expected);
            }
            Step::Reschedule(at, after) => {
                let Some(id) = self.pick(at) else {
                    return Ok(());
                };
                let due = (self.now + after).max(1);
                let keys = self.keys();
                let when = Delay::At(due.unsigned_abs());
                let found = reschedule(&mut self.rig.wire, &keys, id, when).unwrap();
                let waits = self.waiting.get_mut(&id);
                prop_assert_eq!(found.is_some(), waits.is_some());
                if let Some(waits) = waits {
                    waits.due = Some(due);
                }
            }
            Step::Promote(jump) => {
                self.now = (self.now + jump).max(1);
                while self.promote()? {}
            }
            Step::PromoteOnce(jump) => {
                self.now = (self.now + jump).max(1);
                self.promote()?;
                self.promotion = Promotion::new(self.keys());
            }
            Step::BreakBody(at, is_number) => self.damage(at, Body::Broken, is_number),
            Step::RemoveBody(at) => self.damage(at, Body::Missing, false),
            Step::EmptyStream => self.empty("orders"),
            Step::EmptyBackup => self.empty(&self.backup.clone()),
            Step::KnowBackup(other) => self.know(other),
        }
        self.compare()
    }

    fn add(
        &mut self,
        due: i64,
        unique: Option<(u8, WhenTaken)>,
        once: Option<u8>,
        again: bool,
    ) -> Result<(), TestCaseError> {
        let due = due.max(1);
        self.number += 1;
        let number = self.number;
        let message = RawMessage::new().with("n", number.to_string());
        let key = once.map(|key| key.to_string());
        let extras = match &key {
            Some(key) => Extras::of_key(key),
            None => Extras::new(),
        };
        let mut batch = Outgoing::default();
        batch.push(&message, &extras).unwrap();
        let name = unique.map(|(key, _)| format!("u{key}"));
        let (keys, token) = (self.keys(), random_suffix());
        let later = Later {
            keys: &keys,
            when: Delay::At(due.unsigned_abs()),
            token: &token,
            unique: unique.map(|(_, choice)| (name.as_deref().unwrap_or(""), choice)),
            once: Once {
                window: Duration::from_secs(3_600),
                rewrites: false,
            },
        };
        let mut call = || {
            let message = batch.iter().next().unwrap();
            let answer = later.schedule(&mut self.rig.wire, message, None);
            answer.unwrap().0.outcome
        };
        let outcome = call();
        let repeated = (again && (once.is_some() || unique.is_some())).then(call);
        let known = once.and_then(|key| self.once.get(&key).copied());
        let holder = name
            .as_ref()
            .and_then(|name| self.unique.get(name).copied());
        let holder = holder.filter(|id| self.waiting.get(id).is_some_and(|w| w.due.is_some()));
        if let Some(first) = known {
            let ScheduleOutcome::Once(placed) = outcome else {
                return Err(TestCaseError::fail(format!("{outcome:?}")));
            };
            prop_assert_eq!(placed.scheduled, Some(first));
        } else if let (Some(holder), Some((_, choice))) = (holder, unique)
            && choice != WhenTaken::Replace
        {
            let expected = match choice {
                WhenTaken::Refuse => ScheduleOutcome::Refused(holder),
                _ => ScheduleOutcome::Scheduled(holder),
            };
            prop_assert_eq!(outcome, expected);
        } else {
            let ScheduleOutcome::Scheduled(id) = outcome else {
                return Err(TestCaseError::fail(format!("{outcome:?}")));
            };
            if let Some(holder) = holder {
                prop_assert_eq!(id, holder);
            } else {
                let last = self.ids.iter().max();
                prop_assert!(last.is_none_or(|last| *last < id));
                self.ids.push(id);
            }
            let waits = Waits {
                due: Some(due),
                unique: name.clone(),
                once,
                number,
                body: Body::Good,
            };
            self.waiting.insert(id, waits);
            if let Some(name) = name {
                self.unique.insert(name, id);
            }
            if let Some(key) = once {
                self.once.insert(key, id);
            }
        }
        // The repeat changes nothing, and has the same answer.
        match (repeated, outcome) {
            (Some(ScheduleOutcome::Once(placed)), ScheduleOutcome::Scheduled(id)) => {
                prop_assert_eq!(placed.scheduled, Some(id));
            }
            (Some(repeated), outcome) => prop_assert_eq!(repeated, outcome),
            (None, _) => {}
        }
        Ok(())
    }

    /// Takes one step. Returns whether more is due.
    fn promote(&mut self) -> Result<bool, TestCaseError> {
        let now = u64::try_from(self.now).unwrap();
        let promoted = self
            .promotion
            .step_at(&mut self.rig.wire, Some(now))
            .unwrap();
        prop_assert!(promoted.refused.is_none(), "{:?}", promoted.refused);
        let mut due: Vec<_> = self
            .waiting
            .iter()
            .filter_map(|(id, waits)| Some((waits.due?, *id)))
            .filter(|(due, _)| *due <= self.now)
            .collect();
        due.sort();
        due.truncate(100);
        let (mut moved, mut to_backup) = (0, 0);
        let (mut broken, mut missing) = (Vec::new(), Vec::new());
        for (at, id) in due {
            let waits = self.waiting.get_mut(&id).unwrap();
            match waits.body {
                Body::Broken => {
                    waits.due = None;
                    broken.push(id.to_string());
                    continue;
                }
                Body::Missing => missing.push(id.to_string()),
                Body::Good => {
                    let moves = (waits.number, at, id);
                    if let Some(name) = &waits.unique
                        && self.unique.get(name) == Some(&id)
                    {
                        self.unique.remove(name);
                    }
                    moved += 1;
                    let is_full = self.length("orders") >= CAPACITY;
                    let target = if self.length(&self.backup) > 0 || is_full {
                        to_backup += 1;
                        self.backup.clone()
                    } else {
                        "orders".to_owned()
                    };
                    self.streams.entry(target).or_default().push(moves);
                }
            }
            self.waiting.remove(&id);
        }
        prop_assert_eq!(promoted.moved, moved);
        prop_assert_eq!(promoted.to_backup, to_backup);
        prop_assert_eq!(&promoted.broken, &broken);
        prop_assert_eq!(&promoted.missing, &missing);
        let next = self.waiting.values().filter_map(|waits| waits.due).min();
        let next =
            next.map(|due| Duration::from_millis(u64::try_from(due - self.now).unwrap_or(0)));
        prop_assert_eq!(promoted.next, next);
        Ok(next == Some(Duration::ZERO))
    }

    fn damage(&mut self, at: usize, how: Body, is_number: bool) {
        let keys = self.keys();
        let (id, later) = (self.pick(at), keys.later());
        let Some((id, waits)) = id.and_then(|id| Some((id, self.waiting.get_mut(&id)?))) else {
            return;
        };
        waits.body = how;
        let id = id.to_string();
        if how == Body::Missing {
            self.rig.ask::<i64>(&["HDEL", &later, &id]);
        } else {
            // A number; and `false` followed by an empty array.
            let body = if is_number { "x" } else { "\u{90}" };
            self.rig.ask::<i64>(&["HSET", &later, &id, body]);
        }
    }

    fn empty(&mut self, stream: &str) {
        self.streams.remove(stream);
        self.rig.ask::<i64>(&["XTRIM", stream, "MAXLEN", "0"]);
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        let keys = self.keys();
        let mut expected: Vec<_> = self
            .waiting
            .iter()
            .map(|(id, waits)| (waits.due.unwrap_or(i64::MAX), *id))
            .collect();
        expected.sort();
        // Lists by pages, as a user would.
        let mut listed = Vec::new();
        loop {
            let place = listed.last().map(|w: &Waiting| (&*w.score, w.id));
            let page = list_scheduled(&mut self.rig.wire, &keys, place, 7).unwrap();
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        let found: Vec<_> = listed
            .iter()
            .map(|waiting| (waiting.score.parse().unwrap_or(i64::MAX), waiting.id))
            .collect();
        prop_assert_eq!(found, expected);
        for waiting in &listed {
            let waits = &self.waiting[&waiting.id];
            let number = (waits.body == Body::Good).then(|| waits.number.to_string());
            let value = waiting.values.get(1);
            prop_assert_eq!(
                value.map(Vec::as_slice),
                number.as_deref().map(str::as_bytes)
            );
        }
        let (unique, later) = (keys.unique(), keys.later());
        let unique: BTreeMap<String, String> = self.rig.ask(&["HGETALL", &unique]);
        let expected = self.unique.iter();
        let expected: BTreeMap<_, _> = expected
            .map(|(name, id)| (name.clone(), id.to_string()))
            .collect();
        prop_assert_eq!(unique, expected);
        let bodies: i64 = self.rig.ask(&["HLEN", &later]);
        let expected = self.waiting.values().filter(|w| w.body != Body::Missing);
        prop_assert_eq!(usize::try_from(bodies).unwrap(), expected.count());
        for stream in ["orders", "{orders}:backup", "{orders}:spare"] {
            let length: usize = self.rig.ask(&["XLEN", stream]);
            prop_assert_eq!(length, self.length(stream), "{}", stream);
        }
        Ok(())
    }

    fn compare_streams(&mut self) -> Result<(), TestCaseError> {
        for stream in ["orders", "{orders}:backup", "{orders}:spare"] {
            let entries: Vec<(String, BTreeMap<String, String>)> =
                self.rig.ask(&["XRANGE", stream, "-", "+"]);
            let expected = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
            prop_assert_eq!(entries.len(), expected.len());
            for ((_, fields), (number, due, id)) in entries.iter().zip(expected) {
                prop_assert_eq!(&fields["n"], &number.to_string());
                prop_assert_eq!(&fields["~origin"], &format!("{due}-0"));
                prop_assert_eq!(&fields["~scheduled"], &id.to_string());
            }
        }
        Ok(())
    }
}

#[test]
fn scheduled_messages_are_as_a_model_has_them() {
    let Some(rig) = Rig::start() else { return };
    let rig = RefCell::new(rig);
    let config = Config {
        cases: 40,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let steps = prop::collection::vec(step(), 100..300);
    let mut runner = TestRunner::new(config);
    let ran = runner.run(&steps, |steps| {
        let mut rig = rig.borrow_mut();
        let mut model = Model::new(&mut rig);
        steps.iter().try_for_each(|step| model.take(step))?;
        model.compare_streams()
    });
    if let Err(e) = ran {
        panic!("{e}");
    }
}
