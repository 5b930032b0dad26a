//! The state of a message in each group.

use stream_lib::{EntryId, PendingEntry, PendingHolder};

use super::more::MessageMore;
use crate::observe::{GroupFacts, StreamFacts};
use crate::serve::page::{Fate, Page, Sign};
use crate::words::{age_ms, cut, of, ordinal, shown};

/// The words for a handled message.
pub(super) const DONE: &str = "done";

/// The state in each group, the worst first.
pub(super) fn fates(facts: &StreamFacts, id: Option<EntryId>, more: &MessageMore) -> Vec<Fate> {
    let fate = |group: &GroupFacts| {
        let pending = more.pending.iter().find(|(name, _)| *name == group.name);
        let (sign, words, text) = fate_in(
            facts,
            group,
            id,
            pending.and_then(|(_, p)| p.as_ref()),
            more,
        );
        Fate {
            group: group.name.clone(),
            link: Page::Group(facts.name.clone(), group.name.clone()).link(),
            sign,
            words,
            more: text,
        }
    };
    let mut fates: Vec<Fate> = facts.groups.iter().map(fate).collect();
    fates.sort_by_key(|fate| std::cmp::Reverse(fate.sign));
    fates
}

fn fate_in(
    facts: &StreamFacts,
    group: &GroupFacts,
    id: Option<EntryId>,
    pending: Option<&PendingEntry>,
    more: &MessageMore,
) -> (Sign, String, String) {
    if let Some((_, letter)) = &more.letter
        && letter.group == group.name
    {
        let why = if letter.error.is_empty() {
            &letter.reason
        } else {
            &letter.error
        };
        return (
            Sign::Worsens,
            format!(
                "set aside {} ago, as {}",
                age_ms(letter.age_ms),
                letter.reason
            ),
            cut(&shown(why.as_bytes()), 200),
        );
    }
    if let Some(entry) = pending {
        let delivery = format!("{} delivery", ordinal(entry.deliveries));
        let holder = shown(entry.consumer.as_bytes());
        let idle = u64::try_from(entry.idle.as_millis()).unwrap_or(u64::MAX);
        return match entry.holder {
            PendingHolder::Alive => (
                Sign::Fine,
                format!("in hand, {delivery}"),
                format!("held for {} by {holder}", age_ms(idle)),
            ),
            PendingHolder::Dead => (
                Sign::Trouble,
                format!("in dead hands, {delivery}"),
                format!("held for {} by {holder}, which died", age_ms(idle)),
            ),
            PendingHolder::Waiting => (
                Sign::Mends,
                "waits for a retry".to_owned(),
                of(entry.deliveries, "delivery so far", "deliveries so far"),
            ),
            _ => (
                Sign::Worsens,
                format!("waits to be taken over, {delivery}"),
                "nobody holds it".to_owned(),
            ),
        };
    }
    match id {
        Some(_) if facts.partitions.is_some() => (
            Sign::Fine,
            "not in hand".to_owned(),
            "done, or not read yet".to_owned(),
        ),
        Some(id) if id > group.cursor => (Sign::Fine, "not read yet".to_owned(), String::new()),
        Some(_) => (
            Sign::Fine,
            DONE.to_owned(),
            "read, and acknowledged".to_owned(),
        ),
        None => (Sign::Fine, "–".to_owned(), String::new()),
    }
}
