//! One group.

use super::say::{
    about, age_or_dash, done_at_pace, growth, long_age, millis, rate_or_dash, sign, title, waiting,
    whole, why,
};
use super::series::{arrives, pace, unread};
use super::stream::done_in;
use crate::assess::{Assessment, GroupAssessment, Severity, State};
use crate::observe::{ConsumerFacts, GroupFacts, History, Suspect};
use crate::serve::access::Role;
use crate::serve::page::{
    Action, ConsumerRow, Field, Group, Page, Problem, Rich, Sign, SuspectRow, Tile, Undo,
    clock_seconds,
};
use crate::words::{age_ms, count, count_or_dash, cut, of, quoted, shown};

/// The most suspect entries on the page.
const SUSPECTS: usize = 10;

/// One group; `None` if there is none of this name. `peek` returns the fields of a
/// suspect entry without sensitive values; `allowed` is the role that the dashboard
/// allows.
pub fn group(
    history: &History,
    found: &Assessment,
    (stream, name): (&str, &str),
    peek: impl Fn(&Suspect) -> Option<String>,
    allowed: Role,
) -> Option<Group> {
    let look = history.latest();
    let now = look.at_ms;
    let of_stream = look.streams.iter().find(|facts| facts.name == stream)?;
    let facts = of_stream.group(name)?;
    let judged = found.group(stream, name)?;
    let track = history.track(stream);
    let of_group = track.and_then(|track| track.group(name));
    let rate = arrives(track, now).points.last().map(|(_, rate)| *rate);
    let best = pace(of_group, now);
    let needs = done_at_pace(facts.unread, best, rate);
    let others = facts.suspects.iter().map(|s| s.deliveries).min();
    let suspects = facts
        .suspects
        .iter()
        .take(SUSPECTS)
        .map(|suspect| SuspectRow {
            id: suspect.id.to_string(),
            link: Page::Message(suspect.stream.clone(), suspect.id.to_string()).link(),
            words: peek(suspect).unwrap_or_default(),
            deliveries: of(suspect.deliveries, "delivery", "deliveries"),
            others: match others {
                Some(least) if least < suspect.deliveries => format!("others: {least}"),
                _ => format!("held by {}", suspect.consumer),
            },
        });
    Some(Group {
        stream: stream.to_owned(),
        name: name.to_owned(),
        problem: problem(judged, facts, now),
        tiles: tiles(judged, facts, (best, needs), now),
        unread: unread(of_group, now),
        is_bad: judged.state.severity() <= Severity::Warning,
        suspects: suspects.collect(),
        actions: actions(judged, facts, allowed),
        consumers: consumers(facts, now),
    })
}

fn problem(group: &GroupAssessment, facts: &GroupFacts, now: u64) -> Problem {
    let name = shown(group.name.as_bytes());
    let is_wrong = group.state.severity() <= Severity::Warning;
    let headline = match (group.state, group.since_ms) {
        (State::StandsStill, Some(since)) => Rich::new()
            .bad(name)
            .plain(format!(" stands still since {}", clock_seconds(since))),
        (State::NoProcess, Some(since)) => Rich::new()
            .bad(name)
            .plain(format!(" has no process since {}", clock_seconds(since))),
        (State::StandsStill | State::NoProcess | State::FallsBehind, _) => title(group, now),
        (State::Held, _) => Rich::new().plain(name).plain(" is held back by somebody"),
        (state, _) => Rich::new().plain(name).plain(" ").plain(state.words()),
    };
    let mut text = why(group, facts, now);
    if !facts.suspects.is_empty() && is_wrong {
        text = text.plain("The next process may die of the same entry: set it aside below. ");
    }
    if let Some(words) = waiting(group, facts).filter(|_| facts.unread != Some(0)) {
        text = text.plain(words).plain(" ");
    }
    if !group.is_sure && is_wrong {
        text = text.plain("This is an estimate: the group was not watched for long enough. ");
    }
    if text.is_empty() {
        text = Rich::from("Nothing is unread.");
    }
    Problem {
        sign: sign(group.state.severity()),
        title: headline,
        text,
        next: None,
        note: None,
        chart: None,
        others: Vec::new(),
    }
}

fn tiles(
    group: &GroupAssessment,
    facts: &GroupFacts,
    (best, needs): (Option<f64>, Option<f64>),
    now: u64,
) -> Vec<Tile> {
    let dead = facts.held_by_dead();
    let hand = if dead > 0 {
        Tile::new("In dead hands", count(dead), "held by dead processes")
    } else {
        let held = facts.pending.saturating_sub(facts.waiting);
        Tile::new(
            "In hand",
            count(held),
            of(facts.living() as u64, "process", "processes"),
        )
    };
    let oldest = facts.oldest_unread_ms.filter(|_| facts.unread != Some(0));
    let slope = group.trend.slope.map(|slope| slope * 60.0);
    let change = match slope {
        Some(slope) if slope >= 1.0 => format!("{} more each minute", whole(slope)),
        Some(slope) if slope <= -1.0 => format!("{} fewer each minute", whole(-slope)),
        _ => growth(group, facts).to_owned(),
    };
    let later = match (group.state, needs) {
        (State::StandsStill | State::NoProcess, Some(seconds)) => {
            format!("{} once it runs", about(seconds))
        }
        (State::CatchesUp | State::KeepsUp, _) => "at the current pace".to_owned(),
        _ => String::new(),
    };
    vec![
        Tile::new("Unread", count_or_dash(facts.unread), change),
        Tile::new(
            "Oldest unread",
            age_or_dash(Some(oldest.map_or(0, |at| now.saturating_sub(at)))),
            oldest.map_or_else(|| "none".to_owned(), clock_seconds),
        ),
        hand,
        Tile::new("Wait for a retry", count(facts.waiting), waits(facts)),
        Tile::new("Usual pace", rate_or_dash(best), "best of this hour"),
        Tile::new("Done in", done_in(group, facts), later),
    ]
}

fn waits(facts: &GroupFacts) -> String {
    match (facts.waiting, facts.waiting_due) {
        (0, _) => "none".to_owned(),
        (all, due) if all == due => "all due".to_owned(),
        (_, due) => format!("{} due", count(due)),
    }
}

fn actions(group: &GroupAssessment, facts: &GroupFacts, allowed: Role) -> Vec<Action> {
    let (stream, name) = (group.stream.as_str(), group.name.as_str());
    let words = format!("{} {}", quoted(stream), quoted(name));
    let field = |field: &str, value: &str| Field {
        name: field.to_owned(),
        label: None,
        value: value.to_owned(),
    };
    let form = |what: &str| {
        vec![
            field("do", what),
            field("stream", stream),
            field("group", name),
        ]
    };
    let refused = needs(Role::Retry, allowed);
    let mut actions = Vec::new();
    if let Some(suspect) = facts.suspects.first() {
        let at = place_of(suspect, stream);
        let mut fields = form("set-aside");
        fields.push(field("id", &at));
        actions.push(Action {
            title: "Set the suspect aside".to_owned(),
            undo: Undo::Can,
            effect: Rich::from(format!(
                "Moves this one entry to the dead letters, for {name} only. Other entries stay as they are."
            )),
            button: Some(("Set aside…".to_owned(), fields)),
            command: Some(format!("streamctl pending bury {words} {at}")),
            is_first: true,
            refused: refused.clone(),
        });
    }
    let dead = facts.held_by_dead();
    if facts.living() == 0 && facts.has_work() {
        let takes = if dead > 0 {
            let them = of(dead, "entry", "entries");
            format!(
                "Its first process takes over the {them} at once, and reads on where the last one stopped."
            )
        } else {
            "Its first process reads on where the last one stopped.".to_owned()
        };
        actions.push(Action {
            title: format!("Start {name} again"),
            undo: Undo::Outside,
            effect: Rich::from(takes),
            button: None,
            command: None,
            is_first: false,
            refused: None,
        });
    }
    number(&mut actions);
    actions.push(hold(facts, form, field, &words, refused));
    actions
}

fn hold(
    facts: &GroupFacts,
    form: impl Fn(&str) -> Vec<Field>,
    field: impl Fn(&str, &str) -> Field,
    words: &str,
    refused: Option<String>,
) -> Action {
    let name = &facts.name;
    let (title, effect, button, mut fields, command) = if facts.held.is_some() {
        (
            format!("Let {name} read again"),
            "It reads on at once. Nothing was lost meanwhile.".to_owned(),
            "Let it read…",
            form("unhold"),
            format!("streamctl group release {words}"),
        )
    } else {
        (
            format!("Hold {name} back, until a time"),
            "It reads nothing new, and finishes what it has. The hold ends by itself.".to_owned(),
            "Hold…",
            form("hold"),
            format!("streamctl group hold {words} --for 30m"),
        )
    };
    if facts.held.is_none() {
        fields.push(Field {
            label: Some("for".to_owned()),
            ..field("for", "30 min")
        });
    }
    Action {
        title,
        undo: Undo::Can,
        effect: Rich::from(effect),
        button: Some((button.to_owned(), fields)),
        command: Some(command),
        is_first: false,
        refused,
    }
}

/// Numbers several actions, in the order in which they are to be done.
fn number(actions: &mut [Action]) {
    if actions.len() > 1 {
        for (at, action) in actions.iter_mut().enumerate() {
            action.title = format!("{}. {}", at + 1, action.title);
        }
    }
}

/// The reason why a change can't be made here, if the role doesn't allow it.
pub(super) fn needs(role: Role, allowed: Role) -> Option<String> {
    (allowed < role).then(|| {
        format!("Not here: the dashboard runs with `--allow {allowed}`, and this needs `--allow {role}` and a token.")
    })
}

/// The address of an entry as the library writes it: its id, with its partition if any.
fn place_of(suspect: &Suspect, stream: &str) -> String {
    if suspect.stream == stream {
        return suspect.id.to_string();
    }
    let tag = suspect
        .stream
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'));
    let number = tag
        .and_then(|(tag, _)| tag.rsplit_once(':'))
        .map(|(_, number)| number);
    number.map_or_else(
        || suspect.id.to_string(),
        |number| format!("{number}:{}", suspect.id),
    )
}

/// The consumers: those in trouble first, then by their last sign of life.
fn consumers(facts: &GroupFacts, now: u64) -> Vec<ConsumerRow> {
    let mut rows: Vec<(Sign, u64, ConsumerRow)> = facts
        .consumers
        .iter()
        .map(|consumer| {
            let sign = match consumer.alive {
                Some(false) if consumer.pending > 0 => Sign::Trouble,
                _ => Sign::Fine,
            };
            (
                sign,
                seen_ms(consumer, now).unwrap_or(0),
                row(consumer, sign, now),
            )
        })
        .collect();
    rows.sort_by(|a, b| (b.0, a.1, &a.2.name).cmp(&(a.0, b.1, &b.2.name)));
    rows.into_iter().map(|(_, _, row)| row).collect()
}

/// The milliseconds since a consumer's last sign of life.
fn seen_ms(consumer: &ConsumerFacts, now: u64) -> Option<u64> {
    match (consumer.sign_ms, consumer.alive) {
        (Some(lapses), Some(false)) => Some(now.saturating_sub(lapses)),
        (Some(_), _) => Some(consumer.idle_ms.unwrap_or(0)),
        (None, _) => consumer.idle_ms,
    }
}

fn row(consumer: &ConsumerFacts, sign: Sign, now: u64) -> ConsumerRow {
    let seen = match (consumer.alive, seen_ms(consumer, now)) {
        (Some(true), _) if consumer.is_member => "alive".to_owned(),
        (_, Some(ms)) => format!("{} ago", age_ms(ms)),
        (_, None) => "–".to_owned(),
    };
    let state = match (consumer.alive, consumer.pending) {
        (Some(false), 0) => "all it had was taken over",
        (Some(false), _) => "ended without a word: killed or crashed",
        (Some(true), 0) => "waits for entries",
        (Some(true), _) => "works",
        (None, 0) => "gives no signs of life, holds nothing",
        (None, _) => "gives no signs of life: works, or is dead",
    };
    ConsumerRow {
        name: shown(consumer.name.as_bytes()),
        sign,
        seen,
        in_hand: count(consumer.pending),
        oldest: consumer
            .oldest_pending_ms
            .filter(|_| consumer.pending > 0)
            .map_or_else(|| "–".to_owned(), age_ms),
        state: state.to_owned(),
        more: more(consumer),
    }
}

/// Facts that a member reports of itself.
fn more(consumer: &ConsumerFacts) -> Rich {
    let facts = &consumer.facts;
    let mut parts = Vec::new();
    if let Some(program) = &facts.program {
        parts.push(format!("{} {}", program.name, program.version));
    }
    if let (Some(running), Some(workers)) = (facts.running, facts.workers) {
        parts.push(format!(
            "{running} of {} busy",
            of(workers, "worker", "workers")
        ));
    }
    if let Some(completed) = facts.completed {
        parts.push(format!("{} done", count(completed)));
    }
    if let Some(failed) = facts.failed.filter(|failed| *failed > 0) {
        parts.push(format!("{} failed", count(failed)));
    }
    if let (Some(p50), Some(p99)) = (facts.p50_ms, facts.p99_ms) {
        let say = |ms: f64| age_ms(millis(ms / 1_000.0));
        parts.push(format!("half take {}, all but 1 % {}", say(p50), say(p99)));
    }
    if let Some(longest) = facts.longest_ms.filter(|ms| *ms > 10_000) {
        parts.push(format!("one has been running for {}", long_age(longest)));
    }
    let mut said = Rich::from(parts.join(" · "));
    if let Some(error) = &facts.last_error {
        let error = cut(&shown(error.as_bytes()), 100);
        said = said.plain(" · last error: ").code(error);
    }
    if said.text().is_empty() {
        Rich::new()
    } else {
        said
    }
}
