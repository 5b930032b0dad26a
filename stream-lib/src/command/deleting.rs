//! The mark of a stream with partitions that is being deleted, in its meta hash at the
//! stem.

use std::collections::BTreeSet;
use std::time::Duration;

use super::delete::in_use;
use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use crate::connection::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;

static MARK: Script = script!("mark_deleting.lua");

/// How many times an earlier deletion may name further groups.
const TRIES: usize = 3;

/// Marks a stream as being deleted for `time`; groups from an earlier deletion are added
/// to `groups`. `keys` are the stem's.
///
/// # Errors
///
/// `InUse` if a member lives; nothing was written then.
pub(crate) fn mark_deleting(
    wire: &mut Wire,
    keys: &StreamKeys,
    groups: &mut BTreeSet<String>,
    time: Duration,
) -> Result<()> {
    for _ in 0..TRIES {
        let call = groups
            .iter()
            .fold(MARK.call(&[&keys.meta()]), |call, name| {
                call.key(keys.members(name).as_bytes())
            });
        let call = call.millis(time);
        let reply = groups
            .iter()
            .fold(call, |call, name| call.arg(name))
            .run(wire)?;
        let mut tokens = Tokens::new(&reply);
        let words = tokens.array()?;
        let word = tokens.text()?.to_owned();
        match (word.as_str(), words) {
            ("marked", _) => return Ok(()),
            ("alive", 2) => return Err(in_use(tokens.text()?)),
            ("groups", 2..) => {
                for _ in 1..words {
                    groups.insert(tokens.text()?.to_owned());
                }
            }
            _ => break,
        }
    }
    Err(unexpected("a script"))
}

/// The error for users of the stream meanwhile, if a script answers with the most
/// milliseconds left.
pub(super) fn being_deleted(millis: &str) -> Option<Error> {
    let millis = millis.strip_prefix("deleting ")?.parse().ok()?;
    let left = Duration::from_millis(millis);
    Some(Error::new(
        ErrorKind::InUse,
        format!(
            "the stream is being deleted with its partitions; try again after `delete_stream` has \
             ended, at the latest in {left:?}, when the mark of a failed deletion lapses"
        ),
    ))
}
