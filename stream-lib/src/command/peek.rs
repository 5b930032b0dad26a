//! Reading entries for inspection.

use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use crate::connection::{Reply, Wire};
use crate::error::Result;
use crate::message::EntryId;

static PEEK: Script = script!("peek.lua");

/// The entries to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glance {
    pub(crate) from: EntryId,
    pub(crate) to: EntryId,
    pub(crate) newest_first: bool,
    pub(crate) most: usize,
    /// About how many bytes the answer may have.
    pub(crate) bytes: usize,
    /// The most bytes of one value.
    pub(crate) value_bytes: usize,
}

/// Entries of a stream.
#[derive(Debug, Default)]
pub(crate) struct Glanced {
    pub(crate) entries: Vec<GlancedEntry>,
    /// There may be more after the last one.
    pub(crate) more: bool,
}

/// An entry, in full or in part.
#[derive(Debug)]
pub(crate) struct GlancedEntry {
    pub(crate) id: EntryId,
    /// How many fields it has.
    pub(crate) field_count: u64,
    /// Name, beginning of the value, and the length of the whole value.
    pub(crate) fields: Vec<(Vec<u8>, Vec<u8>, u64)>,
}

/// Reads entries, reserved fields included.
pub(crate) fn glance(wire: &mut Wire, key: &str, glance: &Glance) -> Result<Glanced> {
    if glance.from > glance.to {
        return Ok(Glanced::default());
    }
    let (first, last) = if glance.newest_first {
        (glance.to, glance.from)
    } else {
        (glance.from, glance.to)
    };
    let order = if glance.newest_first {
        "newest"
    } else {
        "oldest"
    };
    let reply = PEEK
        .call(&[key])
        .shown(&first)
        .shown(&last)
        .arg(order)
        .number(glance.most as u64)
        .number(glance.bytes as u64)
        .number(glance.value_bytes as u64)
        .run(wire)?;
    read(&reply)
}

fn read(reply: &Reply) -> Result<Glanced> {
    let mut tokens = Tokens::new(reply);
    if tokens.array()? != 2 {
        return Err(unexpected("peek"));
    }
    let more = tokens.int()? == 1;
    let entries = (0..tokens.array()?).map(|_| {
        let parts = tokens.array()?;
        let id = tokens.entry_id()?;
        let field_count = u64::try_from(tokens.int()?).unwrap_or(0);
        let fields = (0..parts.saturating_sub(2) / 3).map(|_| {
            let (name, value) = (tokens.bytes()?.to_vec(), tokens.bytes()?.to_vec());
            Ok((name, value, u64::try_from(tokens.int()?).unwrap_or(0)))
        });
        Ok(GlancedEntry {
            id,
            field_count,
            fields: fields.collect::<Result<_>>()?,
        })
    });
    let entries = entries.collect::<Result<_>>()?;
    Ok(Glanced { entries, more })
}
