//! The dead letters of a stream, read from Redis.

use std::sync::Arc;

use stream_lib::{DeadFilter, DeadKind, DeadLetter, EntryId, FieldEdits};

use super::more::schemas;
use crate::clock::Clock;
use crate::serve::dash::{Dash, Kinds};
use crate::serve::view::{DeadMore, Window, chosen, key_of};
use crate::server::with_causes;
use crate::since::Since;
use crate::words::shown;

/// The most kinds with shown times, and the most dead letters of each.
const TIMED_KINDS: usize = 8;
const TIMED_LETTERS: usize = 5_000;
const TIMED_MS: u64 = 3 * 3_600_000;

/// The most dead letters on a page, in a search, and in a dry run.
const LETTERS: usize = 25;
const SEARCHED: usize = 1_000;
const FOUND: usize = 100;
const TRIED: usize = 200;

/// The kinds of the dead letters of a stream.
pub(crate) fn deads(dash: &Dash, stream: &str, now: u64) -> Kinds {
    dash.kinds.read(stream, || {
        let letters = dash.redis.manager().dead_letters(stream);
        let letters = letters.map_err(|error| with_causes(&error))?;
        let kinds = letters.kinds().map_err(|error| with_causes(&error))?;
        let since = EntryId::new(now.saturating_sub(TIMED_MS), 0);
        let mut timed = Vec::with_capacity(kinds.len());
        for (number, kind) in kinds.into_iter().enumerate() {
            let filter = DeadFilter::new()
                .kind(&kind)
                .from(since)
                .limit(TIMED_LETTERS);
            let ids = if number < TIMED_KINDS {
                letters.select(&filter).unwrap_or_default()
            } else {
                Vec::new()
            };
            timed.push((kind, ids.into_iter().map(|id| id.id).collect()));
        }
        Ok(Arc::new(timed))
    })
}

/// What a page asks for: a kind, a text, and the beginning of a range, each of which may
/// be empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Which<'a> {
    pub(super) kind: &'a str,
    pub(super) search: &'a str,
    pub(super) since: &'a str,
}

/// The dead letters of a kind that match a search.
pub(super) fn dead_letters(
    dash: &Dash,
    stream: &str,
    which: Which<'_>,
    now: u64,
) -> Result<DeadMore, String> {
    let kinds = deads(dash, stream, now)?;
    let mut more = DeadMore {
        kinds: kinds.as_ref().clone(),
        ..DeadMore::default()
    };
    let only: Vec<_> = kinds.iter().map(|(kind, _)| kind.clone()).collect();
    let Some(kind) = chosen(&only, which.kind) else {
        return Ok(more);
    };
    let letters = dash.redis.manager().dead_letters(stream);
    let letters = letters.map_err(|error| with_causes(&error))?;
    let mut filter = DeadFilter::new().kind(kind);
    let mut count = kind.count;
    if !which.since.is_empty() {
        let window = window(dash, stream, kind, which.since, now)?;
        filter = filter.from(EntryId::new(window.from_ms, 0));
        count = window.kind.as_ref().map_or(0, |kind| kind.count);
        more.window = Some(window);
    }
    let search = which.search;
    let most = if search.is_empty() { LETTERS } else { SEARCHED };
    let found = letters.list_where(&filter.clone().limit(most));
    more.letters = found.map_err(|error| with_causes(&error))?;
    // After the letters, so that the fields of each are known.
    more.schemas = schemas(dash, stream)?;
    more.looked = if search.is_empty() {
        count
    } else {
        more.letters.len() as u64
    };
    if !search.is_empty() {
        let mask = stream_lib::FieldMask::of(&more.schemas);
        more.letters.retain(|letter| has(letter, search, &mask));
        more.letters.truncate(FOUND);
    }
    let tried = filter.limit(TRIED);
    more.plan = letters
        .plan_redrive(&tried, &FieldEdits::new(), &more.schemas)
        .ok();
    Ok(more)
}

/// The part of a kind that died since a time. It is read once for all viewers, with its
/// beginning, so that the count and the form of a page agree.
fn window(
    dash: &Dash,
    stream: &str,
    kind: &DeadKind,
    since: &str,
    now: u64,
) -> Result<Window, String> {
    let begin: Since = since.parse()?;
    let key = format!("{stream}\0{}\0{since}", key_of(&kind.reason, &kind.error));
    dash.windows.read(&key, || {
        let from_ms = begin.ms(&Clock::utc(), now);
        let filter = DeadFilter::new().kind(kind).from(EntryId::new(from_ms, 0));
        let letters = dash.redis.manager().dead_letters(stream);
        let kinds = letters.and_then(|letters| letters.kinds_of(&filter));
        let kinds = kinds.map_err(|error| with_causes(&error))?;
        Ok(Window {
            since: since.to_owned(),
            from_ms,
            kind: kinds.into_iter().next(),
        })
    })
}

/// Whether a dead letter contains a text, or has `field = value`. Hidden values never
/// match, since a match would reveal them.
fn has(letter: &DeadLetter, search: &str, mask: &stream_lib::FieldMask) -> bool {
    let holds = |text: &[u8], part: &str| {
        shown(text)
            .to_lowercase()
            .contains(&part.trim().to_lowercase())
    };
    let fields = || {
        letter
            .message()
            .iter()
            .filter(|(name, _)| !mask.hides(name))
    };
    if let Some((name, value)) = search.split_once('=') {
        return fields().any(|(known, text)| known == name.trim().as_bytes() && holds(text, value));
    }
    holds(letter.error().as_bytes(), search)
        || holds(letter.entry_id().to_string().as_bytes(), search)
        || fields().any(|(name, text)| holds(name, search) || holds(text, search))
}
