//! A report for each night: one message for each time of a schedule, however many
//! processes run this program.

use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use stream_lib::{ConsumerConfig, Cron, Missed, StreamMessage};

/// A report to make, as an entry of the stream.
#[derive(StreamMessage)]
#[stream(name = "reports")]
struct Report {
    kind: String,
}

impl Report {
    fn new(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
        }
    }
}

fn main() -> anyhow::Result<()> {
    stream_examples::log_to_stderr();
    let (server, manager) = stream_examples::connect()?;
    let (tell, told) = channel();
    let config = ConsumerConfig::new("reports").group("makers");
    manager.consume_fn::<Report>("makers", config, move |report| {
        let tick = report.header("~tick").unwrap_or_default();
        tell.send((
            report.kind.clone(),
            String::from_utf8_lossy(tick).into_owned(),
        ))?;
        Ok(())
    })?;

    // At three in the morning in Berlin, wherever this runs. A missed night is not made
    // up for, and none begins while the previous one goes on.
    let nightly = Cron::parse("0 3 * * *")?
        .zone("Europe/Berlin")
        .missed(Missed::Skip)
        .no_overlap("makers");
    let next = nightly.next_after(SystemTime::now())?;
    let wait = next
        .context("no next night")?
        .duration_since(SystemTime::now())?;
    println!("hours until the next night: {}", wait.as_secs() / 3_600);
    manager.cron("nightly-report", nightly, || Report::new("nightly"))?;
    // Nobody wants to wait for a night here.
    let often = Cron::parse("* * * * * *")?;
    manager.cron("heartbeat", often, || Report::new("heartbeat"))?;

    let crons = manager.crons("reports")?;
    for job in crons.list()? {
        println!("{}: {} in {}", job.name, job.expression, job.zone);
    }
    crons.run_now("nightly-report")?;
    let mut ticks = Vec::new();
    let mut is_night_done = false;
    while ticks.len() < 3 || !is_night_done {
        let (kind, tick) = told
            .recv_timeout(Duration::from_secs(30))
            .context("a report has not come")?;
        match kind.as_str() {
            "nightly" => is_night_done = true,
            _ => ticks.push(tick.parse::<u64>()?),
        }
    }
    println!("nightly report made: {is_night_done}");
    println!("heartbeats in order: {}", ticks.is_sorted_by(|a, b| a < b));
    let last = UNIX_EPOCH + Duration::from_millis(ticks.last().copied().unwrap_or_default());
    log::info!("the last one was for {last:?}");
    println!("removed: {}", crons.remove("heartbeat")?);
    manager.shutdown();
    stream_examples::remove_stream(&server, "reports")
}
