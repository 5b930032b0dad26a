//! `make soak MINUTES=n`: a group of worker processes under random faults, and at the end
//! a check by a ledger that no confirmed order was lost.
//!
//! Producers add numbered orders; `orders work` processes complete them and
//! note each in a file. Some producers use the backup stream, from which workers
//! move orders back. Meanwhile three lanes of faults strike at random: at
//! the workers, at the connections, at the server; or, with `TOPOLOGY=sentinel`, at
//! the workers and at a master, its replicas and their sentinels, or, with
//! `TOPOLOGY=cluster`, at the nodes of a cluster; and the process that adds orders forks
//! now and then. Then the faults end, the workers drain the stream, and everything is
//! compared.

mod args;
mod clock;
mod connections;
mod demotion;
mod done;
mod fleet;
mod forks;
mod journal;
mod ledger;
mod life;
mod logs;
mod members;
mod nodes;
mod producers;
mod redis;
mod report;
mod servers;
mod stop;
mod verdict;

use std::error::Error;
use std::process::ExitCode;
use std::thread::{Builder, Scope, ScopedJoinHandle, scope};
use std::time::{Duration, Instant};

use clap::Parser;
use fastrand::Rng;
use stream_lib::{GroupStats, StreamManager, StreamStats};
use stream_tests::poll;

use self::args::Args;
use self::done::Done;
use self::fleet::Fleet;
use self::journal::Journal;
use self::ledger::Ledger;
use self::redis::Redis;
use self::report::{Progress, Report};
use self::stop::Stop;

const STREAM: &str = "orders";
/// How long the workers may take for what is left when the faults have ended.
const DRAIN: Duration = Duration::from_mins(2);
/// How often the files of completed orders are read.
const LOOK: Duration = Duration::from_millis(10);

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(report) => {
            println!("{report}");
            if report.failures.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(e) => {
            eprintln!("soak: {e}");
            ExitCode::FAILURE
        }
    }
}

/// The state that all threads share.
struct Scene {
    redis: Redis,
    journal: Journal,
    ledger: Ledger,
    /// No more orders, no more faults.
    enough: Stop,
    /// The workers have drained the stream.
    drained: Stop,
}

impl Scene {
    fn set(args: &Args) -> Outcome<Self> {
        Ok(Self {
            redis: Redis::start(args)?,
            journal: Journal::new(),
            ledger: Ledger::default(),
            enough: Stop::default(),
            drained: Stop::default(),
        })
    }
}

fn run(args: &Args) -> Outcome<Report> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..=0xffff_ffff));
    eprintln!("soak: {} min, SEED={seed}", args.minutes);
    let mut seeds = Rng::with_seed(seed);
    let scene = Scene::set(args)?;
    let mut fleet = Fleet::new(args, &scene, seeds.fork())?;
    let done = Done::of(fleet.files());
    let (done, left) = scope(|scope| -> Outcome<_> {
        // The scope waits for its threads, so an error must end them too.
        let _end = EndOnDrop(&scene);
        let watch = spawn(scope, "done", || watch(&scene, done, args))?;
        let mut lanes = Vec::new();
        for number in 0..args.producers {
            let (scene, rng) = (&scene, seeds.fork());
            let produce = move || producers::run(scene, number, args, rng);
            lanes.push(spawn(scope, "producer", produce)?);
        }
        let (rng, other_rng) = (seeds.fork(), seeds.fork());
        match &scene.redis {
            Redis::One(one) => {
                lanes.push(spawn(scope, "connections", || {
                    connections::run(&scene, one, rng);
                    Ok(())
                })?);
                let strike = || servers::run(&scene, one, other_rng);
                lanes.push(spawn(scope, "servers", strike)?);
            }
            Redis::Sentinels(sentinels) => {
                lanes.push(spawn(scope, "members", || {
                    members::run(&scene, sentinels, rng);
                    Ok(())
                })?);
            }
            Redis::Cluster(cluster) => {
                lanes.push(spawn(scope, "nodes", || {
                    nodes::run(&scene, cluster, rng);
                    Ok(())
                })?);
            }
        }

        let end = Instant::now() + args.time();
        while Instant::now() < end && !lanes.iter().any(ScopedJoinHandle::is_finished) {
            fleet.tend(true);
            scene.enough.comes_within(LOOK);
        }
        scene.enough.set();
        for lane in lanes {
            join(lane)??;
        }
        let left = drain(&scene, &mut fleet)?;
        scene.drained.set();
        fleet.measure_idleness();
        fleet.stop_all();
        Ok((join(watch)??, left))
    })?;
    verdict::judge(args, seed, &scene, &fleet, &done, &left)
}

/// Ends all threads when dropped.
struct EndOnDrop<'a>(&'a Scene);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.enough.set();
        self.0.drained.set();
    }
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    body: impl FnOnce() -> T + Send + 'scope,
) -> Outcome<ScopedJoinHandle<'scope, T>> {
    Ok(Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, body)?)
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> Outcome<T> {
    let name = thread.thread().name().unwrap_or_default().to_owned();
    thread
        .join()
        .map_err(|_| format!("the thread `{name}` panicked").into())
}

/// Reads what the workers have done until the stream is drained.
fn watch(scene: &Scene, mut done: Done, args: &Args) -> Outcome<Done> {
    let mut progress = Progress::new(args.time());
    loop {
        let last = scene.drained.comes_within(LOOK);
        done.read(scene.journal.now())?;
        progress.show(scene, &done);
        if last {
            return Ok(done);
        }
    }
}

/// The state of Redis at the end.
struct Left {
    stats: StreamStats,
    group: GroupStats,
    drained: bool,
    took: Duration,
}

/// Waits until nothing is unread or pending, nor in the backup stream.
fn drain(scene: &Scene, fleet: &mut Fleet<'_>) -> Outcome<Left> {
    let start = Instant::now();
    let manager = StreamManager::connect(scene.redis.url())?;
    let mut seen = StreamStats::default();
    let drained = poll(DRAIN, || {
        fleet.tend(false);
        seen = manager.stream_stats(STREAM).ok()?;
        let [group] = seen.groups.as_slice() else {
            return None;
        };
        let done = group.unread == Some(0) && group.pending == 0 && seen.backup == 0;
        done.then_some(())
    });
    Ok(Left {
        group: seen.groups.first().cloned().unwrap_or_default(),
        stats: seen,
        drained: drained.is_some(),
        took: start.elapsed(),
    })
}
