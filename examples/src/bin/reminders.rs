//! Reminders that are due later: scheduled, listed, moved, cancelled.

use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::Context;
use stream_lib::{Added, ConsumerConfig, ScheduleId, StreamManager, StreamMessage, WhenTaken};

/// A reminder, as an entry of the stream.
#[derive(StreamMessage)]
#[stream(name = "reminders")]
struct Reminder {
    user_id: u64,
    text: String,
}

impl Reminder {
    fn new(user_id: u64, text: &str) -> Self {
        Self {
            user_id,
            text: text.to_owned(),
        }
    }
}

/// Schedules one reminder of a kind at a time: a second call moves it.
fn remind(
    manager: &StreamManager,
    reminder: &Reminder,
    wait: Duration,
) -> anyhow::Result<ScheduleId> {
    let key = format!("{}:{}", reminder.user_id, reminder.text);
    let added = manager
        .with(reminder)
        .after(wait)
        .unique(key, WhenTaken::Replace)
        .add()?;
    match added {
        Added::Scheduled(id) => Ok(id),
        other => anyhow::bail!("not scheduled: {other:?}"),
    }
}

fn main() -> anyhow::Result<()> {
    const HOUR: Duration = Duration::from_hours(1);
    stream_examples::log_to_stderr();
    let (server, manager) = stream_examples::connect()?;
    let (tell, told) = channel();
    let config = ConsumerConfig::new("reminders");
    manager.consume_fn::<Reminder>("reminders", config, move |reminder| {
        tell.send((reminder.user_id, reminder.text.clone(), reminder.age()))?;
        Ok(())
    })?;

    // The second one of a kind moves the first.
    let tea = remind(&manager, &Reminder::new(7, "tea"), HOUR)?;
    let again = remind(&manager, &Reminder::new(7, "tea"), HOUR / 2)?;
    println!("moved: {}", tea == again);
    let milk = remind(&manager, &Reminder::new(7, "milk"), HOUR)?;
    let post = remind(&manager, &Reminder::new(8, "post"), 2 * HOUR)?;

    let scheduled = manager.scheduled("reminders")?;
    println!("scheduled {}", scheduled.count()?);
    for message in scheduled.list(10)? {
        let reminder: Reminder = message.decode()?;
        println!("  user {}: {}", reminder.user_id, reminder.text);
    }
    println!("cancelled: {}", scheduled.cancel(milk)?);
    // Not in half an hour, but in a moment; not in two hours, but now.
    println!(
        "rescheduled: {}",
        scheduled.reschedule(tea, Duration::from_millis(300))?
    );
    println!("run now: {}", scheduled.run_now(post)?);

    for _ in 0..2 {
        let (user, text, late) = told
            .recv_timeout(Duration::from_secs(30))
            .context("a reminder has not come")?;
        println!("user {user}, remember: {text}");
        log::info!("{late:?} late");
    }
    println!("scheduled {}", scheduled.count()?);
    manager.shutdown();
    stream_examples::remove_stream(&server, "reminders")
}
