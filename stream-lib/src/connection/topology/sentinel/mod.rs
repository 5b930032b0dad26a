//! The master that sentinels watch.
//!
//! [`Sentinel`] is the callers' view: the master, as far as known, and a trigger to look
//! for it again. A *seeker* thread looks for it: it asks all sentinels of the *roster* at
//! the same time (a *round* of *questions*), *chooses* among their answers, and *moves*
//! to the master that they name. Three things trigger it: a caller whose connection fails,
//! the *watch* on each sentinel's announcements, and the clock. The *board* has the
//! result.

mod answer;
mod board;
mod choice;
mod master;
mod question;
mod roster;
mod round;
mod seeker;
mod watch;

pub(super) use self::master::Sentinel;
