//! The rate of a group, as one of its members keeps it.
//!
//! A worker begins a handler in a *turn*, which the group has taken from Redis
//! ([`take_turns.lua`](crate::command)). A [`GroupRate`] takes some turns at a time, each
//! with the time from which it may be used ([`Turns`](turns::TurnQueue)), instead of
//! asking again and again; workers stand in line for them. With a rate for each value of
//! a field, a [`KeyRates`] asks for each entry, and an entry that is early is parked
//! until its turn.

mod bounds;
mod group;
mod keys;
mod turns;

pub(crate) use self::group::{GroupRate, PORTION, Turn};
pub(crate) use self::keys::{KeyRates, KeyTurn};
