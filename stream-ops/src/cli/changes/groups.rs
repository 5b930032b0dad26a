//! Changes of groups, consumers and pending entries.

use super::drive::drive;
use crate::act::{self, HandsOn, PendingChoice};
use crate::cli::change_args::{Agreed, ConsumerChange, GroupChange, PendingChange, PendingWhich};
use crate::cli::context::Context;
use crate::cli::exit::Outcome;

/// Deliveries from which an entry is a suspect.
const SUSPECT: u64 = 2;

pub(crate) fn group(context: &Context, change: GroupChange) -> Outcome {
    let redis = context.redis()?;
    let (plan, agreed) = match change {
        GroupChange::Create { of, from } => (
            act::create(redis, &of.name, &of.group, from),
            Agreed::default(),
        ),
        GroupChange::SetId {
            of,
            to,
            force,
            agreed,
        } => (act::set_id(redis, &of.name, &of.group, to, force), agreed),
        GroupChange::Hold { of, time, why } => (
            act::hold(redis, &of.name, &of.group, time, &why),
            Agreed::default(),
        ),
        GroupChange::Release(of) => (act::release(redis, &of.name, &of.group), Agreed::default()),
        GroupChange::Rm { of, agreed } => (act::remove_group(redis, &of.name, &of.group), agreed),
    };
    drive(context, plan, agreed)
}

pub(crate) fn consumer(context: &Context, change: ConsumerChange) -> Outcome {
    let ConsumerChange::Rm { of, consumer } = change;
    let plan = act::remove_consumer(context.redis()?, &of.name, &of.group, &consumer);
    drive(context, plan, Agreed::default())
}

pub(crate) fn pending(context: &Context, change: PendingChange) -> Outcome {
    let (hands, which, agreed) = match change {
        PendingChange::Release { which, agreed } => (HandsOn::Release, which, agreed),
        PendingChange::Bury { which, why, agreed } => (HandsOn::Bury(why), which, agreed),
        PendingChange::Ack { which, agreed } => (HandsOn::Ack, which, agreed),
    };
    let PendingWhich {
        of,
        entries,
        suspects,
        consumer,
        waiting,
        dead_after,
        limit,
        until,
    } = which;
    let choice = PendingChoice {
        ids: entries,
        consumer,
        min_deliveries: if suspects { SUSPECT } else { 0 },
        waiting,
        limit,
        until,
        dead_after: Some(dead_after),
    };
    let plan = act::pending(context.redis()?, &of.name, &of.group, &hands, &choice);
    drive(context, plan, agreed)
}
