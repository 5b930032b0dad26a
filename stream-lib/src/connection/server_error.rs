//! Error replies of the server: their lines, and the errors made from them.
//!
//! The meaning of a line is in the [table](super::answer).

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use redis::RedisError;

use super::answer::Answer;
use crate::error::{Error, ErrorKind};

/// How much of an error line is kept.
const LONGEST_LINE: usize = 300;

/// An error reply, the source of the [`Error`] made from it.
///
/// Its text is only the code, since the error's own text has the line.
#[derive(Debug)]
pub(crate) struct ServerError {
    line: String,
}

impl ServerError {
    pub(crate) fn new(line: &[u8]) -> Self {
        let line = String::from_utf8_lossy(line);
        // An unknown command is quoted with its arguments, which may be payload or a
        // secret.
        let line = match line.find(", with args beginning with") {
            Some(end) => line.get(..end).unwrap_or_default(),
            None => &line,
        };
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let line = line.chars().take(LONGEST_LINE).map(printable).collect();
        Self { line }
    }

    /// The first word, such as `NOGROUP`.
    pub(crate) fn code(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    /// The whole line, code included.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.answer().kind
    }

    /// The meaning of the line.
    pub(crate) fn answer(&self) -> Answer {
        Answer::of_line(&self.line)
    }

    pub(crate) fn into_error(self) -> Error {
        let Answer { kind, hint, .. } = self.answer();
        let mut text = format!("Redis answered: {}", self.line);
        if !hint.is_empty() {
            text.push_str(": ");
            text.push_str(hint);
        } else if kind == ErrorKind::OutcomeUnknown {
            text = format!(
                "a proxy in front of Redis, not Redis itself, answered: {}",
                self.line
            );
        }
        Error::new(kind, text).because(self)
    }
}

/// The table's meaning of a failure for its request: of an error line, a lost connection,
/// or an error of the library.
pub(crate) fn answer_of(error: &Error) -> Answer {
    let line = error.source().and_then(|source| source.downcast_ref());
    let answer = line.map(ServerError::answer);
    // A handshake gives some lines another kind, since no request was sent after it.
    answer
        .filter(|answer| answer.kind == error.kind())
        .unwrap_or_else(|| Answer::of_kind(error.kind()))
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server error {}", self.code())
    }
}

impl StdError for ServerError {}

#[cfg(test)]
/// The server's error code, if `error` comes from an error reply.
pub(crate) fn code(error: &Error) -> Option<&str> {
    let source = error.source()?;
    source.downcast_ref().map(ServerError::code)
}

/// Unpacks a reply's error, or an error of the library, from the redis crate's error.
pub(crate) fn from_redis(error: RedisError) -> Error {
    if let Some(own) = own_error(&error) {
        return own.clone();
    }
    let kind = match error.kind() {
        redis::ErrorKind::Io => ErrorKind::OutcomeUnknown,
        redis::ErrorKind::Parse | redis::ErrorKind::UnexpectedReturnType => ErrorKind::Protocol,
        redis::ErrorKind::AuthenticationFailed => ErrorKind::Authentication,
        redis::ErrorKind::InvalidClientConfig => ErrorKind::Config,
        _ => ErrorKind::Server,
    };
    if let Some([(_, first), ..]) = error.clone().into_server_errors().as_deref() {
        let details = first.details().unwrap_or_default();
        let line = format!("{} {details}", first.code());
        return ServerError::new(line.trim_end().as_bytes()).into_error();
    }
    let text = format!("the reply can't be used: {}", error.category());
    Error::new(kind, text).because(error)
}

/// Packs an error of the library for the redis crate; [`from_redis`] unpacks it.
pub(crate) fn to_redis(error: Error) -> RedisError {
    RedisError::from(io::Error::new(io::ErrorKind::BrokenPipe, error))
}

fn own_error(error: &RedisError) -> Option<&Error> {
    let source = error.source()?;
    let io_error = match source.downcast_ref::<Arc<dyn StdError + Send + Sync>>() {
        Some(shared) => shared.downcast_ref::<io::Error>()?,
        None => source.downcast_ref::<io::Error>()?,
    };
    io_error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_kind_and_a_code() {
        for (line, kind, code_word) in [
            (
                "WRONGTYPE Operation against a key",
                ErrorKind::WrongType,
                "WRONGTYPE",
            ),
            (
                "NOPERM this user has no permissions",
                ErrorKind::PermissionDenied,
                "NOPERM",
            ),
            (
                "ERR The user executing the script can't run this command or subcommand",
                ErrorKind::PermissionDenied,
                "ERR",
            ),
            (
                "ERR The user executing the script can't access at least one of the keys",
                ErrorKind::PermissionDenied,
                "ERR",
            ),
            (
                "ERR ACL failure in script: x",
                ErrorKind::PermissionDenied,
                "ERR",
            ),
            (
                "NOAUTH Authentication required.",
                ErrorKind::Authentication,
                "NOAUTH",
            ),
            ("WRONGPASS invalid", ErrorKind::Authentication, "WRONGPASS"),
            ("OOM command not allowed", ErrorKind::Refused, "OOM"),
            ("READONLY You can't write", ErrorKind::Refused, "READONLY"),
            ("BUSY Redis is busy", ErrorKind::Refused, "BUSY"),
            ("NOGROUP No such key", ErrorKind::NoGroup, "NOGROUP"),
            (
                "UNBLOCKED the stream key no longer exists",
                ErrorKind::NoGroup,
                "UNBLOCKED",
            ),
            (
                "UNBLOCKED force unblock from blocking operation, instance state changed",
                ErrorKind::Refused,
                "UNBLOCKED",
            ),
            ("ERR unknown command", ErrorKind::Server, "ERR"),
            ("upstream failure", ErrorKind::OutcomeUnknown, "upstream"),
            ("", ErrorKind::OutcomeUnknown, ""),
        ] {
            let error = ServerError::new(line.as_bytes()).into_error();
            assert_eq!(error.kind(), kind, "{line}");
            assert_eq!(code(&error), Some(code_word), "{line}");
            assert!(error.to_string().contains(line), "{error}");
        }
    }

    #[test]
    fn lines_are_cut_and_lose_arguments_and_control_characters() {
        let line = b"ERR unknown command 'FOO', with args beginning with: 'hunter2'";
        assert_eq!(ServerError::new(line).line(), "ERR unknown command 'FOO'");
        assert_eq!(
            ServerError::new(b"ERR a\x1b[31m\xffb").line(),
            "ERR a [31m\u{fffd}b"
        );
        assert_eq!(ServerError::new(&[b'x'; 5000]).line().len(), LONGEST_LINE);
    }

    #[test]
    fn errors_survive_the_way_through_the_redis_crate() {
        let own = Error::new(ErrorKind::Unavailable, "no connection").because("refused");
        let back = from_redis(to_redis(own));
        assert_eq!(back.kind(), ErrorKind::Unavailable);
        assert_eq!(back.to_string(), "no connection");
        assert_eq!(back.source().unwrap().to_string(), "refused");

        let reply = redis::parse_redis_value(b"-NOGROUP No such group\r\n").unwrap();
        let back = from_redis(reply.extract_error().unwrap_err());
        assert_eq!(back.kind(), ErrorKind::NoGroup);
        assert_eq!(code(&back), Some("NOGROUP"));
        assert_eq!(back.to_string(), "Redis answered: NOGROUP No such group");

        let wrong_type = redis::from_redis_value::<i64>(redis::Value::Nil).unwrap_err();
        assert_eq!(from_redis(wrong_type.into()).kind(), ErrorKind::Protocol);
    }
}
