//! The policy against a model of a stream.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::config::{Priority, Retention};

const NOW: u64 = 1_000;

/// A stream as a set of ids, with the entries that each counting group has not handled.
#[derive(Debug, Clone)]
struct Model {
    sight: Sight,
    entries: Vec<EntryId>,
    unhandled: Vec<BTreeSet<EntryId>>,
}

fn ids() -> impl Strategy<Value = Vec<EntryId>> {
    let seq = prop_oneof![0_u64..4, Just(u64::MAX), Just(u64::MAX - 1)];
    proptest::collection::btree_set((0_u64..1_100, seq), 0..40)
        .prop_map(|ids| ids.into_iter().map(|(ms, seq)| EntryId::new(ms, seq)))
        .prop_map(Iterator::collect)
}

prop_compose! {
    fn settings()(
        priority in proptest::sample::select(Priority::all()),
        max_length in 1_u64..40,
        max_age in 0_u64..1_200,
        min_time in 0_u64..1_200,
        min_retention_count in 0_u64..30,
        delete_after_ack: bool,
        trim_without_groups: bool,
    ) -> Retention {
        Retention {
            priority,
            max_length,
            max_age: Duration::from_millis(max_age),
            min_retention_time: Duration::from_millis(min_time),
            min_retention_count,
            delete_after_ack,
            trim_without_groups,
            ..Retention::default()
        }
    }
}

prop_compose! {
    fn models()(
        entries in ids(),
        settings in settings(),
        // Per group: the read position, the pending entries below it, and whether it is
        // left out.
        groups in proptest::collection::vec(
            (
                0_usize..41,
                proptest::collection::vec(any::<bool>(), 40),
                proptest::bool::weighted(0.2),
            ),
            0..4,
        ),
    ) -> Model {
        let mut positions = Vec::new();
        let mut unhandled = Vec::new();
        for (read, pending, is_left_out) in groups {
            let read = read.min(entries.len());
            let (seen, unread) = entries.split_at(read);
            let pending: BTreeSet<_> = seen
                .iter()
                .zip(pending)
                .filter_map(|(id, pending)| pending.then_some(*id))
                .collect();
            positions.push(Position {
                group: format!("g{}", positions.len()),
                cursor: seen.last().copied().unwrap_or(EntryId::MIN),
                oldest_pending: pending.first().copied(),
                since: NOW,
                is_left_out,
            });
            if !is_left_out {
                unhandled.push(pending.into_iter().chain(unread.iter().copied()).collect());
            }
        }
        let sight = Sight {
            now: NOW,
            length: entries.len() as u64,
            first: entries.first().copied(),
            removed: 0,
            lost: 0,
            more: false,
            settings,
            groups: positions,
        };
        Model { sight, entries, unhandled }
    }
}

impl Model {
    fn removed(&self) -> Vec<EntryId> {
        let cut = Cut::new(&self.sight);
        (0_u64..)
            .zip(&self.entries)
            .filter_map(|(older, id)| cut.removes(older, *id).then_some(*id))
            .collect()
    }

    fn somebody_waits_for(&self, id: EntryId) -> bool {
        self.unhandled.iter().any(|ids| ids.contains(&id))
    }

    /// The table of priorities, entry by entry, without bounds.
    fn may_go(&self, older: u64, id: EntryId) -> bool {
        let settings = &self.sight.settings;
        let age = Duration::from_millis(NOW.saturating_sub(id.ms()));
        let newer = self.sight.length - older - 1;
        let behind_nobody = self
            .entries
            .iter()
            .all(|before| *before > id || !self.somebody_waits_for(*before));
        let handled = if self.sight.groups.is_empty() {
            settings.trim_without_groups
        } else {
            behind_nobody
        };
        let beyond_length = newer >= settings.max_length;
        let beyond_age = age > settings.max_age;
        let done = settings.delete_after_ack && handled && !self.unhandled.is_empty();
        newer >= settings.min_retention_count
            && match settings.priority {
                Priority::Low => beyond_length || beyond_age || done,
                Priority::Normal => handled && (beyond_length || beyond_age || done),
                Priority::High => {
                    handled
                        && age > settings.min_retention_time
                        && (beyond_length || beyond_age || done)
                }
                Priority::Critical => handled && age > settings.min_retention_time && beyond_age,
            }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_cut_is_the_table_of_priorities(model in models()) {
        let expected: Vec<_> = (0_u64..)
            .zip(&model.entries)
            .filter_map(|(older, id)| model.may_go(older, *id).then_some(*id))
            .collect();
        prop_assert_eq!(model.removed(), expected);
    }

    #[test]
    fn nothing_that_somebody_waits_for_goes_from_normal_on(model in models()) {
        prop_assume!(model.sight.settings.priority.heeds_floor());
        for id in model.removed() {
            prop_assert!(!model.somebody_waits_for(id), "{id}");
        }
    }

    #[test]
    fn the_minima_hold(model in models()) {
        let settings = &model.sight.settings;
        let removed = model.removed();
        let left = model.sight.length - removed.len() as u64;
        let kept = settings.min_retention_count.min(model.sight.length);
        prop_assert!(left >= kept, "{left} of {kept} are left");
        if settings.priority.heeds_min_time() {
            let youngest = Duration::from_millis(
                removed.iter().map(|id| NOW.saturating_sub(id.ms())).min().unwrap_or(u64::MAX),
            );
            prop_assert!(youngest > settings.min_retention_time);
        }
    }

    #[test]
    fn what_goes_is_the_beginning_of_the_stream(model in models()) {
        let removed = model.removed();
        prop_assert_eq!(&removed[..], &model.entries[..removed.len()]);
    }

    #[test]
    fn length_alone_removes_nothing_critical(mut model in models()) {
        model.sight.settings.priority = Priority::Critical;
        model.sight.settings.max_age = Duration::from_millis(NOW);
        prop_assert_eq!(model.removed(), vec![]);
    }

    #[test]
    fn a_floor_holds_back_what_would_go_without_it(model in models()) {
        let floor = Floor::of(&model.sight).id;
        let above: Vec<_> = model.entries.iter().filter(|id| **id >= floor).collect();
        let Some(&&first) = above.first() else {
            return Ok(());
        };
        if !model.sight.settings.priority.heeds_floor() {
            prop_assert!(!held_back(&model.sight, first, above.len() as u64));
            return Ok(());
        }
        let older = model.sight.length - above.len() as u64;
        let mut cut = Cut::new(&model.sight);
        cut.protected = if model.sight.settings.priority.heeds_min_time() {
            before(NOW, model.sight.settings.min_retention_time)
        } else {
            EntryId::MAX
        };
        cut.acknowledged = EntryId::MIN;
        prop_assert_eq!(
            held_back(&model.sight, first, above.len() as u64),
            cut.removes(older, first)
        );
    }
}

#[test]
fn a_cursor_at_the_end_of_a_millisecond_is_passed_exactly() {
    let position = Position {
        group: "g".to_owned(),
        cursor: EntryId::new(7, u64::MAX),
        oldest_pending: None,
        since: 0,
        is_left_out: false,
    };
    assert_eq!(position.floor(), EntryId::new(8, 0));
}
