//! One message, and many.
//!
//! *more* has the facts of a message beside those of its stream; *fields* decodes it and
//! marks its faults, *fates* has its state in each group, and *one* makes the page. *many*
//! has the messages of a stream, one per line.

mod fates;
mod fields;
mod many;
mod more;
mod one;

pub(super) use self::many::in_a_line;
pub use self::many::{all_messages, messages};
pub use self::more::{MessageMore, PeekedLetter};
pub use self::one::message;
