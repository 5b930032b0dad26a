//! From bytes to the values of a reply: [`Scanner`] finds where each [`Token`]
//! lies, within [`Limits`].

mod limits;
mod number;
mod scanner;
mod token;

pub(crate) use self::limits::Limits;
#[cfg(test)]
pub(crate) use self::scanner::ProtocolError;
pub(crate) use self::scanner::{Progress, Scanner};
pub(crate) use self::token::Token;
