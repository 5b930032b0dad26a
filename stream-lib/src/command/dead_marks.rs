//! Marks of dead letters.

use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use crate::connection::Wire;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::EntryId;

static MARKS: Script = script!("dead_marks.lua");

/// About how many bytes one script looks at: a server is busy for milliseconds.
const LOOKED: u64 = 1 << 20;

/// The most dead letters that one script reads.
const MOST: usize = 500;

/// A dead letter without its body.
#[derive(Debug, Clone)]
pub(crate) struct DeadMark {
    pub(crate) id: EntryId,
    pub(crate) reason: String,
    /// At most 1,000 bytes of it.
    pub(crate) error: String,
    pub(crate) group: String,
}

/// The range and order of a walk over dead letters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeadWalk {
    pub(crate) from: EntryId,
    pub(crate) to: EntryId,
    pub(crate) newest_first: bool,
}

/// The next dead letters of a walk, at most `most`, and the rest of the walk; `None` at
/// the end.
pub(crate) fn dead_marks(
    wire: &mut Wire,
    keys: &StreamKeys,
    walk: DeadWalk,
    most: usize,
) -> Result<(Vec<DeadMark>, Option<DeadWalk>)> {
    if walk.from > walk.to || most == 0 {
        return Ok((Vec::new(), None));
    }
    let (first, last, order) = if walk.newest_first {
        (walk.to, walk.from, "newest")
    } else {
        (walk.from, walk.to, "oldest")
    };
    let reply = MARKS
        .call(&[&keys.dead()])
        .shown(&first)
        .shown(&last)
        .arg(order)
        .number(most.min(MOST) as u64)
        .number(LOOKED)
        .run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? != 2 {
        return Err(unexpected("dead_marks"));
    }
    let is_over = tokens.bytes()?.is_empty();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let marks = (0..tokens.array()?).map(|_| {
        if tokens.array()? != 4 {
            return Err(unexpected("dead_marks"));
        }
        Ok(DeadMark {
            id: tokens.entry_id()?,
            reason: text(tokens.bytes()?),
            error: text(tokens.bytes()?),
            group: text(tokens.bytes()?),
        })
    });
    let marks = marks.collect::<Result<Vec<_>>>()?;
    let next = marks.last().filter(|_| !is_over).and_then(|last| {
        let at_end = if walk.newest_first {
            EntryId::MIN
        } else {
            EntryId::MAX
        };
        (last.id != at_end).then(|| {
            if walk.newest_first {
                let to = last.id.previous();
                DeadWalk { to, ..walk }
            } else {
                let from = last.id.next();
                DeadWalk { from, ..walk }
            }
        })
    });
    Ok((marks, next))
}
