//! From bytes to the values of a reply: [`Scanner`] finds where each [`Token`]
//! lies, within [`Limits`].

mod limits;
mod number;
mod scanner;
mod token;

pub(crate) use self::limits::Limits;
pub(crate) use self::scanner::{Progress, ProtocolError, Scanner};
pub(crate) use self::token::Token;
