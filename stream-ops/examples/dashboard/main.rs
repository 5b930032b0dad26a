//! A dashboard of a demonstration: `make dashboard`.
//!
//! A private server, producers, and consumers in processes of their own, with a fault:
//! `--fault crash|slow|poison|none`. All of it ends with this process, even if the
//! process is killed.

mod fault;
mod members;
mod messages;
mod producers;

use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::{Parser, Subcommand};
use signal_hook::consts::{SIGINT, SIGTERM};
use stream_lib::{ConnectionConfig, StreamManager};
use stream_ops::serve::{Dashboard, Role, Settings, Token};
use stream_ops::server::Redis;
use stream_tests::Server;

use crate::fault::Fault;
use crate::members::Members;

type Failure = Box<dyn Error + Send + Sync>;

/// The time between two checks for signals and dead processes.
const STEP: Duration = Duration::from_millis(50);

#[derive(Debug, Parser)]
#[command(name = "dashboard")]
struct Args {
    /// The fault.
    #[arg(long, default_value = "crash")]
    fault: Fault,
    /// Address on which the dashboard listens; with another port if this one is taken.
    #[arg(long, default_value = "127.0.0.1:7474")]
    listen: std::net::SocketAddr,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Runs one process of a group; the dashboard starts them.
    #[command(hide = true)]
    Member { url: String, group: String },
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    match &args.part {
        Some(Part::Member { url, group }) => members::run(url, group, args.fault, &stop),
        None => serve(&args, &stop),
    }
}

fn serve(args: &Args, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let server = Server::start()?;
    let url = server.url();
    let manager = StreamManager::connect(&url)?;
    let mut members = Members::start(&url, args.fault)?;
    let token = token()?;
    let dashboard = dashboard(&url, args, &token)?;
    let mut out = io::stdout();
    writeln!(out, "dashboard  {}", dashboard.url())?;
    writeln!(
        out,
        "token      {token}   (with any name; the first change asks for it)"
    )?;
    writeln!(out, "redis      {url}")?;
    writeln!(out, "{}", args.fault.says())?;
    writeln!(out, "Ctrl-C ends all of it.")?;
    out.flush()?;
    thread::scope(|scope| -> Result<(), Failure> {
        let produced = thread::Builder::new()
            .name("producers".to_owned())
            .spawn_scoped(scope, || producers::run(&manager, args.fault, stop))?;
        while !stop.load(Ordering::SeqCst) && !produced.is_finished() {
            members.look_after()?;
            thread::park_timeout(STEP);
        }
        stop.store(true, Ordering::SeqCst);
        produced.join().map_err(|_| "the producers have panicked")?
    })?;
    dashboard.stop();
    members.stop();
    manager.shutdown();
    drop(server);
    Ok(())
}

/// A dashboard on the given address, or on any free port of it.
fn dashboard(url: &str, args: &Args, token: &str) -> Result<Dashboard, Failure> {
    let start = |listen| -> Result<Dashboard, Failure> {
        let settings = Settings {
            listen,
            title: Some("demo".to_owned()),
            token: Some(Token::new(token)?),
            allow: Role::Admin,
            ..Settings::default()
        };
        let config = ConnectionConfig::new(url)?;
        Ok(Dashboard::start(Redis::connect(config)?, settings)?)
    };
    let mut other = args.listen;
    other.set_port(0);
    start(args.listen).or_else(|_| start(other))
}

/// A token for this run.
fn token() -> Result<String, Failure> {
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes).map_err(|e| e.to_string())?;
    let (first, second) = bytes.split_at(8);
    let number = |part: &[u8]| part.iter().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
    Ok(format!("{:016x}{:08x}", number(first), number(second)))
}
