//! Compares confirmed orders with those in Redis, and with those that were handled.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use log::Level;
use redis::streams::StreamRangeReply;

use super::consumers::Group;
use super::drill::{Demands, Drill};
use super::faults::Times;
use super::figures::Figures;
use super::ledger::{Call, Fate, Handling};
use super::producers::Work;
use super::stage::Stage;

/// What tells a hang from a busy machine.
const SLACK: Duration = Duration::from_secs(5);
/// Back at work by then, whatever the machine does.
const HANGS: Duration = Duration::from_secs(20);
/// What is older than this when the fault strikes is on the replicas.
const LAG: Duration = Duration::from_secs(1);
/// Most names in one line.
const NAMES: usize = 10;

/// The figures, and what is wrong.
pub(super) fn judge(stage: &Stage, drill: &Drill, times: Times) -> (Figures, Vec<String>) {
    let mut wrongs = Vec::new();
    let mut figures = Figures::named(times.named.saturating_duration_since(times.struck));
    for work in &stage.producers {
        let entries = entries(stage, &work.stream);
        let back = look_at_producer(
            work,
            &entries,
            drill.demands,
            times,
            &mut figures,
            &mut wrongs,
        );
        for group in stage.groups.iter().filter(|g| g.stream == work.stream) {
            look_at_group(
                group,
                work,
                &entries,
                back,
                times,
                &mut figures,
                &mut wrongs,
            );
        }
        if drill.demands.no_failure {
            let failed = work.calls.all().into_iter();
            let failed = failed.filter_map(|call| call.error).take(NAMES);
            let failed: Vec<_> = failed.collect();
            if !failed.is_empty() {
                wrongs.push(format!("{}: adds failed: {failed:#?}", work.stream));
            }
        }
    }
    if drill.demands.no_loss && figures.lost > 0 {
        wrongs.push(format!("{} orders are lost", figures.lost));
    }
    look_at_log(stage, drill.demands.outages, &mut figures, &mut wrongs);
    (figures, wrongs)
}

/// The numbers of the orders in a stream, in its order.
fn entries(stage: &Stage, stream: &str) -> Vec<u64> {
    let mut connection = stage.servers.master_of(stream).connect().unwrap();
    let mut command = redis::cmd("XRANGE");
    let range: StreamRangeReply = command
        .arg(stream)
        .arg("-")
        .arg("+")
        .query(&mut connection)
        .unwrap();
    let number = |entry: &redis::streams::StreamId| entry.get::<u64>("number").unwrap();
    range.ids.iter().map(number).collect()
}

/// Order, repeats, losses and times; returns when it was back at work.
fn look_at_producer(
    work: &Work,
    entries: &[u64],
    demands: Demands,
    times: Times,
    figures: &mut Figures,
    wrongs: &mut Vec<String>,
) -> Instant {
    let name = &work.stream;
    let there: BTreeSet<_> = entries.iter().copied().collect();
    if there.len() < entries.len() {
        wrongs.push(format!(
            "{name}: {} orders are there twice",
            entries.len() - there.len()
        ));
    }
    let mut pairs = entries.iter().zip(entries.iter().skip(1));
    if let Some((one, next)) = pairs.find(|(one, next)| one > next) {
        wrongs.push(format!("{name}: {one} stands before {next}"));
    }
    let calls = work.calls.all();
    // Since the new master was named, what is there was written to it.
    let is_back = |call: &&Call| {
        call.ended >= times.named && call.fate == Fate::Confirmed && there.contains(&call.number)
    };
    let back = calls.iter().find(is_back).map(|call| call.ended);
    match back {
        // A spool is emptied first.
        Some(back) if work.kind.spools() => figures.emptied(work.kind.name(), back - times.named),
        Some(back) => figures.added(work.kind.name(), back - times.named),
        None => wrongs.push(format!("{name}: no order was confirmed after the failover")),
    }
    let back = back.unwrap_or(times.named);
    if back - times.named > HANGS {
        wrongs.push(format!("{name}: back only after {:?}", back - times.named));
    }
    for call in &calls {
        figures.count(call.fate);
        let is_there = there.contains(&call.number);
        match call.fate {
            Fate::Refused if is_there => {
                wrongs.push(format!(
                    "{name}: {} was refused and is there: {:?}",
                    call.number, call.error
                ));
            }
            Fate::Confirmed | Fate::Spooled if !is_there => {
                figures.lost += 1;
                if let Some(why) = loss_is_wrong(work, call, back, times)
                    && !demands.all_may_go
                {
                    wrongs.push(format!("{name}: {} is lost, {why}", call.number));
                }
            }
            _ => {}
        }
    }
    if let Some(longest) = work.calls.longest() {
        figures.called(work.kind.name(), &longest);
        if longest.took() > work.kind.longest_call() + SLACK {
            wrongs.push(format!("{name}: a call took {:?}", longest.took()));
        }
    }
    back
}

/// What replication loses is what the old master alone had.
fn loss_is_wrong(work: &Work, call: &Call, back: Instant, times: Times) -> Option<String> {
    if work.kind.is_replicated() {
        return Some("though all replicas had it".to_owned());
    }
    if call.ended > back {
        let after = call.ended - back;
        return Some(format!("confirmed {after:?} after the producer was back"));
    }
    // An order that was spooled is sent at some time later.
    if call.fate == Fate::Confirmed && call.ended + LAG < times.struck {
        return Some("confirmed long before".to_owned());
    }
    None
}

fn look_at_group(
    group: &Group,
    work: &Work,
    entries: &[u64],
    back: Instant,
    times: Times,
    figures: &mut Figures,
    wrongs: &mut Vec<String>,
) {
    let runs = group.handled.all();
    let handled: BTreeSet<_> = runs.iter().map(|run| run.number).collect();
    let missed: Vec<_> = entries.iter().filter(|n| !handled.contains(n)).collect();
    if !missed.is_empty() {
        let some: Vec<_> = missed.iter().take(NAMES).collect();
        wrongs.push(format!(
            "{}: {} were never handled: {some:?}",
            group.name,
            missed.len()
        ));
    }
    // Only the new master has what was added there, or was spooled meanwhile.
    let is_new = |call: &Call| match call.fate {
        Fate::Spooled => call.began >= times.struck,
        _ => call.ended >= back && call.fate == Fate::Confirmed,
    };
    let new: BTreeSet<_> = work
        .calls
        .all()
        .into_iter()
        .filter(is_new)
        .map(|call| call.number)
        .collect();
    let is_first = |run: &&Handling| run.at >= times.named && new.contains(&run.number);
    let first = runs.iter().filter(is_first);
    match first.map(|run| run.at).min() {
        Some(at) => {
            let took = at.saturating_duration_since(times.named);
            figures.handled(&group.short, took);
            if took > HANGS {
                wrongs.push(format!("{}: back only after {took:?}", group.name));
            }
        }
        None => wrongs.push(format!(
            "{}: nothing was handled after the failover",
            group.name
        )),
    }
    figures.repeats += runs.len() - handled.len();
    for member in &group.members {
        if let Some(error) = member.failure().or(member.held_up()) {
            wrongs.push(format!("{}: a member is held up: {error}", group.name));
        }
    }
}

/// One line at the first failure of each cause and one at recovery, for each that
/// fails.
fn look_at_log(stage: &Stage, most: usize, figures: &mut Figures, wrongs: &mut Vec<String>) {
    figures.lines += told(stage).len();
    for (who, [held_up, works]) in outages(stage) {
        if held_up > most || works > held_up {
            wrongs.push(format!(
                "{who}: held up {held_up} times, at work again {works} times"
            ));
        }
    }
}

/// The warnings about what takes part.
pub(super) fn told(stage: &Stage) -> Vec<String> {
    let lines = stage.log.matching(|line| {
        line.level <= Level::Warn
            && (line.text.contains(&stage.tag) || line.thread.contains(&stage.tag))
    });
    lines.into_iter().map(|line| line.text).collect()
}

/// How often each was told to be held up, and to work again.
fn outages(stage: &Stage) -> BTreeMap<String, [usize; 2]> {
    let mut outages: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for text in told(stage) {
        if let Some((who, _)) = text.split_once(" is held up") {
            outages.entry(who.to_owned()).or_default()[0] += 1;
        } else if let Some((who, _)) = text.split_once(" works again") {
            outages.entry(who.to_owned()).or_default()[1] += 1;
        }
    }
    outages
}

/// Whether whoever was told to be held up was told to work since.
pub(super) fn is_calm(stage: &Stage) -> bool {
    let mut last = BTreeMap::new();
    for text in told(stage) {
        if let Some((who, _)) = text.split_once(" is held up") {
            last.insert(who.to_owned(), false);
        } else if let Some((who, _)) = text.split_once(" works again") {
            last.insert(who.to_owned(), true);
        }
    }
    last.values().all(|works| *works)
}
