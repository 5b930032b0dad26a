//! Redis Streams seen from outside: facts, what is wrong with them, and what can be
//! done about it.
//!
//! [`observe`] reads the facts of streams, of this library's and of any other, and
//! changes nothing. [`assess`] is a pure function of their [`History`](observe::History):
//! it says which groups stand still, fall behind or keep up, and why. [`act`] plans
//! changes and carries them out; [`audit`] notes each. [`json`] and [`prometheus`] say all
//! this to programs. [`cli`] is the program `streamctl`, and [`serve`] its dashboard.
//! [`server`] is
//! how they ask Redis, and [`words`] how they say numbers, ages and times.

pub mod act;
pub mod assess;
pub mod audit;
pub mod cli;
pub mod json;
pub mod observe;
pub mod prometheus;
pub mod serve;
pub mod server;
pub mod words;
