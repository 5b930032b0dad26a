//! Tests of all scripts together.

mod keys;
mod lua;
