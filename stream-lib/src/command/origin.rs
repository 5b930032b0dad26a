//! The first id of a message, by its reserved fields.

use super::reserved::{ORIGIN, SCHEDULED};
use crate::message::EntryId;
use crate::message::schedule_id::ScheduleId;

/// The first id of the message in an entry of this id; `header` reads its reserved
/// fields.
///
/// A scheduled message had no entry at first: its id consists of its due time and its
/// number, since many messages may be due at the same time. Like any other id, it is
/// unique within a partition.
pub(crate) fn original_id<'h>(
    entry: EntryId,
    header: impl Fn(&'static str) -> Option<&'h [u8]>,
) -> EntryId {
    let parsed = header(ORIGIN).and_then(|id| EntryId::parse(id).ok());
    let Some(origin) = parsed else {
        return entry;
    };
    match header(SCHEDULED).and_then(|id| ScheduleId::parse(id).ok()) {
        Some(id) => EntryId::new(origin.ms(), id.number()),
        None => origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_due_at_the_same_time_have_ids_of_their_own() {
        let of = |origin: &'static str, scheduled: &'static str| {
            original_id(EntryId::new(9, 9), |name| {
                let value = if name == ORIGIN { origin } else { scheduled };
                (!value.is_empty()).then_some(value.as_bytes())
            })
        };
        assert_eq!(of("", ""), EntryId::new(9, 9));
        assert_eq!(of("7-3", ""), EntryId::new(7, 3));
        let scheduled = "0000000000000017-k3v9x2m4p7q8";
        assert_eq!(of("7-0", scheduled), EntryId::new(7, 17));
        assert_eq!(of("7-0", "no id"), EntryId::new(7, 0));
        assert_eq!(of("", scheduled), EntryId::new(9, 9));
    }
}
