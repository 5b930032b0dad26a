//! The master that sentinels watch.
//!
//! [`Sentinel`] is what callers see: where the master is, as far as known, and how
//! to have it found out again. A *seeker* thread does that: it asks all sentinels of
//! the *roster* at the same time (a *round* of *questions*), *chooses* among their
//! answers, and *moves* to the master that they name. It is asked to by callers
//! whose connections fail, by the *watch* on each sentinel's announcements, and by the
//! clock. What it finds stands on the *board*.

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
