//! Inspection and repair of Redis Streams: facts, findings and changes.
//!
//! [`observe`] reads the facts of streams, of this library's and of any other, and
//! changes nothing. [`assess`] is a pure function of their [`History`](observe::History):
//! it says which groups stand still, fall behind or keep up, and why. [`act`] plans
//! changes and carries them out; [`audit`] notes each. [`json`] and [`prometheus`] are
//! the forms of all this for programs. [`cli`] is the program `streamctl`, and [`serve`]
//! its dashboard. [`server`] sends requests to Redis, and [`words`] formats numbers, ages
//! and times, [`clock`] knows the time zone, and [`since`] reads times.

pub mod act;
pub mod assess;
pub mod audit;
pub mod cli;
pub mod clock;
mod escape;
pub mod json;
pub mod observe;
pub mod prometheus;
pub mod serve;
pub mod server;
pub mod since;
pub mod words;
