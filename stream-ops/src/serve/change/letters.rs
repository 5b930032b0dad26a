//! The dead letters that a form chooses.

use std::collections::BTreeSet;

use stream_lib::{DeadFilter, DeadLetterId, EntryId};

use crate::serve::dash::Dash;
use crate::serve::load::deads;
use crate::serve::query::Query;
use crate::serve::view::{FEW, chosen};
use crate::server::with_causes;
use crate::words::{of, shown};

/// The most dead letters of one change. Each is read for its plan.
const MOST: usize = 10_000;

/// The ticked dead letters, and on request those of the kind that the page didn't show.
pub(super) fn letters(
    dash: &Dash,
    stream: &str,
    form: &Query,
) -> Result<Vec<DeadLetterId>, String> {
    let (mut ids, shown_ids) = (read(form, "letter")?, read(form, "shown")?);
    if form.get("more") == "yes" {
        let now = dash.redis.clock().map_err(|error| with_causes(&error))?;
        let kinds = deads(dash, stream, now)?;
        let kinds: Vec<_> = kinds.iter().map(|(kind, _)| kind.clone()).collect();
        let kind = chosen(&kinds, form.get("kind")).ok_or("this kind of dead letters is gone")?;
        let until: EntryId = form
            .get("until")
            .parse()
            .map_err(|_| "the form has no valid `until`".to_owned())?;
        let mut filter = DeadFilter::new().kind(kind).until(until).limit(MOST + 1);
        if !form.get("since").is_empty() {
            let since = form.get("since").parse();
            let since = since.map_err(|_| "the form has no valid `since`".to_owned())?;
            filter = filter.from(EntryId::new(since, 0));
        }
        let letters = dash.redis.manager().dead_letters(stream);
        let found = letters.and_then(|letters| letters.select(&filter));
        let found = found.map_err(|error| with_causes(&error))?;
        ids.extend(found.into_iter().filter(|id| !shown_ids.contains(id)));
    }
    match ids.len() {
        0 => Err("no dead letter is ticked".to_owned()),
        number if number > MOST => Err(format!(
            "this page takes {} at a time; `streamctl dlq` takes more",
            of(MOST as u64, "dead letter", "dead letters")
        )),
        _ => Ok(ids.into_iter().collect()),
    }
}

/// The oldest few, for a trial.
pub(super) fn few(mut letters: Vec<DeadLetterId>) -> Vec<DeadLetterId> {
    letters.sort_by_key(|at| (at.id, at.partition));
    letters.truncate(FEW);
    letters
}

fn read(form: &Query, name: &'static str) -> Result<BTreeSet<DeadLetterId>, String> {
    let ids = form.all(name).map(|id| {
        id.parse()
            .map_err(|_| format!("`{}` is no dead letter", shown(id.as_bytes())))
    });
    ids.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_the_oldest_of_all_partitions() {
        let at = |partition: u16, ms: u64| {
            let id: DeadLetterId = format!("{partition}:{ms}-0").parse().unwrap();
            id
        };
        let all = (1..=20).flat_map(|ms| [at(1, ms), at(0, ms)]).collect();
        let few = few(all);
        assert_eq!(few.len(), FEW);
        assert!(few.iter().all(|id| id.id.ms() <= FEW as u64 / 2), "{few:?}");
    }
}
