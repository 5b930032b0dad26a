//! What holds for any members and any partitions.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::partition::count::Partitions;
use crate::partition::plan::{Plan, Sight};
use crate::partition::share::share_of;

fn names() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set("[a-z0-9-]{1,6}", 1..50)
}

fn partitions() -> impl Strategy<Value = Partitions> {
    (0_u32..=8).prop_map(|power| Partitions::new(1 << power).unwrap())
}

fn share(me: &str, living: &BTreeSet<String>, partitions: Partitions) -> usize {
    share_of(me, living.iter().map(String::as_str), "orders", partitions)
}

proptest! {
    #[test]
    fn shares_add_up_and_are_fair(living in names(), partitions in partitions()) {
        let shares: Vec<_> = living.iter().map(|me| share(me, &living, partitions)).collect();
        let least = usize::from(partitions.count()) / living.len();
        prop_assert_eq!(shares.iter().sum::<usize>(), usize::from(partitions.count()));
        prop_assert!(shares.iter().all(|share| *share == least || *share == least + 1));
    }

    #[test]
    fn neither_order_nor_repeats_nor_ones_own_absence_matter(
        living in names(), partitions in partitions(), other in "[a-z]{7}",
    ) {
        let all = living.iter().map(String::as_str);
        for me in living.iter().map(String::as_str).chain([other.as_str()]) {
            let with_me = all.clone().chain([me]);
            let repeated = all.clone().rev().chain(all.clone()).chain([me, me]);
            prop_assert_eq!(
                share_of(me, with_me, "orders", partitions),
                share_of(me, repeated, "orders", partitions)
            );
            prop_assert_eq!(
                share_of(me, all.clone(), "orders", partitions),
                share_of(me, all.clone().chain([me]), "orders", partitions)
            );
        }
    }

    #[test]
    fn who_joins_makes_no_other_share_larger(
        living in names(), partitions in partitions(), newcomer in "[a-z]{7}",
    ) {
        let mut more = living.clone();
        more.insert(newcomer);
        for me in &living {
            let (before, after) = (share(me, &living, partitions), share(me, &more, partitions));
            prop_assert!(after <= before, "{} had {} and has {}", me, before, after);
        }
    }

    #[test]
    fn a_plan_moves_towards_the_share_and_not_past_it(
        living in names(), partitions in partitions(), seed: u64,
        owned in 0_usize..300, leaving in 0_usize..4, free in 0_usize..300,
    ) {
        let count = usize::from(partitions.count());
        let owned = owned.min(count);
        let free = free.min(count - owned);
        let all: Vec<u16> = partitions.all().collect();
        let living: Vec<String> = living.into_iter().collect();
        let (me, mut random) = (living[0].clone(), seed);
        let sight = Sight {
            me: &me,
            living: &living,
            group: "orders",
            partitions,
            owned: &all[..owned],
            leaving,
            free: &all[owned..owned + free],
        };
        let plan = Plan::of(&sight, |below| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(random >> 33).unwrap() % below
        });
        let share = share_of(&me, living.iter().map(String::as_str), "orders", partitions);
        prop_assert!(plan.take.is_empty() || plan.give_up.is_empty());
        prop_assert_eq!(plan.take.len(), share.saturating_sub(owned + leaving).min(free));
        prop_assert_eq!(plan.give_up.len(), owned.saturating_sub(share));
        let taken: BTreeSet<_> = plan.take.iter().collect();
        prop_assert_eq!(taken.len(), plan.take.len());
        prop_assert!(plan.take.iter().all(|one| sight.free.contains(one)));
        prop_assert!(plan.give_up.iter().all(|one| sight.owned.contains(one)));
    }
}

#[test]
fn one_more_goes_to_others_in_another_group() {
    let living: Vec<String> = (0..20).map(|n| format!("host-{n}")).collect();
    let partitions = Partitions::new(16).unwrap();
    let mut total = 0;
    for group in 0..200 {
        let group = format!("group-{group}");
        total += share_of(
            "host-0",
            living.iter().map(String::as_str),
            &group,
            partitions,
        );
    }
    // 16 of 20 have one.
    assert!((130..190).contains(&total), "{total}");
}
