//! The choice between several answers.

use std::collections::BTreeMap;

/// A master as a sentinel names it: host and port, as announced.
pub(super) type Announced = (String, u16);

/// The master according to one sentinel, or the one believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vote {
    pub(super) master: Announced,
    /// Grows with each failover (`config-epoch`); 0 if this user may not ask.
    pub(super) epoch: u64,
}

/// The master among the answers of some of `known` sentinels: the one of the highest
/// epoch, then the one that most of them name, then the one `believed` so far. An epoch
/// lower than the believed one comes from sentinels that missed a failover or have not
/// heard of it yet. It counts only if it is lasting and most known sentinels have one:
/// then they were set up again.
///
/// `None` if there are no votes.
pub(super) fn choose(
    votes: &[Vote],
    known: usize,
    believed: Option<&Vote>,
    is_lasting: bool,
) -> Option<Vote> {
    let epoch = votes.iter().map(|vote| vote.epoch).max()?;
    let mut counts: BTreeMap<&Announced, usize> = BTreeMap::new();
    for vote in votes.iter().filter(|vote| vote.epoch == epoch) {
        *counts.entry(&vote.master).or_default() += 1;
    }
    let is_believed = |master: &Announced| believed.is_some_and(|b| b.master == *master);
    let (master, _) = counts
        .into_iter()
        .max_by_key(|(master, count)| (*count, is_believed(master)))?;
    let chosen = Vote {
        master: master.clone(),
        epoch,
    };
    let is_agreed = is_lasting && is_majority(votes.len(), known);
    let is_stale = |believed: &&Vote| believed.epoch > epoch && !is_agreed;
    match believed.filter(is_stale) {
        Some(believed) => Some(believed.clone()),
        None => Some(chosen),
    }
}

pub(super) fn is_majority(count: usize, known: usize) -> bool {
    count * 2 > known
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vote(port: u16, epoch: u64) -> Vote {
        Vote {
            master: ("m".to_owned(), port),
            epoch,
        }
    }

    fn chosen(votes: &[(u16, u64)], known: usize, believed: Option<(u16, u64)>) -> (u16, u64) {
        let votes: Vec<_> = votes
            .iter()
            .map(|(port, epoch)| vote(*port, *epoch))
            .collect();
        let believed = believed.map(|(port, epoch)| vote(port, epoch));
        let chosen = choose(&votes, known, believed.as_ref(), true).unwrap();
        (chosen.master.1, chosen.epoch)
    }

    #[test]
    fn most_of_them_may_have_yet_to_hear_of_a_failover() {
        let (new, old) = (vote(2, 5), vote(1, 4));
        let both = [old.clone(), old.clone()];
        assert_eq!(choose(&both, 3, Some(&new), false), Some(new.clone()));
        assert_eq!(choose(&both, 3, Some(&new), true), Some(old));
    }

    #[test]
    fn nothing_is_chosen_from_nothing() {
        assert_eq!(choose(&[], 3, Some(&vote(1, 1)), true), None);
    }

    #[test]
    fn the_highest_epoch_wins_against_any_number_of_votes() {
        assert_eq!(chosen(&[(1, 4), (1, 4), (2, 5)], 3, Some((1, 4))), (2, 5));
    }

    #[test]
    fn votes_decide_within_an_epoch_and_then_what_is_believed() {
        assert_eq!(chosen(&[(1, 4), (2, 4), (2, 4)], 3, None), (2, 4));
        assert_eq!(chosen(&[(1, 4), (2, 4)], 3, Some((1, 4))), (1, 4));
        assert_eq!(chosen(&[(1, 4), (2, 4)], 3, Some((2, 4))), (2, 4));
    }

    #[test]
    fn a_minority_with_an_older_epoch_is_not_believed() {
        assert_eq!(chosen(&[(1, 4)], 3, Some((2, 5))), (2, 5));
        assert_eq!(chosen(&[(1, 4), (1, 3)], 5, Some((2, 5))), (2, 5));
    }

    #[test]
    fn sentinels_that_were_set_up_again_are_believed_by_their_majority() {
        assert_eq!(chosen(&[(1, 0), (1, 0)], 3, Some((2, 5))), (1, 0));
        assert_eq!(chosen(&[(1, 0)], 1, Some((2, 5))), (1, 0));
    }

    proptest! {
        #[test]
        fn a_choice_is_an_answer_of_the_highest_epoch_or_what_was_believed(
            votes in prop::collection::vec((1_u16..4, 0_u64..4), 1..7),
            more in 0_usize..4,
            believed in prop::option::of((1_u16..4, 0_u64..6)),
        ) {
            let known = votes.len() + more;
            let highest = votes.iter().map(|(_, epoch)| *epoch).max().unwrap();
            let (port, epoch) = chosen(&votes, known, believed);
            let is_answer = epoch == highest && votes.contains(&(port, epoch));
            prop_assert!(is_answer || believed == Some((port, epoch)));
            if let Some((_, before)) = believed && epoch < before {
                prop_assert!(is_majority(votes.len(), known), "a minority has gone back");
            }
        }

        #[test]
        fn the_order_of_the_answers_changes_nothing(
            votes in prop::collection::vec((1_u16..4, 0_u64..3), 1..7),
            by in 0_usize..7,
        ) {
            let mut turned = votes.clone();
            turned.rotate_left(by % votes.len());
            prop_assert_eq!(chosen(&votes, 7, None), chosen(&turned, 7, None));
        }
    }
}
