//! What can be changed: asked for by a *form*, *planned* by a dry run, *pending* until it is
//! confirmed, and *made* once.

mod form;
mod made;
mod pending;
mod planned;
mod what;

pub(crate) use self::form::{Asked, asked};
pub(crate) use self::made::make;
pub(crate) use self::pending::{Pending, Told};
pub(crate) use self::planned::plan;
pub(crate) use self::what::Change;
