//! Bugs that can be planted, to show that the search finds them.

/// A check that is left out, or done as it once was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// `renew.lua` asks for no owner.
    RenewsForAnyone,
    /// `park.lua` asks for no owner.
    ParksForAnyone,
    /// `park.lua` takes a later delivery of the same process, too.
    ParksAnyDelivery,
    /// `commit.lua` asks for no owner.
    CommitsForAnyone,
    /// `bury.lua` asks for no owner.
    BuriesForAnyone,
    /// `take_over.lua` believes what the caller knew of the dead.
    IgnoresIdle,
    /// Scripts that judge by the clock run whatever it shows.
    IgnoresClock,
    /// `take_over.lua` counts one more delivery where none is left.
    CountsSpent,
    /// Completed entries are acknowledged without asking who holds them, however long
    /// ago their lease was confirmed.
    AcksLongAfter,
    /// After an answer that was lost, nobody asks what it may have brought.
    ForgetsAnswers,
    /// After a step of the clock, entries are taken over at once.
    TakesOverAfterStep,
    /// The lock of entries that run alone is never released, and renewed for ever.
    KeepsLock,
    /// As it was: acknowledged without asking for three quarters of a lease, of which a
    /// step of the clock that nobody notices may leave two thirds.
    AcksForThreeQuarters,
    /// As it was: a renewal that finds a completed entry with somebody else counts as
    /// its confirmation.
    ConfirmsTheLost,
    /// As it was: after the clock was set back, signs of life alone decide, also of
    /// entries whose leases were renewed since.
    SignsAloneDecide,
    /// As it was: a process that has just begun believes the signs of life that it finds
    /// lapsed, though the clock was set before.
    BelievesAtOnce,
    /// As it was: a repeated request is left out also where it is an earlier delivery of
    /// the entry that is in hand.
    LeavesOutTheLast,
}

impl Bug {
    pub(crate) const ALL: [Self; 17] = [
        Self::RenewsForAnyone,
        Self::ParksForAnyone,
        Self::ParksAnyDelivery,
        Self::CommitsForAnyone,
        Self::BuriesForAnyone,
        Self::IgnoresIdle,
        Self::IgnoresClock,
        Self::CountsSpent,
        Self::AcksLongAfter,
        Self::ForgetsAnswers,
        Self::TakesOverAfterStep,
        Self::KeepsLock,
        Self::AcksForThreeQuarters,
        Self::ConfirmsTheLost,
        Self::SignsAloneDecide,
        Self::BelievesAtOnce,
        Self::LeavesOutTheLast,
    ];
}
