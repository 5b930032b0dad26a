//! Settings that belong to a stream, stored beside it.

use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use crate::connection::Wire;
use crate::error::Result;
use crate::keys::StreamKeys;

static DECLARE: Script = script!("declare.lua");

/// A setting to store, by the name of its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) field: &'static str,
    pub(crate) value: String,
}

/// A setting that was stored with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// The name of the setting, as a user gives it.
    pub(crate) name: &'static str,
    pub(crate) before: String,
    pub(crate) now: String,
}

/// Stores settings, and returns those that had another value.
pub(crate) fn declare(
    wire: &mut Wire,
    keys: &StreamKeys,
    settings: Vec<Setting>,
) -> Result<Vec<Replaced>> {
    if settings.is_empty() {
        return Ok(Vec::new());
    }
    let meta = keys.meta();
    let mut call = DECLARE.call(&[&meta]);
    for setting in &settings {
        call = call.arg(setting.field).arg(&setting.value);
    }
    let reply = call.run(wire)?;
    let mut tokens = Tokens::new(&reply);
    if tokens.array()? as usize != settings.len() {
        return Err(unexpected("a script"));
    }
    let mut replaced = Vec::new();
    for Setting { field, value } in settings {
        // Another program may have written it, so it may be no UTF-8.
        let before = String::from_utf8_lossy(tokens.bytes()?).into_owned();
        if !before.is_empty() && before != value {
            replaced.push(Replaced {
                name: field.split_once(':').map_or(field, |(_, name)| name),
                before,
                now: value,
            });
        }
    }
    Ok(replaced)
}
