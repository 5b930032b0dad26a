//! How many handlers begin in a time, in all processes of a group.

mod model;
mod per_key;
mod whole_group;
