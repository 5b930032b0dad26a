//! User name and password, and providers of them.

use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::runtime::panic_text;

/// A user name and a password for Redis, as a
/// [provider](crate::ConnectionConfig::credentials) returns them. `Debug` hides the
/// password.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use stream_lib::Credentials;
///
/// let token = Credentials::new("s3cret")
///     .user("app")
///     .valid_for(Duration::from_secs(900));
/// assert!(!format!("{token:?}").contains("s3cret"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) valid_for: Option<Duration>,
}

impl Credentials {
    /// A password for the default user.
    pub fn new(password: impl Into<String>) -> Self {
        Self {
            password: Some(password.into()),
            ..Self::default()
        }
    }

    /// The name of the user. Defaults to the default user.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.username = Some(name.into());
        self
    }

    /// How long the password is valid, counted from the call of the provider. Open
    /// connections authenticate again when a fifth of that time is left, or five minutes
    /// if that is less; a consumer's connection that waits in a read does so when the
    /// read has ended (see [`block_duration`](crate::ConsumerConfig::block_duration)).
    /// Defaults to no limit.
    #[must_use]
    pub fn valid_for(mut self, time: Duration) -> Self {
        self.valid_for = Some(time);
        self
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("valid_for", &self.valid_for)
            .finish()
    }
}

/// The error of a provider.
pub(crate) type ProviderError = Box<dyn StdError + Send + Sync>;

type Provide = dyn Fn() -> Result<Credentials, ProviderError> + Send + Sync;

/// The user's code that returns credentials.
#[derive(Clone)]
pub(crate) struct Provider(Arc<Provide>);

impl Provider {
    pub(super) fn new<E: Into<ProviderError>>(
        provide: impl Fn() -> Result<Credentials, E> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move || provide().map_err(Into::into)))
    }

    /// Asks for credentials. A panic is an error.
    pub(crate) fn ask(&self) -> Result<Credentials, ProviderError> {
        catch_unwind(AssertUnwindSafe(|| (self.0)()))
            .unwrap_or_else(|panic| Err(format!("it panicked: {}", panic_text(panic)).into()))
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provider")
    }
}
