//! A cluster: the slots are spread over nodes, and keys over slots.
//!
//! [`Cluster`] is what callers see: the node of a key, as far as known. What is known
//! stands on the *board*: a *table* of slots and nodes, and whether it is to be found
//! out again. A *seeker* thread does that: it asks some of the nodes it knows (the
//! *roster*) for their maps, in *rounds*, and puts the newest *map* into the table. It
//! is asked to by callers whose requests fail, and by the clock. In between, each
//! node that sends a request on tells of one slot.

mod address;
mod board;
mod layout;
mod map;
mod roster;
mod round;
mod seeker;
mod table;

pub(super) use self::layout::Cluster;
