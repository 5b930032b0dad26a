//! A cluster: the slots are spread over nodes, and keys over slots.
//!
//! [`Cluster`] is the callers' view: the node of a key, as far as known. The *board* has
//! the known state: a *table* of slots and nodes, and whether a refresh is wanted. A
//! *seeker* thread refreshes: it asks some of the known nodes (the *roster*) for their
//! maps, in *rounds*, and puts the newest *map* into the table. Failed requests of
//! callers trigger it, and the clock. In between, each node that redirects a request
//! tells of one slot.

mod address;
mod board;
mod layout;
mod map;
mod roster;
mod round;
mod seeker;
mod table;

pub(super) use self::layout::Cluster;
