//! Where certificates and keys come from.

use std::path::{Path, PathBuf};

/// PEM text, or the file that holds it.
#[derive(Clone)]
pub(crate) enum Pem {
    Bytes(Vec<u8>),
    File(PathBuf),
}

impl Pem {
    /// The file, where there is one.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "TLS reads it"))]
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Bytes(_) => None,
            Self::File(path) => Some(path),
        }
    }
}
