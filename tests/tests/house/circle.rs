//! Circles in a graph of names.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One of the shortest circles through each name that is in one; each circle
/// once. The first name isn't repeated at the end.
pub(crate) fn circles(arrows: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for start in arrows.keys() {
        if let Some(circle) = shortest(arrows, start) {
            let names: BTreeSet<_> = circle.iter().cloned().collect();
            if seen.insert(names) {
                found.push(circle);
            }
        }
    }
    found
}

/// The shortest way from `start` back to it.
fn shortest(arrows: &BTreeMap<&str, BTreeSet<&str>>, start: &str) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(name) = queue.pop_front() {
        for &next in arrows.get(name).into_iter().flatten() {
            if next == start {
                let mut way = vec![name];
                while let Some(&before) = way.last().and_then(|last| came_from.get(last)) {
                    way.push(before);
                }
                return Some(way.into_iter().rev().map(str::to_owned).collect());
            }
            if !came_from.contains_key(next) {
                came_from.insert(next, name);
                queue.push_back(next);
            }
        }
    }
    None
}
