//! The processes of the groups.

use std::env;
use std::process::{self, Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use stream_lib::{
    ConsumerConfig, Delivery, HandlerResult, OnUndecodable, OwnedMessage, StreamManager,
};

use crate::Failure;
use crate::fault::Fault;
use crate::messages::{DEADLY, Mail, Order, View};

/// Short, so that a fault shows soon.
const LEASE: Duration = Duration::from_secs(5);

/// The number of dead processes that are started again.
const RESTARTS: u32 = 2;

/// The time that a slow handler takes, and that of any other.
const SLOW: Duration = Duration::from_millis(400);
const USUAL: Duration = Duration::from_millis(2);

/// The time between two checks of a member for its end.
const STEP: Duration = Duration::from_millis(100);

/// The groups, each with a process, `billing` with one more.
const GROUPS: [&str; 6] = ["billing", "billing", "fraud", "archive", "mailer", "stats"];

/// The running processes, which end when this is dropped.
#[derive(Debug)]
pub(crate) struct Members {
    url: String,
    fault: Fault,
    running: Vec<(&'static str, Child)>,
    restarts: u32,
}

impl Members {
    pub(crate) fn start(url: &str, fault: Fault) -> Result<Self, Failure> {
        let mut members = Self {
            url: url.to_owned(),
            fault,
            running: Vec::new(),
            restarts: 0,
        };
        for group in GROUPS {
            members.begin(group)?;
        }
        Ok(members)
    }

    fn begin(&mut self, group: &'static str) -> Result<(), Failure> {
        let child = Command::new(env::current_exe()?)
            .args(["--fault", self.fault.name(), "member", &self.url, group])
            // A member ends when this pipe does, however its parent ends.
            .stdin(Stdio::piped())
            .spawn()?;
        self.running.push((group, child));
        Ok(())
    }

    /// Restarts dead processes, as a supervisor would, until it gives up.
    pub(crate) fn look_after(&mut self) -> Result<(), Failure> {
        let mut died = Vec::new();
        self.running.retain_mut(|(group, child)| {
            let is_alive = matches!(child.try_wait(), Ok(None));
            if !is_alive {
                died.push(*group);
            }
            is_alive
        });
        for group in died {
            if self.restarts < RESTARTS {
                self.restarts += 1;
                self.begin(group)?;
            }
        }
        Ok(())
    }

    /// Ends all processes, and waits for their end.
    pub(crate) fn stop(&mut self) {
        for (_, child) in &mut self.running {
            drop(child.stdin.take());
        }
        for (_, child) in &mut self.running {
            let _ = child.wait();
        }
        self.running.clear();
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs one member until its standard input ends.
pub(crate) fn run(
    url: &str,
    group: &str,
    fault: Fault,
    stop: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let manager = StreamManager::connect(url)?;
    let name = format!("{group}-{}", process::id());
    let slow = if fault == Fault::Slow && group == "billing" {
        SLOW
    } else {
        USUAL
    };
    match group {
        "mailer" => consume::<Mail>(&manager, "emails", group, &name, move |_| {
            work(USUAL);
            Ok(())
        })?,
        "stats" => consume::<View>(&manager, "tracking", group, &name, |_| Ok(()))?,
        "billing" => consume(&manager, "orders", group, &name, move |order: &Order| {
            if order.copies == DEADLY {
                // As in a real crash, nothing is given back.
                process::abort();
            }
            work(slow);
            Ok(())
        })?,
        _ => consume::<Order>(&manager, "orders", group, &name, |_| {
            work(USUAL);
            Ok(())
        })?,
    }
    let ended = Arc::clone(stop);
    thread::Builder::new()
        .name("parent".to_owned())
        .spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            ended.store(true, Ordering::SeqCst);
        })?;
    while !stop.load(Ordering::SeqCst) {
        thread::park_timeout(STEP);
    }
    manager.shutdown();
    Ok(())
}

fn consume<M: OwnedMessage + 'static>(
    manager: &StreamManager,
    stream: &str,
    group: &str,
    name: &str,
    handle: impl Fn(&M) -> HandlerResult + Send + Sync + 'static,
) -> Result<(), Failure> {
    let config = ConsumerConfig::new(stream)
        .group(group)
        .workers(4)
        .lease(LEASE)
        .grace(LEASE / 5)
        .on_undecodable(OnUndecodable::Bury);
    manager.consume_fn::<M>(name, config, move |delivery: &Delivery<M>| {
        handle(delivery.message())
    })?;
    Ok(())
}

/// Takes as long as real work would.
#[expect(
    clippy::disallowed_methods,
    reason = "the time that a handler takes is made up here"
)]
fn work(time: Duration) {
    thread::sleep(time);
}
