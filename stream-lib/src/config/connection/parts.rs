//! Parts of the settings: how TLS is spoken, and how to talk to sentinels.

use std::fmt;

use super::credentials::{Credentials, Provider};
use super::pem::Pem;

/// The material of TLS connections of one kind.
#[derive(Clone, Default)]
pub(crate) struct TlsSettings {
    /// `None`: as in the URL.
    pub(crate) is_on: Option<bool>,
    /// `None`: the system's.
    pub(crate) roots: Option<Pem>,
    pub(crate) client: Option<(Pem, Pem)>,
    /// `None`: the host that is connected to.
    pub(crate) server_name: Option<String>,
}

impl TlsSettings {
    /// The names of the given settings that need TLS.
    pub(super) fn given(&self) -> impl Iterator<Item = &'static str> {
        let given = [
            ("tls_root_certificates", self.roots.is_some()),
            ("tls_client_certificate", self.client.is_some()),
            ("tls_server_name", self.server_name.is_some()),
        ];
        let given = given.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(name, _)| name)
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("is_on", &self.is_on)
            .field("roots", &self.roots.is_some())
            .field("client", &self.client.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}

/// How to talk to sentinels.
#[derive(Debug, Clone, Default)]
pub(crate) struct SentinelSettings {
    pub(crate) credentials: Credentials,
    pub(crate) provider: Option<Provider>,
    /// Roots and client certificate default to those of the master.
    pub(crate) tls: TlsSettings,
}

/// The longest name and version of a program, in bytes.
pub(super) const LONGEST_PROGRAM: usize = 48;

/// The name of the program and its version, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Program {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
}

impl Program {
    /// The name that was given, else that of the executable's file.
    pub(crate) fn name(&self) -> String {
        let name = self.name.clone().or_else(|| {
            let file = std::env::current_exe().ok()?;
            Some(file.file_name()?.to_string_lossy().into_owned())
        });
        name.unwrap_or_default()
    }

    pub(crate) fn version(&self) -> &str {
        self.version.as_deref().unwrap_or_default()
    }
}
