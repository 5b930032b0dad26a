//! Schedules of one stream, and of all.

use std::sync::Arc;

use serde_json::{Value, json};
use stream_lib::CronState;

use super::more::schemas;
use crate::json::time;
use crate::observe::StreamFacts;
use crate::serve::dash::Dash;
use crate::serve::page::Model;
use crate::serve::view::{self, StreamSchedules};
use crate::server::with_causes;
use crate::words::millis_of;

/// The most scheduled messages of one stream on a page, and the most streams asked.
const SCHEDULED: usize = 50;
const STREAMS: usize = 200;

type Built = Result<(Model, Value), String>;

/// The page of one stream.
pub(super) fn schedules(dash: &Dash, of: &StreamFacts, now: u64) -> Built {
    let of_one = of_stream(dash, of)?;
    let json = facts(std::slice::from_ref(&of_one));
    let page = view::schedules(&of_one, now, dash.settings.allow);
    Ok((Model::Schedules(Box::new(page)), json))
}

/// The page of all streams.
pub(super) fn all_schedules(dash: &Dash) -> Built {
    let (streams, now): (Vec<StreamFacts>, u64) = dash.poller.read(|history| {
        let look = history.latest();
        let ours = look.streams.iter().filter(|stream| stream.is_ours);
        (ours.cloned().collect(), look.at_ms)
    });
    let all = dash.schedules.read("", || {
        let left_out = streams.len().saturating_sub(STREAMS);
        let each = streams.iter().take(STREAMS).map(|of| of_stream(dash, of));
        let all: Result<Vec<StreamSchedules>, String> = each.collect();
        Ok(Arc::new((all?, left_out)))
    })?;
    let (of_all, left_out) = all.as_ref();
    let page = view::all_schedules(of_all, *left_out, now, dash.settings.allow);
    Ok((Model::Schedules(Box::new(page)), facts(of_all)))
}

fn of_stream(dash: &Dash, of: &StreamFacts) -> Result<StreamSchedules, String> {
    let manager = dash.redis.manager();
    let failed = |error: stream_lib::Error| with_causes(&error);
    let crons = manager.crons(&of.name).map_err(failed)?;
    let jobs = crons.list().map_err(failed)?;
    let mut one = StreamSchedules {
        stream: of.name.clone(),
        jobs,
        scheduled: of.scheduled,
        ..StreamSchedules::default()
    };
    if of.scheduled > 0 {
        let scheduled = manager.scheduled(&of.name).map_err(failed)?;
        one.messages = scheduled.list(SCHEDULED).map_err(failed)?;
        one.schemas = schemas(dash, &of.name)?;
    }
    Ok(one)
}

/// For programs. No payload.
fn facts(of_all: &[StreamSchedules]) -> Value {
    let jobs = of_all.iter().flat_map(|one| {
        one.jobs.iter().map(|job| {
            json!({
                "stream": one.stream,
                "name": job.name,
                "expression": job.expression,
                "zone": job.zone,
                "state": match job.state {
                    CronState::On => "on",
                    CronState::Paused => "paused",
                    _ => "removed",
                },
                "last": time(Some(millis_of(job.last))),
                "next": time(job.next.map(millis_of)),
            })
        })
    });
    let messages = of_all.iter().flat_map(|one| {
        one.messages.iter().map(|message| {
            json!({
                "stream": one.stream,
                "id": message.id().to_string(),
                "due": time(message.due().map(millis_of)),
            })
        })
    });
    let scheduled: u64 = of_all.iter().map(|one| one.scheduled).sum();
    json!({
        "jobs": jobs.collect::<Vec<_>>(),
        "scheduled": messages.collect::<Vec<_>>(),
        "scheduled_count": scheduled,
    })
}
