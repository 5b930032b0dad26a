//! Changes: read from a *form*, *planned* without changing anything, *pending* until the
//! *question* is answered, and made once, as *work*.
//!
//! *what* has the changes. *letters* reads the dead letters that a form chooses; *edit* and
//! *copy* offer fields to edit first. The changes themselves are those of the command line,
//! in [`act`](crate::act).

mod copy;
mod edit;
mod form;
mod letters;
mod pending;
mod planned;
mod question;
mod what;
mod work;

pub(crate) use self::form::asked;
pub(crate) use self::pending::{Pending, Told};
pub(crate) use self::planned::plan;
pub(crate) use self::question::Question;
pub(crate) use self::what::Asked;
pub(crate) use self::work::{Work, Works};
