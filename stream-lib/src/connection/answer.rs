//! The meaning of a server's error lines, in one table.
//!
//! Only this table says whether a refused request has written anything, whether the
//! connection may be lent again, and whether the request may be sent again. All other
//! code asks for an [`Answer`].

use crate::error::ErrorKind;

/// The meaning of an error for the request that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: ErrorKind,
    pub(crate) written: Written,
    pub(crate) wire: AfterIt,
    pub(crate) again: Again,
    /// The remedy, if the line itself doesn't name one.
    pub(super) hint: &'static str,
}

/// Whether the request has changed anything in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    No,
    Maybe,
}

/// The fate of the connection that the answer came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterIt {
    /// It is as good as before.
    Keep,
    /// Answers that are under way may be read; nothing more is sent on it.
    Drop,
    /// As `Drop`, and so is each other connection that was made before: the server has
    /// another role now, or isn't ready.
    DropAll,
    /// The server reads no request after this one, and closes.
    Ends,
}

/// Whether the same request may be sent again within its caller's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    No,
    /// On another connection, at once for the first time.
    Elsewhere,
    /// After a pause.
    AfterPause,
    /// At the node of the cluster that the line names.
    There,
}

impl Answer {
    /// The request was understood and refused.
    const fn refused(kind: ErrorKind) -> Self {
        Self {
            kind,
            written: Written::No,
            wire: AfterIt::Keep,
            again: Again::No,
            hint: "",
        }
    }

    /// This server can't serve the request now, and another connection may
    /// reach one that can.
    const fn elsewhere() -> Self {
        Self {
            wire: AfterIt::DropAll,
            again: Again::Elsewhere,
            ..Self::refused(ErrorKind::Refused)
        }
    }

    /// The server will serve the request in a moment.
    const fn in_a_moment() -> Self {
        Self {
            again: Again::AfterPause,
            ..Self::refused(ErrorKind::Refused)
        }
    }

    /// Another node of the cluster serves the request. Without a layout that knows the
    /// nodes, the request isn't sent there.
    const fn there() -> Self {
        Self {
            again: Again::There,
            hint: CLUSTER,
            ..Self::refused(ErrorKind::Config)
        }
    }

    /// A line that Redis never sends: a proxy may have sent it, before or after the
    /// request reached a server.
    const fn unknown() -> Self {
        Self {
            written: Written::Maybe,
            wire: AfterIt::Drop,
            ..Self::refused(ErrorKind::OutcomeUnknown)
        }
    }

    /// The request is larger than the server takes.
    const fn too_large(wire: AfterIt) -> Self {
        Self {
            wire,
            hint: "the message is larger than the server takes (its `proto-max-bulk-len`); nothing \
                   was written",
            ..Self::refused(ErrorKind::Encode)
        }
    }

    const fn but(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    /// The meaning of a failure without an error line: of the connection, or of the
    /// library.
    pub(super) const fn of_kind(kind: ErrorKind) -> Self {
        let (written, again) = match kind {
            ErrorKind::Unavailable => (Written::No, Again::Elsewhere),
            ErrorKind::OutcomeUnknown | ErrorKind::NotReplicated | ErrorKind::Protocol => {
                (Written::Maybe, Again::No)
            }
            _ => (Written::No, Again::No),
        };
        Self {
            written,
            again,
            ..Self::refused(kind)
        }
    }

    /// The meaning of an error line.
    pub(super) fn of_line(line: &str) -> Self {
        let code = line.split(' ').next().unwrap_or_default();
        let words = line.to_ascii_lowercase();
        ROWS.iter()
            .find(|row| (row.code == code || row.code == ANY) && words.contains(row.says))
            .map_or(Self::unknown(), |row| row.answer)
    }

    /// Whether the request was larger than the server takes, which then closes. If it had
    /// several messages, one of them may be too large alone.
    pub(crate) fn is_too_large(self) -> bool {
        self.kind == ErrorKind::Encode && matches!(self.wire, AfterIt::Ends)
    }

    /// Whether the server has no such command.
    pub(crate) fn is_missing_command(self) -> bool {
        self.hint == MISSING_COMMAND
    }

    /// Whether the request may have changed something.
    pub(crate) fn may_be_written(self) -> bool {
        self.written == Written::Maybe
    }

    /// Whether the request may go again.
    pub(crate) fn may_go_again(self) -> bool {
        self.again != Again::No
    }

    /// Whether waiting may cure the failure, and nothing else has to be done: the server
    /// is away, refuses for now, or can't be understood.
    pub(crate) fn may_pass(self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Unavailable | ErrorKind::Refused | ErrorKind::OutcomeUnknown
        )
    }
}

/// The meaning of the lines that begin with `code` and contain `says`, in lower
/// case. The first row that fits counts.
struct Row {
    code: &'static str,
    says: &'static str,
    answer: Answer,
}

/// A row for lines with any first word.
const ANY: &str = "";

const fn row(code: &'static str, says: &'static str, answer: Answer) -> Row {
    Row { code, says, answer }
}

const CLUSTER: &str = "the server is a node of a Redis Cluster: connect to it by a URL that begins \
                       with `redis-cluster://`";

const SAME_SLOT: &str = "all keys of a stream must have the same hash tag, the part of the name in \
                         braces, such as `{shop}:orders` and `{shop}:orders:backup`";

const LEFT: &str = "a key moved to another node of the cluster while a script ran, and the script's \
                    earlier writes stay";

/// A sentinel answers with this, since it has no commands for data.
const MISSING_COMMAND: &str = "a server without this command can't serve streams: it is too old, the \
                       command was taken away (`rename-command`), or it is a sentinel, whose \
                       master a `redis-sentinel://` URL finds";

const PERMISSION: Answer = Answer::refused(ErrorKind::PermissionDenied);
const PASSWORD: Answer = Answer::refused(ErrorKind::Authentication);
const REFUSED: Answer = Answer::refused(ErrorKind::Refused);
const SERVER: Answer = Answer::refused(ErrorKind::Server);

const ROWS: &[Row] = &[
    row("WRONGTYPE", "", Answer::refused(ErrorKind::WrongType)),
    row("NOPERM", "", PERMISSION),
    row("DENIED", "", PERMISSION),
    row("NOAUTH", "", PASSWORD),
    row("WRONGPASS", "", PASSWORD),
    row("NOGROUP", "", Answer::refused(ErrorKind::NoGroup)),
    row(
        "UNBLOCKED",
        "no longer exists",
        Answer::refused(ErrorKind::NoGroup),
    ),
    // The master became a replica.
    row("UNBLOCKED", "", Answer::elsewhere()),
    row("READONLY", "", Answer::elsewhere()),
    row("MASTERDOWN", "", Answer::elsewhere()),
    row("LOADING", "", Answer::elsewhere()),
    row("TRYAGAIN", "", Answer::in_a_moment()),
    row("CLUSTERDOWN", "", Answer::in_a_moment()),
    row("OOM", "", REFUSED),
    row("MISCONF", "", REFUSED),
    row("NOREPLICAS", "", REFUSED),
    row("BUSY", "", REFUSED),
    row("MOVED", "", Answer::there()),
    row("ASK", "", Answer::there()),
    row(
        "CROSSSLOT",
        "",
        Answer::refused(ErrorKind::Config).but(SAME_SLOT),
    ),
    // From the library's own scripts.
    row("FULL", "", Answer::refused(ErrorKind::Full)),
    // Codes that callers look for, or that point to a mistake in the library.
    row("NOSCRIPT", "", SERVER),
    row("BUSYGROUP", "", SERVER),
    row("BUSYKEY", "", SERVER),
    row("EXECABORT", "", SERVER),
    row("NOTBUSY", "", SERVER),
    row("UNKILLABLE", "", SERVER),
    row("NOPROTO", "", SERVER),
    row("INPROG", "", SERVER),
    // Protocol errors close the connection. These are about the size of a value,
    // and the number of all values of a script.
    row(
        "ERR",
        "protocol error: invalid bulk length",
        Answer::too_large(AfterIt::Ends),
    ),
    row(
        "ERR",
        "protocol error: invalid multibulk length",
        Answer::too_large(AfterIt::Ends),
    ),
    row(
        "ERR",
        "protocol error",
        Answer {
            wire: AfterIt::Ends,
            ..SERVER
        },
    ),
    row(
        "ERR",
        "too large to be stored",
        Answer::too_large(AfterIt::Keep),
    ),
    row(
        "ERR",
        "non local key",
        Answer {
            written: Written::Maybe,
            hint: LEFT,
            ..Answer::refused(ErrorKind::OutcomeUnknown)
        },
    ),
    // A script's form of NOPERM.
    row("ERR", "the user executing the script can't", PERMISSION),
    row("ERR", "can't run this command", PERMISSION),
    row("ERR", "acl failure", PERMISSION),
    row("ERR", "max number of clients", REFUSED),
    row("ERR", "password", PASSWORD),
    row(ANY, "unknown command", SERVER.but(MISSING_COMMAND)),
    row(ANY, "unsupported command", SERVER.but(MISSING_COMMAND)),
    row(ANY, "invalid request", SERVER),
    row(ANY, "not supported", SERVER),
    // Redis refuses the request itself. Any other `ERR` line comes from a proxy or a
    // host: `max daily request limit exceeded`.
    row("ERR", "unknown subcommand", SERVER),
    row("ERR", "unknown redis command", SERVER.but(MISSING_COMMAND)),
    row("ERR", "wrong number of arg", SERVER),
    row("ERR", "number of keys", SERVER),
    row("ERR", "syntax error", SERVER),
    row("ERR", "script", SERVER),
    row("ERR", "lua", SERVER),
    row("ERR", "invalid", SERVER),
    row("ERR", "not an integer", SERVER),
    row("ERR", "not a valid", SERVER),
    row("ERR", "is not a float", SERVER),
    row("ERR", "no such", SERVER),
    row("ERR", "requires the key to exist", SERVER),
    row("ERR", "out of range", SERVER),
    row("ERR", "must be", SERVER),
    row("ERR", "is negative", SERVER),
    row("ERR", "can't be", SERVER),
    row("ERR", "cannot be", SERVER),
    row("ERR", "can not be", SERVER),
    row("ERR", "can't execute", SERVER),
    row("ERR", "not allowed", SERVER),
    row("ERR", "only supported", SERVER),
    row("ERR", "can be specified only", SERVER),
    row("ERR", "unrecognized", SERVER),
    row("ERR", "unbalanced", SERVER),
    row("ERR", "unsupported", SERVER),
    row("ERR", "unknown option", SERVER),
    row("ERR", "would overflow", SERVER),
    row("ERR", "the id specified", SERVER),
    row("ERR", "exhausted the last possible id", SERVER),
    row("ERR", "multi", SERVER),
    row("ERR", "disabled", SERVER),
    row("ERR", "maximum allowed size", SERVER),
];

#[cfg(test)]
#[path = "tests/answer.rs"]
mod tests;
