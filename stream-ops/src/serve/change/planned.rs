//! What a change would do, by looking only.

use std::time::Duration;

use stream_lib::{
    DeadLetterId, EntryAddress, Error, FieldEdits, PendingFilter, PendingHolder, StreamSchema,
};

use super::what::Change;
use crate::observe::StreamFacts;
use crate::serve::dash::Dash;
use crate::serve::load::schemas;
use crate::serve::page::Rich;
use crate::server::with_causes;
use crate::words::{age, count, of, ordinal, shown};

/// Dead letters that are tried; of more, some are.
const TRIED: usize = 200;

/// What a change would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The question.
    pub(crate) title: String,
    /// What would happen.
    pub(crate) sentences: Vec<Rich>,
    /// Whether it can be taken back, and how.
    pub(crate) undo: String,
    /// The word on the button; none where there is nothing to do.
    pub(crate) button: Option<String>,
}

impl Plan {
    fn new(title: String, undo: &str, button: &str) -> Self {
        Self {
            title,
            sentences: Vec::new(),
            undo: undo.to_owned(),
            button: Some(button.to_owned()),
        }
    }

    fn say(mut self, sentence: impl Into<Rich>) -> Self {
        self.sentences.push(sentence.into());
        self
    }

    /// There is nothing to do.
    fn nothing(mut self, why: impl Into<Rich>) -> Self {
        self.sentences.push(why.into());
        self.button = None;
        self
    }
}

fn failed(error: &Error) -> String {
    with_causes(error)
}

/// Looks what a change would do. Nothing is changed.
///
/// # Errors
///
/// Where Redis can't be asked, as a sentence.
pub(crate) fn plan(dash: &Dash, change: &Change) -> Result<Plan, String> {
    match change {
        Change::SetAside { stream, group, at } => set_aside(dash, stream, group, *at),
        Change::Hold {
            stream,
            group,
            time,
        } => Ok(hold(dash, stream, group, *time)),
        Change::Unhold { stream, group } => {
            let held = dash
                .redis
                .manager()
                .held(stream, group)
                .map_err(|e| failed(&e))?;
            let plan = Plan::new(
                format!("Let {group} read again?"),
                "It can be undone: it can be held again.",
                "Let it read",
            );
            Ok(match held {
                None => plan.nothing(format!("{group} is not held.")),
                Some(held) => plan.say(format!(
                    "It was held: {}. It reads on at once.",
                    shown(held.why.as_bytes())
                )),
            })
        }
        Change::Redrive {
            stream,
            letters,
            edits,
            fields,
        } => redrive(dash, stream, letters, (edits, fields)),
        Change::RemoveDead { stream, letters } => Ok(Plan::new(
            format!("Remove {} of {stream} for good?", number(letters)),
            "It can't be undone: they are gone, with their fields.",
            "Remove them",
        )
        .say(format!(
            "Removes {}. Groups and the stream itself are left alone.",
            number(letters)
        ))),
        Change::RunJob { stream, job } => Ok(Plan::new(
            format!("Run {job} now?"),
            "It can't be undone: whoever reads the stream handles the message.",
            "Run it now",
        )
        .say(format!(
            "Adds one message to {stream}, as if the job were due. Its times stay as they are."
        ))),
        Change::PauseJob { job, .. } => Ok(Plan::new(
            format!("Pause {job}?"),
            "It can be undone: it can be resumed.",
            "Pause it",
        )
        .say("Nothing is added until it is resumed. What would have been due is not made up for.")),
        Change::ResumeJob { job, .. } => Ok(Plan::new(
            format!("Resume {job}?"),
            "It can be undone: it can be paused again.",
            "Resume it",
        )
        .say("It goes on from now, at its next time.")),
        Change::RunScheduled { stream, id } => Ok(Plan::new(
            "Add this message now?".to_owned(),
            "It can't be undone: whoever reads the stream handles it.",
            "Add it now",
        )
        .say(format!(
            "Adds the message {id} to {stream} now, rather than when it is due."
        ))),
        Change::CancelScheduled { id, .. } => Ok(Plan::new(
            "Cancel this message?".to_owned(),
            "It can't be undone: it is gone.",
            "Cancel it",
        )
        .say(format!("The message {id} is never added."))),
    }
}

fn set_aside(dash: &Dash, stream: &str, group: &str, at: EntryAddress) -> Result<Plan, String> {
    let pending = dash.redis.manager().pending(stream, group);
    let filter = PendingFilter::new().between(at.id..=at.id);
    let page = pending
        .and_then(|pending| pending.list(&filter))
        .map_err(|e| failed(&e))?;
    let entry = page.entries.into_iter().find(|entry| entry.at == at);
    let title = format!("Set {at} aside, for {group} only?");
    let undo = "It can be undone: the dead letter can be put back.";
    let plan = Plan::new(title, undo, "Set it aside");
    Ok(match entry {
        None => plan.nothing(format!(
            "{group} has not got it in hand: it is done with it, or never read it."
        )),
        Some(entry) if entry.holder == PendingHolder::Alive => plan.nothing(format!(
            "{} is alive and works on it. It is left alone.",
            shown(entry.consumer.as_bytes())
        )),
        Some(entry) => plan
            .say(format!(
                "Moves one entry to the dead letters, on its {} delivery, held by {}.",
                ordinal(entry.deliveries),
                shown(entry.consumer.as_bytes())
            ))
            .say(others(dash, stream, group)),
    })
}

fn number(letters: &[DeadLetterId]) -> String {
    of(letters.len() as u64, "dead letter", "dead letters")
}

fn facts(dash: &Dash, stream: &str) -> Option<StreamFacts> {
    dash.poller.read(|history| {
        let mut streams = history.latest().streams.iter();
        streams.find(|facts| facts.name == stream).cloned()
    })
}

/// What it means to the other groups.
fn others(dash: &Dash, stream: &str, group: &str) -> String {
    let groups = facts(dash, stream).map_or(0, |facts| facts.groups.len());
    match groups.saturating_sub(1) {
        0 => format!("No group but {group} reads {stream}."),
        1 => "The other group is left alone.".to_owned(),
        others => format!("The other {others} groups are left alone."),
    }
}

fn hold(dash: &Dash, stream: &str, group: &str, time: Duration) -> Plan {
    let of_group = facts(dash, stream).and_then(|facts| facts.group(group).cloned());
    let plan = Plan::new(
        format!("Hold {group} back for {}?", age(time)),
        "It can be undone, and ends by itself.",
        "Hold it back",
    )
    .say("It reads nothing new, and finishes what it has. What comes meanwhile waits.");
    match of_group {
        Some(facts) => plan.say(format!(
            "{} unread, {} in hand now.",
            crate::words::count_or_dash(facts.unread),
            count(facts.pending)
        )),
        None => plan,
    }
}

fn redrive(
    dash: &Dash,
    stream: &str,
    letters: &[DeadLetterId],
    (edits, fields): (&FieldEdits, &[String]),
) -> Result<Plan, String> {
    let schemas = schemas(dash, stream);
    let dead = dash
        .redis
        .manager()
        .dead_letters(stream)
        .map_err(|e| failed(&e))?;
    let mut tried = Tried::default();
    for id in letters.iter().take(TRIED) {
        let Some(letter) = dead.letter(*id).map_err(|e| failed(&e))? else {
            tried.gone += 1;
            continue;
        };
        tried.there += 1;
        if letter.message().is_empty() {
            tried.bare += 1;
            continue;
        }
        if !tried.groups.iter().any(|group| group == letter.group()) {
            tried.groups.push(letter.group().to_owned());
        }
        let message = edits.applied_to(letter.message());
        if let Some((schema, misfits)) = StreamSchema::check_any(&schemas, &message) {
            tried.would_fail += 1;
            if let Some(first) = misfits.first() {
                tried
                    .why
                    .get_or_insert_with(|| format!("{first} (schema {})", schema.name));
            }
        }
    }
    let plan = Plan::new(
        format!("Put {} back into {stream}?", number(letters)),
        "It can't be undone, but what fails again comes back here.",
        "Put back",
    );
    Ok(tried.said(plan, letters.len(), fields))
}

/// What became of trying dead letters against the newest schemas.
#[derive(Debug, Default)]
struct Tried {
    there: u64,
    gone: u64,
    bare: u64,
    would_fail: u64,
    why: Option<String>,
    groups: Vec<String>,
}

impl Tried {
    fn said(self, plan: Plan, all: usize, fields: &[String]) -> Plan {
        if self.there == 0 {
            return plan.nothing("They are gone: somebody else has put them back or removed them.");
        }
        let mut plan = plan;
        if all > TRIED {
            plan = plan.say(format!("{} of them were looked at.", count(TRIED as u64)));
        }
        if !self.groups.is_empty() {
            plan = plan.say(format!(
                "Only {} would get them; other groups skip them.",
                self.groups.join(", ")
            ));
        }
        if !fields.is_empty() {
            plan = plan.say(format!("Changed on their way: {}.", fields.join(", ")));
        }
        if self.gone > 0 {
            plan = plan.say(format!("{} are gone already.", count(self.gone)));
        }
        if self.bare > 0 {
            plan = plan.say(format!(
                "{} stay: their fields were too large to be kept.",
                count(self.bare)
            ));
        }
        let there = self.there;
        match (self.would_fail, self.why) {
            (0, _) => plan.say("As far as the newest schemas tell, none of them would fail again."),
            (fail, why) => {
                let all_of = if fail == there {
                    format!("All {} would fail again", count(fail))
                } else {
                    format!("{} of {} would fail again", count(fail), count(there))
                };
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                plan.say(Rich::new().strong(all_of).plain(format!("{why}.")))
            }
        }
    }
}
