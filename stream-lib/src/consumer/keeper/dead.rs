//! The consumers that a look at the group shows to be dead, or no longer needed.

use crate::command::{Holding, Look};

/// The first byte of names that belong to the library.
const RESERVED: u8 = crate::message::RESERVED;

/// The consumers whose entries are to be taken over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dead {
    /// Members whose signs of life have lapsed.
    pub(super) lapsed: Vec<Vec<u8>>,
    /// Consumers that give no signs of life, such as those of other programs: only their
    /// idle times count. `~takeover` is one of them.
    pub(super) unsigned: Vec<Vec<u8>>,
}

impl Dead {
    /// The dead consumers that hold entries, without the member that has looked.
    pub(super) fn of(look: &Look, me: &str) -> Self {
        let mut dead = Self::default();
        for holding in &look.holdings {
            let name = &holding.consumer;
            if holding.pending == 0 || name == me.as_bytes() {
                continue;
            }
            match look.signs.get(name) {
                None => dead.unsigned.push(name.clone()),
                Some(left) if *left < 0 => dead.lapsed.push(name.clone()),
                Some(_) => {}
            }
        }
        dead
    }

    pub(super) fn all(mut self) -> Vec<Vec<u8>> {
        self.lapsed.append(&mut self.unsigned);
        self.lapsed
    }
}

/// The consumers that hold nothing and have given no sign for so long that they may be
/// removed.
pub(super) fn forgotten<'a>(look: &'a Look, me: &str) -> Vec<&'a [u8]> {
    let is_forgotten = |holding: &&Holding| {
        let name = &holding.consumer;
        holding.pending == 0
            && name != me.as_bytes()
            && name.first() != Some(&RESERVED)
            && !look.signs.contains_key(name)
    };
    let forgotten = look.holdings.iter().filter(is_forgotten);
    forgotten
        .map(|holding| holding.consumer.as_slice())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn look(holdings: &[(&str, u64)], signs: &[(&str, i64)]) -> Look {
        let holdings = holdings.iter().map(|(name, pending)| Holding {
            consumer: name.as_bytes().to_vec(),
            pending: *pending,
            idle: Duration::from_secs(7_200),
        });
        let signs = signs
            .iter()
            .map(|(name, left)| (name.as_bytes().to_vec(), *left));
        Look {
            holdings: holdings.collect(),
            signs: signs.collect(),
            ..Look::default()
        }
    }

    fn names(names: &[&str]) -> Vec<Vec<u8>> {
        names.iter().map(|name| name.as_bytes().to_vec()).collect()
    }

    #[test]
    fn dead_are_those_that_hold_something_and_have_no_sign_that_stands() {
        let held = ["me", "alive", "lapsed", "redis-py", "~takeover"].map(|name| (name, 3));
        let mut holdings = held.to_vec();
        holdings.push(("empty", 0));
        let look = look(&holdings, &[("alive", 1), ("lapsed", -1), ("empty", -5)]);
        let dead = Dead::of(&look, "me");
        assert_eq!(dead.lapsed, names(&["lapsed"]));
        assert_eq!(dead.unsigned, names(&["redis-py", "~takeover"]));
        assert_eq!(dead.all(), names(&["lapsed", "redis-py", "~takeover"]));
    }

    #[test]
    fn forgotten_are_those_that_hold_nothing_and_whose_signs_are_gone() {
        let held = ["me", "lapsed", "gone", "~takeover"].map(|name| (name, 0));
        let mut holdings = held.to_vec();
        holdings.push(("holder", 1));
        let look = look(&holdings, &[("lapsed", -1)]);
        assert_eq!(forgotten(&look, "me"), [b"gone"]);
    }
}
