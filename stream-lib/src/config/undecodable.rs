//! The handling of entries that can't be decoded.

/// The handling of an entry that isn't a message of the consumer's type.
///
/// Set with [`ConsumerConfig::on_undecodable`](crate::ConsumerConfig::on_undecodable).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnUndecodable {
    /// Delivers it again as after a failure, by the consumer's
    /// [`RetryPolicy`](crate::RetryPolicy): during the rollout of a new version, another
    /// member of the group may know the message. After the last delivery it goes to the
    /// dead letters.
    #[default]
    Retry,
    /// Moves it to the dead letters at its first delivery.
    Bury,
}
