//! The baselines.

pub(crate) mod bare;
pub(crate) mod latency;
pub(crate) mod minimal;
pub(crate) mod original;
pub(crate) mod peer;
pub(crate) mod pool;
pub(crate) mod redis_benchmark;
pub(crate) mod socket;
pub(crate) mod two_steps;
