//! The turn of an entry whose value of a field has a rate of its own.

use crate::command::Mark;
use crate::consumer::member::Member;
use crate::consumer::member::held::Held;
use crate::consumer::member::rate::KeyTurn;
use crate::consumer::member::settle::Action;

/// The action for a taken entry that is too early for its turn; `None` if it may begin.
/// An entry that was parked until its turn may.
pub(super) fn wait_for_key(member: &Member, held: &Held, index: usize) -> Option<Action> {
    let rates = member.common.key_rates.as_ref()?;
    let mark = held.mark(index);
    if mark.has_turn || held.is_alone() {
        return None;
    }
    let turn = rates.take(held.fields(index), |turns| {
        member.heed_hold(turns.hold.as_ref(), turns.server_ms);
    });
    match turn {
        KeyTurn::Now => None,
        KeyTurn::Later { after, has_turn } => Some(Action::AwaitTurn {
            delay: after,
            mark: Mark { has_turn, ..mark },
        }),
    }
}
