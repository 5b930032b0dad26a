//! The rights of this connection's user.

use stream_lib::Result;

use crate::observe::own_key;
use crate::server::{Answered, Redis, Request, request};

/// The commands that the library uses on a stream and its keys, in a form that Redis
/// checks without running it.
fn used(stream: &str) -> Vec<Vec<String>> {
    let (meta, dead) = (own_key(stream, "meta"), own_key(stream, "dead"));
    let (backup, due) = (own_key(stream, "backup"), own_key(stream, "due"));
    let members = own_key(stream, "members:streamctl");
    let waiting = own_key(stream, "waiting:streamctl");
    let hold = own_key(stream, "hold:streamctl");
    let lock = own_key(stream, "lock:retention");
    let words = |text: String| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    // A stream's name may have blanks in it: keys are put in afterwards.
    let put = |template: &str, key: &str| {
        let words = words(template.to_owned());
        words
            .into_iter()
            .map(|word| if word == "KEY" { key.to_owned() } else { word })
            .collect()
    };
    vec![
        put("XADD KEY * a b", stream),
        put("XREADGROUP GROUP streamctl streamctl STREAMS KEY >", stream),
        put("XACK KEY streamctl 0-1", stream),
        put("XCLAIM KEY streamctl streamctl 0 0-1", stream),
        put("XAUTOCLAIM KEY streamctl streamctl 0 0-0", stream),
        put("XPENDING KEY streamctl", stream),
        put("XINFO GROUPS KEY", stream),
        put("XINFO CONSUMERS KEY streamctl", stream),
        put("XGROUP CREATE KEY streamctl 0 MKSTREAM", stream),
        put("XGROUP DELCONSUMER KEY streamctl streamctl", stream),
        put("XLEN KEY", stream),
        put("XRANGE KEY - + COUNT 1", stream),
        put("XREVRANGE KEY + - COUNT 1", stream),
        put("XTRIM KEY MINID 0-1", stream),
        put("XDEL KEY 0-1", stream),
        put(
            "EVALSHA 0000000000000000000000000000000000000000 1 KEY",
            stream,
        ),
        put("EVAL return 1 KEY", stream),
        words("SCRIPT LOAD return".to_owned()),
        put("XADD KEY * a b", &dead),
        put("XADD KEY * a b", &backup),
        put("HGET KEY a", &meta),
        put("HSET KEY a b", &meta),
        put("ZADD KEY 1 a", &members),
        put("ZRANGE KEY 0 -1", &members),
        put("ZADD KEY 1 a", &waiting),
        put("ZADD KEY 1 a", &due),
        put("GET KEY", &hold),
        put("SET KEY a NX PX 1", &lock),
        words("TIME".to_owned()),
        words("PING".to_owned()),
    ]
}

/// Commands that the user may not run on a stream. `None` where Redis can't say.
///
/// # Errors
///
/// Where Redis can't be reached.
pub(crate) fn missing(redis: &Redis, stream: &str) -> Result<Option<Vec<String>>> {
    let who = redis.ask_one(stream, request(["ACL", "WHOAMI"]))?;
    let Some(who) = who.text() else {
        return Ok(None);
    };
    let used = used(stream);
    let requests: Vec<Request> = used
        .iter()
        .map(|words| {
            let dry = ["ACL", "DRYRUN", &who].into_iter();
            request(dry.chain(words.iter().map(String::as_str)))
        })
        .collect();
    let answers = redis.ask(stream, &requests)?;
    let mut missing = Vec::new();
    for (words, answer) in used.iter().zip(&answers) {
        if answer.error().is_some() {
            return Ok(None);
        }
        if answer.text().is_some_and(|text| text != "OK") {
            let kind = words.first().map_or("", String::as_str);
            missing.push(format!("{kind} ({})", answer.text().unwrap_or_default()));
        }
    }
    missing.dedup();
    Ok(Some(missing))
}
