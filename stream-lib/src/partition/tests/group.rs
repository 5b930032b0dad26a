//! A simulated group: members that look, beat, crash and freeze, on a clock of its own.

use std::collections::BTreeMap;

use crate::partition::count::Partitions;
use crate::partition::plan::{Plan, Sight};
use crate::partition::share::share_of;

/// How long a sign of life and a lock are good, in ms.
pub(super) const LEASE: u64 = 30_000;
/// How often a member looks, ± a fifth.
const LOOK: u64 = 1_000;
/// The longest time to finish what was begun in a partition that is given up.
const GRACE: u64 = 500;
/// A small generator of random numbers, the same in every run.
#[derive(Debug, Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

#[derive(Debug, Clone)]
struct Lock {
    owner: String,
    lapses: u64,
}

#[derive(Debug, Clone, Default)]
struct Member {
    owned: Vec<u16>,
    /// What it gives up, and when it has finished there.
    leaving: Vec<(u16, u64)>,
    looks: u64,
    beats: u64,
    /// It does nothing until then.
    frozen_until: u64,
    /// It gives up everything, and is gone then.
    stopping: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) now: u64,
    partitions: Partitions,
    random: Random,
    locks: Vec<Option<Lock>>,
    /// Who had each partition last.
    last: Vec<Option<String>>,
    signs: BTreeMap<String, u64>,
    members: BTreeMap<String, Member>,
    /// How often a partition got another owner than it had.
    pub(super) moves: usize,
}

impl Group {
    pub(super) fn new(partitions: u16, seed: u64) -> Self {
        let count = usize::from(partitions);
        Self {
            now: 1,
            partitions: Partitions::new(partitions).unwrap(),
            random: Random(seed),
            locks: vec![None; count],
            last: vec![None; count],
            signs: BTreeMap::new(),
            members: BTreeMap::new(),
            moves: 0,
        }
    }

    /// A group of members that have been there for long.
    pub(super) fn settled(members: usize, partitions: u16, seed: u64) -> Self {
        let mut group = Self::new(partitions, seed);
        for n in 0..members {
            group.join(&format!("member-{n}"));
        }
        group.settle();
        group.moves = 0;
        group
    }

    /// It gives its sign of life first, and looks later.
    pub(super) fn join(&mut self, name: &str) {
        let looks = self.now + LOOK / 2 + self.random.below(LOOK / 2);
        let member = Member {
            looks,
            beats: self.now + LEASE / 3,
            ..Member::default()
        };
        self.signs.insert(name.to_owned(), self.now + LEASE);
        self.members.insert(name.to_owned(), member);
    }

    pub(super) fn leave(&mut self, name: &str) {
        self.members.get_mut(name).unwrap().stopping = true;
        let owned = self.members[name].owned.clone();
        self.give_up(name, &owned);
        self.signs.remove(name);
    }

    pub(super) fn crash(&mut self, name: &str) {
        self.members.remove(name);
    }

    pub(super) fn freeze(&mut self, name: &str, time: u64) {
        self.members.get_mut(name).unwrap().frozen_until = self.now + time;
    }

    pub(super) fn any(&mut self) -> String {
        let place = self.random.below(self.members.len() as u64);
        let mut names = self.members.keys();
        names.nth(usize::try_from(place).unwrap()).unwrap().clone()
    }

    pub(super) fn size(&self) -> usize {
        self.members.len()
    }

    pub(super) fn owned_by(&self, name: &str) -> usize {
        self.members[name].owned.len()
    }

    pub(super) fn run(&mut self, time: u64) {
        let end = self.now + time;
        while self.step(end) {}
    }

    /// Runs until everything is fair; returns how long that took.
    pub(super) fn settle(&mut self) -> u64 {
        let begin = self.now;
        while !self.is_fair() {
            assert!(self.step(begin + 10 * LEASE), "it never settles");
        }
        self.now - begin
    }

    /// Whether each member has its share, by its lock, and no other one.
    pub(super) fn is_fair(&self) -> bool {
        let is_held = |one| {
            self.owner(one)
                .is_some_and(|owner| self.members.contains_key(owner))
        };
        if !self.partitions.all().all(is_held) {
            return false;
        }
        let living: Vec<&str> = self.living().collect();
        let is_fair = |(name, member): (&String, &Member)| {
            let share = share_of(name, living.iter().copied(), "g", self.partitions);
            let holds = |one: &u16| self.owner(*one) == Some(name.as_str());
            !member.stopping && member.owned.len() == share && member.owned.iter().all(holds)
        };
        let is_known = |name: &&str| self.members.contains_key(*name);
        living.iter().all(is_known) && self.members.iter().all(is_fair)
    }

    fn living(&self) -> impl Iterator<Item = &str> {
        let signs = self.signs.iter();
        signs
            .filter(|sign| *sign.1 > self.now)
            .map(|sign| sign.0.as_str())
    }

    fn owner(&self, partition: u16) -> Option<&str> {
        let lock = self.locks[usize::from(partition)].as_ref()?;
        (lock.lapses > self.now).then_some(lock.owner.as_str())
    }

    /// Goes on to the next moment at which a member does something, `end` at the latest;
    /// false there.
    fn step(&mut self, end: u64) -> bool {
        let next = |member: &Member| {
            let leaving = member.leaving.iter().map(|one| one.1).min();
            let looks = if member.stopping {
                u64::MAX
            } else {
                member.looks.min(member.beats)
            };
            leaving
                .unwrap_or(u64::MAX)
                .min(looks)
                .max(member.frozen_until)
        };
        let next = self.members.values().map(next).min().unwrap_or(end);
        self.now = next.max(self.now + 1).min(end);
        let names: Vec<String> = self.members.keys().cloned().collect();
        for name in names {
            let member = &self.members[&name];
            if member.frozen_until > self.now {
                continue;
            }
            if member.beats <= self.now && !member.stopping {
                self.beat(&name);
            }
            self.let_go(&name);
            let member = &self.members[&name];
            if member.stopping && member.leaving.is_empty() {
                self.members.remove(&name);
            } else if member.looks <= self.now && !member.stopping {
                self.look(&name);
            }
        }
        self.now < end
    }

    /// A sign of life, and the locks that it still has.
    fn beat(&mut self, name: &str) {
        let until = self.now + LEASE;
        self.signs.insert(name.to_owned(), until);
        let mut member = self.members.remove(name).unwrap();
        member.owned.retain(|one| self.owner(*one) == Some(name));
        member.leaving.retain(|one| self.owner(one.0) == Some(name));
        let held = member
            .owned
            .iter()
            .chain(member.leaving.iter().map(|one| &one.0));
        for one in held {
            self.locks[usize::from(*one)].as_mut().unwrap().lapses = until;
        }
        member.beats = self.now + LEASE / 3;
        self.members.insert(name.to_owned(), member);
    }

    /// Frees what it has finished.
    fn let_go(&mut self, name: &str) {
        let now = self.now;
        let member = self.members.get_mut(name).unwrap();
        let (done, rest) = member.leaving.iter().partition(|one| one.1 <= now);
        member.leaving = rest;
        let done: Vec<(u16, u64)> = done;
        for (one, _) in done {
            if self.owner(one) == Some(name) {
                self.locks[usize::from(one)] = None;
            }
        }
    }

    fn look(&mut self, name: &str) {
        let living: Vec<String> = self.living().map(str::to_owned).collect();
        let free: Vec<u16> = self
            .partitions
            .all()
            .filter(|one| self.owner(*one).is_none())
            .collect();
        let member = &self.members[name];
        let sight = Sight {
            me: name,
            living: &living,
            group: "g",
            partitions: self.partitions,
            owned: &member.owned,
            leaving: member.leaving.len(),
            free: &free,
        };
        let mut random = self.random.clone();
        let plan = Plan::of(&sight, |below| {
            usize::try_from(random.below(below as u64)).unwrap()
        });
        self.random = random;
        for one in plan.take {
            self.take(name, one);
        }
        self.give_up(name, &plan.give_up);
        let pause = LOOK * 4 / 5 + self.random.below(LOOK * 2 / 5);
        self.members.get_mut(name).unwrap().looks = self.now + pause;
    }

    fn take(&mut self, name: &str, one: u16) {
        let place = usize::from(one);
        if self.owner(one).is_some() {
            return;
        }
        self.locks[place] = Some(Lock {
            owner: name.to_owned(),
            lapses: self.now + LEASE,
        });
        let before = self.last[place].replace(name.to_owned());
        self.moves += usize::from(before.is_some_and(|before| before != name));
        self.members.get_mut(name).unwrap().owned.push(one);
    }

    fn give_up(&mut self, name: &str, partitions: &[u16]) {
        for one in partitions {
            let until = self.now + self.random.below(GRACE);
            let member = self.members.get_mut(name).unwrap();
            member.owned.retain(|owned| owned != one);
            member.leaving.push((*one, until));
        }
    }
}
