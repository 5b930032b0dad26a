//! The one error type of the library.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// The kind of a failure, for callers to match on.
///
/// Read from [`Error::kind`]. More kinds may be added, so a `match` needs a
/// wildcard arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A configuration value is out of its bounds. The text names the field.
    Config,
    /// Redis can't be reached. Nothing was sent, so a retry is safe.
    Unavailable,
    /// The connection was lost after a write was sent, no answer came in time, or the
    /// answer wasn't one of Redis. Redis may or may not have carried the write out.
    OutcomeUnknown,
    /// Redis has the message, but fewer replicas than
    /// [`replicas`](crate::StreamConfig::replicas) asks for have confirmed it in time, or
    /// Redis doesn't say how many have. A failover may lose the message.
    /// [`NotReplicated::of`](crate::NotReplicated::of) has its id. Adding the message
    /// again makes a second entry, unless it has an idempotency key.
    NotReplicated,
    /// The user name or the password is wrong or missing.
    Authentication,
    /// The Redis user may not run a command or touch a key (`NOPERM`).
    PermissionDenied,
    /// A key holds a type other than a stream (`WRONGTYPE`), or a value that the library
    /// has not written.
    WrongType,
    /// Redis refuses to serve for now: `OOM`, `READONLY`, `LOADING`, `MISCONF`
    /// and their like. Nothing was written.
    Refused,
    /// The backup stream, the spool or the send buffer is full. Nothing was written.
    Full,
    /// The stream or the consumer group does not exist (`NOGROUP`).
    NoGroup,
    /// Redis answered with another error.
    Server,
    /// Redis sent something that is not a valid reply.
    Protocol,
    /// A message can't be written as an entry, or is larger than the server takes.
    Encode,
    /// An entry can't be read as the message type.
    Decode,
    /// No producer or consumer has this name.
    NotFound,
    /// The name or the unique key is taken, or the consumer already runs.
    AlreadyExists,
    /// Several producers serve the stream; choose one with `add_to`.
    Ambiguous,
    /// The stream is in use by a producer or a consumer. Nothing was done.
    InUse,
    /// Another process or another producer has locked the spool's directory.
    Locked,
    /// The manager or the consumer was shut down.
    Closed,
    /// The operating system refused a thread or a file.
    System,
}

/// The library's error.
///
/// [`Display`](fmt::Display) says which operation failed, on which stream, and what to do
/// about it; [`source`](StdError::source) has the cause. A password never appears in
/// either.
///
/// A clone shares the cause: one failure may be told to many callers.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

/// Short for a result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    text: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            text: text.into(),
            source: None,
        }))
    }

    /// Adds the cause, which `Display` leaves to `source()`.
    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::from(source.into()));
        self
    }

    /// Puts the operation in front of the text; the kind stays.
    pub(crate) fn while_doing(mut self, what: impl fmt::Display) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.text.insert_str(0, &format!("{what}: "));
        self
    }

    /// Appends to the text.
    pub(crate) fn adding(mut self, what: impl fmt::Display) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.text.push_str(&what.to_string());
        self
    }

    /// Replaces the first occurrence of `vague` in the text.
    pub(crate) fn saying(mut self, vague: &str, exact: &str) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.text = inner.text.replacen(vague, exact, 1);
        self
    }

    /// The same failure as one of another kind.
    pub(crate) fn of_kind(mut self, kind: ErrorKind) -> Self {
        Arc::make_mut(&mut self.0).kind = kind;
        self
    }

    /// The kind of the failure, to match on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later without any change by the caller, and was
    /// certainly not carried out.
    ///
    /// [`ErrorKind::OutcomeUnknown`] and [`ErrorKind::NotReplicated`] are not retryable
    /// in this sense: a second call may write a second entry.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Unavailable | ErrorKind::Refused | ErrorKind::Full
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("text", &self.0.text);
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|e| e as &(dyn StdError + 'static))
    }
}

/// An error and its causes in one line of bounded length, for logs.
///
/// Many errors repeat their cause in their own text; it isn't shown twice.
pub(crate) fn with_causes(error: &(dyn StdError + 'static)) -> String {
    with_causes_except(error, |_| false)
}

/// As [`with_causes`], without the causes for which `skip` is true.
pub(crate) fn with_causes_except(
    error: &(dyn StdError + 'static),
    skip: impl Fn(&(dyn StdError + 'static)) -> bool,
) -> String {
    /// The most causes: the sources of a broken error may form a circle.
    const DEEPEST: usize = 32;
    let mut text = error.to_string();
    let mut next = error.source();
    for _ in 0..DEEPEST {
        let Some(cause) = next.filter(|_| text.len() <= LONGEST) else {
            break;
        };
        if !skip(cause) {
            let cause = cause.to_string();
            if !text.ends_with(&cause) {
                text.push_str(": ");
                text.push_str(&cause);
            }
        }
        next = cause.source();
    }
    one_line(&text)
}

/// The most characters of a text in a log line.
const LONGEST: usize = 1_000;

/// A text from outside in one line of bounded length, for logs.
pub(crate) fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let printable = |c: char| if breaks(c) { ' ' } else { c };
    let mut shown: String = text.chars().take(LONGEST).map(printable).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// A name in an error's text: a long one is cut after 64 characters. Control characters
/// are escaped, so that a name does no harm to a terminal or a log.
pub(crate) struct Shown<'n>(pub(crate) &'n str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.chars();
        for character in left.by_ref().take(64) {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        match left.next() {
            Some(_) => f.write_char('…'),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_between_characters() {
        let name = "ä".repeat(64);
        assert_eq!(Shown(&name).to_string(), name);
        let longer = format!("{name}bc");
        assert_eq!(Shown(&longer).to_string(), format!("{name}…"));
        assert_eq!(
            Shown("a\u{1b}[2J\n\u{9b}").to_string(),
            "a\\u{1b}[2J\\n\\u{9b}"
        );
    }

    #[test]
    fn display_leaves_the_cause_to_source() {
        let error = Error::new(ErrorKind::Unavailable, "no connection")
            .because("refused")
            .while_doing("adding to `orders`");
        assert_eq!(error.to_string(), "adding to `orders`: no connection");
        assert_eq!(error.source().unwrap().to_string(), "refused");
        assert!(error.is_retryable());
    }

    #[test]
    fn causes_follow_in_one_line_and_are_not_repeated() {
        let cause = Error::new(ErrorKind::Unavailable, "no\nconnection").because("refused");
        let error = Error::new(ErrorKind::Closed, "closed").because(cause.clone());
        assert_eq!(with_causes(&error), "closed: no connection: refused");
        let repeating = Error::new(ErrorKind::Closed, format!("closed: {cause}")).because(cause);
        assert_eq!(with_causes(&repeating), "closed: no connection: refused");
        let is_refusal = |cause: &(dyn StdError + 'static)| cause.to_string() == "refused";
        assert_eq!(
            with_causes_except(&error, is_refusal),
            "closed: no connection"
        );
    }

    #[test]
    fn long_texts_are_cut() {
        let error = Error::new(ErrorKind::Closed, "é".repeat(5_000));
        let shown = with_causes(&error);
        assert_eq!(shown.chars().count(), 1_001);
        assert!(shown.ends_with('…'));
        assert_eq!(one_line("a\r\nb\u{85}\u{2028}c\u{1b}[31m"), "a  b  c [31m");
    }
}
