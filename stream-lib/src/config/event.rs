//! What a consumer's hooks are told.

use std::error::Error as StdError;
use std::time::Duration;

use crate::error::Error;
use crate::message::EntryId;
use crate::message::dead_reason::DeadReason;

/// Defines events: each has the consumer that it comes from, and more.
macro_rules! events {
    ($(
        $(#[$about:meta])*
        $name:ident { $($(#[$field_about:meta])* $field:ident: $type:ty,)* }
    )*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, Copy)]
        #[non_exhaustive]
        pub struct $name<'a> {
            /// The stream that the consumer reads.
            pub stream: &'a str,
            /// Its group.
            pub group: &'a str,
            /// Its name in Redis, unique to this life.
            pub consumer: &'a str,
            $($(#[$field_about])* pub $field: $type,)*
        }
    )*};
}

events! {
    /// The consumer reaches Redis: of
    /// [`connected`](crate::ConsumerEvents::connected).
    Connected {}

    /// A connection failed: of
    /// [`disconnected`](crate::ConsumerEvents::disconnected).
    Disconnected {
        /// The failure.
        error: &'a Error,
    }

    /// The group was made again: of
    /// [`group_recreated`](crate::ConsumerEvents::group_recreated).
    GroupRecreated {}

    /// A lease was lost: of [`lease_lost`](crate::ConsumerEvents::lease_lost).
    LeaseLost {
        /// The entry whose handler still runs.
        id: EntryId,
        /// The number of the delivery, from 1.
        attempt: u32,
    }

    /// Entries were taken over: of [`taken_over`](crate::ConsumerEvents::taken_over).
    TakenOver {
        /// How many.
        entries: usize,
    }

    /// Entries are acknowledged: of [`completed`](crate::ConsumerEvents::completed).
    Completed {
        /// How many: those of one acknowledgement.
        entries: usize,
        /// How long handlers ran that have succeeded since the last such event,
        /// added up. The handler of a batch counts once for all of it.
        handler_time: Duration,
    }

    /// A delivery failed, and another one comes: of
    /// [`retried`](crate::ConsumerEvents::retried).
    Retried {
        /// The entry.
        id: EntryId,
        /// The number of the delivery that failed, from 1.
        attempt: u32,
        /// After how long the next one comes.
        delay: Duration,
        /// The error, as the handler returned it: it can be downcast, and has
        /// its source. After a panic, an error with the text of the panic.
        error: &'a (dyn StdError + 'static),
    }

    /// An entry stands among the dead letters: of
    /// [`dead_lettered`](crate::ConsumerEvents::dead_lettered).
    DeadLettered {
        /// The id that the entry had in the stream.
        id: EntryId,
        /// The number of the last delivery, from 1.
        attempt: u32,
        /// Why it is there.
        reason: DeadReason,
        /// The error of the last delivery, as the handler returned it: it can be
        /// downcast, and has its source. For an undecodable entry this is the
        /// [`DecodeError`](crate::message::DecodeError).
        error: &'a (dyn StdError + 'static),
    }

    /// A handler panicked: of [`panicked`](crate::ConsumerEvents::panicked).
    Panicked {
        /// The entry that it panicked over.
        id: EntryId,
        /// The number of the delivery, from 1.
        attempt: u32,
        /// The text of the panic.
        text: &'a str,
    }

    /// An error has ended the consumer: of
    /// [`stopped`](crate::ConsumerEvents::stopped).
    Stopped {
        /// The error.
        error: &'a Error,
    }
}
