//! The question under the dead letters of a kind.

use std::fmt::Write as _;

use stream_lib::{DeadKind, RedrivePlan};

use super::dead_more::{DeadMore, Window};
use super::group::needs;
use super::say::listed;
use crate::serve::access::Role;
use crate::serve::page::{Ask, Field, Rich};
use crate::words::{count, quoted};

/// The number put back in a trial.
pub(crate) const FEW: usize = 10;

/// The default number put back per second.
const RATE: u32 = 50;

/// The question under the letters.
pub(super) fn ask(
    stream: &str,
    groups: &[&str],
    kind: &DeadKind,
    key: &str,
    more: &DeadMore,
    (shown_now, unshown): (u64, u64),
    allowed: Role,
) -> Ask {
    let all = shown_now + unshown;
    let field = |name: &str, value: &str| Field {
        name: name.to_owned(),
        label: None,
        value: value.to_owned(),
    };
    let is_many = all > FEW as u64;
    let mut buttons = vec![("redrive".to_owned(), format!("Put back {}…", count(all)))];
    if is_many {
        buttons.push(("redrive-few".to_owned(), format!("Try {FEW} first…")));
    }
    buttons.push(("edit".to_owned(), "Edit and put back…".to_owned()));
    if allowed >= Role::Admin {
        buttons.push(("remove-dead".to_owned(), format!("Remove {}…", count(all))));
    }
    let their: Vec<&str> = kind.groups.iter().map(String::as_str).collect();
    let others: Vec<&str> = groups
        .iter()
        .copied()
        .filter(|g| !their.contains(g))
        .collect();
    let mut text = tried(more.plan.as_ref(), all);
    let them = if all == 1 { "it" } else { "them" };
    text = text.plain(format!(" Only {} would get {them}", listed(&their)));
    text = match others.as_slice() {
        [] => text.plain("."),
        [one] => text.plain(format!("; {one} skips {them}.")),
        several => text.plain(format!("; {} skip {them}.", listed(several))),
    };
    let mut fields = vec![
        field("stream", stream),
        field("kind", key),
        field("until", &kind.sample.id.to_string()),
    ];
    if let Some(window) = &more.window {
        fields.push(field("since", &window.from_ms.to_string()));
    }
    if is_many {
        fields.push(Field {
            label: Some("at most".to_owned()),
            ..field("rate", &format!("{RATE} /s"))
        });
    }
    Ask {
        title: match all {
            1 => format!("Put this one back into {stream}?"),
            all => format!("Put the {} back into {stream}?", count(all)),
        },
        text,
        buttons,
        fields,
        command: command(stream, kind, more.window.as_ref(), is_many),
        refused: needs(Role::Retry, allowed),
    }
}

fn command(stream: &str, kind: &DeadKind, window: Option<&Window>, is_many: bool) -> String {
    let mut command = format!("streamctl dlq redrive {}", quoted(stream));
    let _ = write!(command, " --reason {}", quoted(&kind.reason));
    if !kind.error.is_empty() {
        let _ = write!(command, " --error {}", quoted(&kind.error));
    }
    if let Some(window) = window {
        let _ = write!(command, " --since {}", quoted(&window.since));
    }
    if is_many {
        let _ = write!(command, " --rate {RATE}");
    }
    command
}

/// The result of a dry run against the newest schema.
fn tried(plan: Option<&RedrivePlan>, all: u64) -> Rich {
    let Some(plan) = plan else {
        return Rich::from("How many would fail again is unknown.");
    };
    let Some(first) = plan.misfits.first() else {
        return if plan.without_body > 0 && plan.letters == 0 {
            Rich::from("The fields were too large to be kept, so nothing can be put back.")
        } else {
            Rich::from(
                "By the known fields and schemas, nothing would fail again if the cause is gone.",
            )
        };
    };
    let tried = plan.letters as u64;
    let fail = plan.would_fail as u64;
    let of_all = if tried < all {
        format!(
            "of {} tried, {} would fail again",
            count(tried),
            count(fail)
        )
    } else if fail == 1 && tried == 1 {
        "it would fail again".to_owned()
    } else if fail == tried {
        format!("all {} would fail again", count(fail))
    } else {
        format!("{} of {} would fail again", count(fail), count(tried))
    };
    Rich::new()
        .plain("Tried against the newest ")
        .code(first.schema.clone())
        .plain(": ")
        .strong(of_all)
        .plain(format!(
            ", {}. Deploy a fix first, or edit the field.",
            first.misfit
        ))
}
