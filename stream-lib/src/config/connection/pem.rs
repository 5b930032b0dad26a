//! Sources of certificates and keys.

#[cfg(feature = "tls")]
use std::path::Path;
use std::path::PathBuf;

/// PEM text, or the file that holds it.
#[derive(Clone)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "TLS reads it"))]
pub(crate) enum Pem {
    Bytes(Vec<u8>),
    File(PathBuf),
}

#[cfg(feature = "tls")]
impl Pem {
    /// The file, if there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Bytes(_) => None,
            Self::File(path) => Some(path),
        }
    }
}
