//! One message, and many.
//!
//! *more* is what is known of a message beside its stream; *fields* decodes it and marks its
//! faults, *fates* says what became of it in each group, and *one* puts the page together.
//! *many* are the messages of a stream, in lines.

mod fates;
mod fields;
mod many;
mod more;
mod one;

pub(super) use self::many::in_a_line;
pub use self::many::{all_messages, messages};
pub use self::more::{MessageMore, PeekedLetter};
pub use self::one::message;
