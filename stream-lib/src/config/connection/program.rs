//! Name and version of the program.

use super::settings::ConnectionConfig;

impl ConnectionConfig {
    /// The name of this program, which
    /// [`StreamManager::members`](crate::StreamManager::members) and tools show. 1 to 48
    /// bytes, no control characters. Defaults to the name of the executable's file.
    #[must_use]
    pub fn program(mut self, name: impl Into<String>) -> Self {
        self.program.name = Some(name.into());
        self
    }

    /// The version of this program, which is shown beside its [name](Self::program), such
    /// as `env!("CARGO_PKG_VERSION")`. 1 to 48 bytes, no control characters. Defaults to
    /// none.
    #[must_use]
    pub fn program_version(mut self, version: impl Into<String>) -> Self {
        self.program.version = Some(version.into());
        self
    }
}
