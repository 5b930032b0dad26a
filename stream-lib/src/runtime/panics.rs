//! Panics of users' code, which must not end a thread of the library.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of a panic, for logs and dead letters. It is not bounded, and may have many
/// lines.
pub(crate) fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a text".to_owned()
    };
    drop_shielded(payload);
    text
}

/// Drops a value whose type may be the user's own, and panic at that.
pub(crate) fn drop_shielded<T>(thing: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(thing))) {
        // To drop this one could panic again, and so on: a leak ends it.
        mem::forget(panic);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{panic_any, resume_unwind};

    use super::*;

    /// Panics with another one when it is dropped.
    struct Spiteful;

    impl Drop for Spiteful {
        fn drop(&mut self) {
            resume_unwind(Box::new(Self));
        }
    }

    #[test]
    fn panic_that_panics_when_dropped_ends_here() {
        let panic = catch_unwind(|| panic_any(Spiteful)).unwrap_err();
        assert_eq!(panic_text(panic), "a panic without a text");
        let panic = catch_unwind(|| panic_any("no stock".to_owned())).unwrap_err();
        assert_eq!(panic_text(panic), "no stock");
    }
}
