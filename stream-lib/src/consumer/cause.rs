//! The error of a failed delivery.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::runtime::drop_shielded;

/// The error of a failed delivery. It is usually the user's own type, whose drop may
/// panic; that panic is caught here.
pub(crate) struct Cause(Option<Arc<dyn StdError + Send + Sync>>);

impl Cause {
    pub(crate) fn new(error: Arc<dyn StdError + Send + Sync>) -> Self {
        Self(Some(error))
    }

    /// The error of a handler that panicked.
    pub(crate) fn panic(text: String) -> Self {
        Self::new(Arc::new(Panicked(text)))
    }

    /// The error itself.
    pub(crate) fn error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        match &self.0 {
            Some(error) => error.as_ref(),
            // It is `None` only while it is dropped.
            None => &fmt::Error,
        }
    }
}

impl Drop for Cause {
    fn drop(&mut self) {
        drop_shielded(self.0.take());
    }
}

/// Doesn't format the error, which may panic.
impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cause")
    }
}

/// The error that stands for a panic.
#[derive(Debug)]
struct Panicked(String);

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.0)
    }
}

impl StdError for Panicked {}
