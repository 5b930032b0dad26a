//! Rate limits: handlers that begin per second in all processes of a group.

mod model;
mod per_key;
mod whole_group;
