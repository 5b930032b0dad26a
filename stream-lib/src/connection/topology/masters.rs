//! All servers that have keys.

use std::sync::Arc;
use std::time::Duration;

use super::door::Topology;
use crate::connection::deadline::Deadline;
use crate::connection::node::Node;
use crate::connection::slots::{SLOTS, slot_of};
use crate::error::Result;

impl Topology {
    /// The servers that have any keys now: the only one, the master, or each master of a
    /// cluster that has a slot.
    ///
    /// # Blocking
    ///
    /// At most `timeout`, if they have to be looked for.
    ///
    /// # Errors
    ///
    /// As [`pooled`](Self::pooled).
    pub(crate) fn masters(&self, timeout: Duration) -> Result<Vec<Arc<Node>>> {
        let mut deadline = Deadline::of(timeout);
        if !self.is_cluster() {
            return Ok(vec![self.locate(b"", &mut deadline)?]);
        }
        // After the first answer the others are known, too.
        let first = self.locate(b"0", &mut deadline)?;
        let mut masters = vec![first];
        for key in keys_of_all_slots() {
            if let Some(node) = self.node_for(key.as_bytes())
                && !masters.iter().any(|known| Arc::ptr_eq(known, &node))
            {
                masters.push(node);
            }
        }
        Ok(masters)
    }
}

/// A key for each slot.
fn keys_of_all_slots() -> Vec<String> {
    let mut seen = vec![false; usize::from(SLOTS)];
    let mut keys = Vec::with_capacity(seen.len());
    // Far fewer numbers are enough for all slots.
    for number in 0..10_000_000_u32 {
        let key = number.to_string();
        if let Some(seen) = seen.get_mut(usize::from(slot_of(key.as_bytes())))
            && !std::mem::replace(seen, true)
        {
            keys.push(key);
            if keys.len() == usize::from(SLOTS) {
                break;
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_key_for_each_slot() {
        let mut slots: Vec<_> = keys_of_all_slots()
            .iter()
            .map(|key| slot_of(key.as_bytes()))
            .collect();
        slots.sort_unstable();
        assert!(slots.into_iter().eq(0..SLOTS));
    }
}
