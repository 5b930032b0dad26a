//! Managed services forbid commands, hide facts, close idle connections and refuse large
//! requests. None of that may stop operations that don't need them.

mod all_day;
mod limits;
mod refused;
mod services;
