//! The error of a message that too few replicas have.

use std::error::Error as StdError;
use std::fmt;

use crate::command::{Lack, Waited};
use crate::connection::answer_of;
use crate::error::{Error, ErrorKind};
use crate::producer::added::{Added, Answers};

/// A message that Redis has, but too few replicas have confirmed: the source of an
/// [`Error`] of the kind [`ErrorKind::NotReplicated`].
///
/// # Examples
///
/// ```no_run
/// use stream_lib::{NotReplicated, Producer, RawMessage};
///
/// fn pay(producer: &Producer<RawMessage>, order: &RawMessage) -> stream_lib::Result<()> {
///     let Err(error) = producer.add(order) else {
///         return Ok(());
///     };
///     if let Some(NotReplicated { added, .. }) = NotReplicated::of(&error) {
///         println!("{added:?} may be lost in a failover");
///     }
///     Err(error)
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotReplicated {
    /// The place of the message.
    pub added: Added,
    /// The number of replicas that had confirmed it in time, as `WAIT` answers; `None` if
    /// Redis didn't say.
    pub confirmed: Option<u64>,
    /// The number of replicas asked for.
    pub wanted: u32,
    /// Whether the connection was lost in place of an answer.
    is_lost: bool,
}

impl NotReplicated {
    /// The source of `error`, if it is of this type.
    pub fn of(error: &Error) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    /// Whether the same message may well get an answer on another connection.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost
    }
}

impl fmt::Display for NotReplicated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not on enough replicas")
    }
}

impl StdError for NotReplicated {}

/// The answers of a batch after the replicas' confirmation. Messages that were not added
/// keep their errors.
pub(crate) fn waited_for(answers: Answers, waited: &Waited) -> Answers {
    match waited {
        Ok(()) => answers,
        Err(lack) => answers
            .into_iter()
            .map(|answer| answer.and_then(|added| Err(of_one(added, lack))))
            .collect(),
    }
}

/// The error of messages that stay in a spool, since too few replicas have them.
#[cfg(feature = "spool")]
pub(crate) fn too_few(lack: &Lack) -> Error {
    let text = format!("Redis has the messages, but {}", in_words(lack));
    Error::new(ErrorKind::NotReplicated, text)
}

fn of_one(added: Added, lack: &Lack) -> Error {
    let id = match added {
        Added::Scheduled(id) => id.to_string(),
        _ => added.id().map(|id| id.to_string()).unwrap_or_default(),
    };
    let text = format!(
        "Redis has it as {id}, but {}: a failover may lose it; look after the replicas (`INFO \
         replication`), and add it again only with an idempotency key, without which it would be \
         there twice",
        in_words(lack)
    );
    Error::new(ErrorKind::NotReplicated, text).because(NotReplicated {
        added,
        confirmed: lack.confirmed.as_ref().ok().copied(),
        wanted: lack.wanted,
        is_lost: matches!(&lack.confirmed, Err(e) if answer_of(e).may_pass()),
    })
}

fn in_words(lack: &Lack) -> String {
    match &lack.confirmed {
        Ok(confirmed) => format!(
            "only {confirmed} of {} replicas confirmed that within {:?}",
            lack.wanted, lack.timeout
        ),
        Err(e) => format!("it is not known whether replicas do: {e}"),
    }
}
