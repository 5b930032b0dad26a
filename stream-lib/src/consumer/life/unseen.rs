//! Deliveries to a member that has left its partition, unknown to this process.

use std::collections::HashSet;
use std::time::Duration;

use crate::command::{self, Mark, Parking};
use crate::consumer::brief::brief;
use crate::consumer::member::Member;
use crate::error::Result;

/// Gives back the entries that Redis has under the member's name, and this process
/// doesn't know: their answer was lost with a connection, so they did not run.
pub(super) fn give_back_unseen(member: &Member) -> Result<()> {
    let mut after = None;
    loop {
        let page = brief(member, |wire| {
            command::pending_of(wire, &member.group, &member.name, after)
        })?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.id);
        // Read after the request to Redis, so that entries which have come in since are
        // known.
        let known: HashSet<_> = member.replies.ids().into_iter().collect();
        let most = member.config.retry.deliveries();
        let unseen: Vec<_> = page
            .iter()
            .filter(|entry| !known.contains(&entry.id))
            .map(|entry| Parking {
                id: entry.id,
                attempt: entry.deliveries,
                // Its last delivery, after others that may have ended in crashes, is left
                // to the takeover, with its lock.
                delay: (entry.deliveries < 2 || entry.deliveries < most).then_some(Duration::ZERO),
                deliveries: Some(entry.deliveries.saturating_sub(1)),
                mark: Mark::default(),
            })
            .collect();
        if !unseen.is_empty() {
            brief(member, |wire| {
                command::park(wire, &member.group, &member.name, &unseen)
            })?;
        }
    }
}
