//! What holds for all scripts.

mod keys;
mod lua;
