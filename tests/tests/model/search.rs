//! The search: breadth first, so that the first path to a fault is a shortest one.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::action::{Action, Successor, successors};
use crate::ending;
use crate::rules::{self, Fault};
use crate::setup::Setup;
use crate::world::World;

/// What a search has come to.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) states: usize,
    /// All paths of so many steps were gone.
    pub(crate) depth: usize,
    /// There is no state beyond.
    pub(crate) is_whole: bool,
    pub(crate) fault: Option<(Fault, Vec<Action>)>,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, depth, .. } = self;
        let Some((fault, path)) = &self.fault else {
            return write!(f, "{states} states within {depth} steps");
        };
        write!(f, "{fault}, after {depth} steps ({states} states):")?;
        for action in path {
            write!(f, "\n  {action:?}")?;
        }
        Ok(())
    }
}

/// Where a search ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) depth: usize,
    pub(crate) states: usize,
}

impl Bounds {
    pub(crate) fn depth(depth: usize) -> Self {
        Self {
            depth,
            states: usize::MAX,
        }
    }
}

/// Visits all states within so many steps, each once.
pub(crate) fn search(setup: &Setup, bounds: Bounds, mut tell: impl FnMut(usize, usize)) -> Found {
    let mut found = Found {
        states: 1,
        depth: 0,
        is_whole: false,
        fault: None,
    };
    let first = World::new(setup).in_order();
    let mut seen = Seen::default();
    seen.insert(hash(&first));
    let mut paths = vec![(0_u32, None)];
    let mut level = vec![(0_u32, first)];
    let mut steps = Vec::new();
    while !level.is_empty() {
        if found.depth == bounds.depth || found.states >= bounds.states {
            return found;
        }
        let mut next = Vec::new();
        for (from, world) in level {
            steps.clear();
            successors(&world, setup, &mut steps);
            for (action, result) in steps.drain(..) {
                let result = result.and_then(|world: World| {
                    rules::hold(&world, setup)?;
                    Ok(world.in_order())
                });
                let result = result.and_then(|world| {
                    let name = hash(&world);
                    if seen.insert(name) {
                        ending::check(&world, name, setup)?;
                        paths.push((from, Some(action)));
                        next.push(((paths.len() - 1) as u32, world));
                    }
                    Ok(())
                });
                if let Err(fault) = result {
                    found.states = paths.len();
                    found.depth += 1;
                    found.fault = Some((fault, path(setup, &paths, from, action)));
                    return found;
                }
            }
        }
        level = next;
        found.depth += 1;
        found.states = paths.len();
        tell(found.depth, found.states);
    }
    found.is_whole = true;
    found
}

/// The steps to a fault, with the processes numbered as they began: the search puts each
/// state in order.
fn path(setup: &Setup, paths: &[(u32, Option<Action>)], from: u32, last: Action) -> Vec<Action> {
    let (mut ordered, mut at) = (vec![last], from);
    while let (before, Some(action)) = paths[at as usize] {
        ordered.push(action);
        at = before;
    }
    let mut world = World::new(setup);
    let (mut state, mut told) = (world.in_order(), Vec::new());
    let mut steps = Vec::new();
    for action in ordered.into_iter().rev() {
        let mut after = |world: &World, is_it: &dyn Fn(&Successor) -> bool| {
            steps.clear();
            successors(world, setup, &mut steps);
            let at = steps.iter().position(is_it)?;
            Some(steps.swap_remove(at))
        };
        let Some((_, next)) = after(&state, &|(other, _)| *other == action) else {
            break;
        };
        let next = next.map(|world| world.in_order());
        let is_it = |(_, result): &Successor| result.map(|world| world.in_order()) == next;
        let Some((action, result)) = after(&world, &is_it) else {
            break;
        };
        told.push(action);
        match (next, result) {
            (Ok(next), Ok(result)) => (state, world) = (next, result),
            _ => return told,
        }
    }
    // It is its end that fails, which is told with the numbers of the state in order.
    if rules::hold(&state, setup).is_ok() {
        let order = world.order();
        let _ = ending::follow(&state, setup, |action| told.push(action.by(&order)));
    }
    told
}

/// The states seen, by their hashes of 64 bits: of a hundred million states, two that
/// differ share one with a chance of 1 in 4,000.
type Seen = HashSet<u64, BuildHasherDefault<AsItIs>>;

pub(crate) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = Mixer::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Faster than the standard one, and the same in each run. All numbers of a state fit
/// into a byte each.
#[derive(Default)]
struct Mixer {
    mixed: u64,
    /// Bytes that wait for others, and how many.
    bytes: u64,
    count: u32,
}

impl Mixer {
    fn push(&mut self, byte: u8) {
        self.bytes = self.bytes << 8 | u64::from(byte);
        self.count += 1;
        if self.count.is_multiple_of(8) {
            let word = self.bytes;
            self.mix(word);
        }
    }

    fn mix(&mut self, word: u64) {
        let mixed = self.mixed ^ word ^ 0x9E37_79B9_7F4A_7C15;
        let folded = u128::from(mixed) * 0xD6E8_FEB8_6659_FD93;
        self.mixed = (folded as u64) ^ (folded >> 64) as u64 ^ word.rotate_left(23);
    }
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        let mut last = Self {
            mixed: self.mixed,
            ..Self::default()
        };
        last.mix(self.bytes);
        last.mix(u64::from(self.count));
        last.mix(0xE703_7ED1_A0B4_28DB);
        last.mixed
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.push(*byte);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.push(byte);
    }

    fn write_usize(&mut self, number: usize) {
        self.push(number as u8);
    }

    fn write_isize(&mut self, number: isize) {
        self.push(number as u8);
    }
}

/// For what is a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}
