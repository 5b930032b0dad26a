//! The connection and the options that all commands share.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use stream_lib::{ConnectionConfig, Error, ErrorKind};

use super::args::Globals;
use super::exit::{Exit, Fault, Outcome};
use super::output::Output;
use crate::assess::{Assessment, assess_in};
use crate::observe::{History, Observer, StreamFacts};
use crate::server::{Redis, with_causes};
use crate::since::Since;
use crate::words::{Clock, quoted, shown};

/// Time limit of the search for streams, in a command that ends.
const FIND_FOR: Duration = Duration::from_secs(20);

/// Time between two looks that show a trend.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Age of the oldest unread entry above which a trend is of interest.
const BEHIND_MS: u64 = 10_000;

/// The connection, the clock and the format of results.
pub(crate) struct Context {
    pub(crate) globals: Globals,
    pub(crate) output: Output,
    pub(crate) clock: Clock,
    redis: OnceCell<Redis>,
    /// An interruption ends the process at once, not after the current step.
    ends_at_once: Arc<AtomicBool>,
    is_interrupted: Arc<AtomicBool>,
}

impl Context {
    pub(crate) fn new(globals: Globals) -> Outcome<Self> {
        let level = match globals.verbose {
            0 => "off",
            1 => "stream_lib=info",
            _ => "stream_lib=debug",
        };
        env_logger::Builder::new().parse_filters(level).init();
        let ends_at_once = Arc::new(AtomicBool::new(true));
        let is_interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            let at_once = Arc::clone(&ends_at_once);
            signal_hook::flag::register_conditional_shutdown(signal, 130, at_once)
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&is_interrupted)))
                .map_err(|e| Fault::new(Exit::Failed, format!("can't wait for signals: {e}")))?;
        }
        Ok(Self {
            output: Output::new(globals.output, globals.quiet, globals.no_color),
            clock: if globals.local {
                Clock::local()
            } else {
                Clock::utc()
            },
            globals,
            redis: OnceCell::new(),
            ends_at_once,
            is_interrupted,
        })
    }

    /// The connection, made at its first use.
    pub(crate) fn redis(&self) -> Outcome<&Redis> {
        if let Some(redis) = self.redis.get() {
            return Ok(redis);
        }
        let timeout = self.globals.timeout;
        let config = match &self.globals.url {
            Some(url) => ConnectionConfig::new(url)?,
            None => ConnectionConfig::from_env()?,
        };
        let config = config
            .connect_timeout(timeout)
            .response_timeout(timeout)
            .pool_size(4);
        let redis = Redis::connect(config)?;
        Ok(self.redis.get_or_init(|| redis))
    }

    /// The time at which a range begins, in milliseconds since 1970 by the server's clock.
    pub(crate) fn since(&self, since: Since) -> Outcome<u64> {
        Ok(since.ms(&self.clock, self.redis()?.clock()?))
    }

    /// Has an interruption no longer end the process, but set
    /// [`is_interrupted`](Self::is_interrupted), which a change looks at between two
    /// steps.
    pub(crate) fn end_between_steps(&self) {
        self.ends_at_once.store(false, Ordering::SeqCst);
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::SeqCst)
    }

    /// An observer of `streams`; where there are none, of those that `--stream` names;
    /// else of all.
    pub(crate) fn observer(&self, streams: &[String]) -> Outcome<Observer> {
        let named = if streams.is_empty() {
            self.globals.only.clone()
        } else {
            streams.to_vec()
        };
        Ok(Observer::new(self.redis()?, named))
    }

    /// Looks once, and again where only a second look tells whether a group catches up.
    pub(crate) fn observe(&self, streams: &[String]) -> Outcome<History> {
        let mut observer = self.observer(streams)?;
        let until = Instant::now() + FIND_FOR;
        while !observer.find(Duration::from_millis(200)).map_err(unfound)? {
            if Instant::now() >= until {
                self.output.note(
                    "streamctl: the search for streams took too long, and there may be more: \
                     name streams with --stream",
                );
                break;
            }
        }
        let mut history = History::default();
        history.add(observer.look()?);
        let is_behind = |stream: &StreamFacts| {
            let now = stream.at_ms;
            stream.groups.iter().any(|group| {
                let behind = group
                    .oldest_unread_ms
                    .map_or(0, |at| now.saturating_sub(at));
                behind > BEHIND_MS && group.living() > 0
            })
        };
        if history.latest().streams.iter().any(is_behind) {
            pause(BETWEEN_LOOKS);
            history.add(observer.look()?);
        }
        Ok(history)
    }

    pub(crate) fn assess(&self, history: &History) -> Assessment {
        assess_in(history, &self.clock)
    }

    /// A stream, which must exist.
    pub(crate) fn existing<'a>(
        &self,
        history: &'a History,
        name: &str,
    ) -> Outcome<&'a StreamFacts> {
        let mut streams = history.latest().streams.iter();
        let found = streams.find(|stream| stream.name == name);
        match found {
            Some(stream) if stream.exists || stream.is_ours => Ok(stream),
            Some(StreamFacts {
                trouble: Some(line),
                ..
            }) => Err(Fault::new(
                Exit::Failed,
                format!(
                    "can't look at `{}`: {}",
                    shown(name.as_bytes()),
                    shown(line.as_bytes())
                ),
            )),
            _ => {
                let at = self.redis()?.address();
                let name = shown(name.as_bytes());
                Err(Fault::no_such(format!(
                    "there is no stream `{name}` at {at}; `streamctl stream ls` shows those that \
                     there are"
                )))
            }
        }
    }
}

/// The error of a search for streams.
fn unfound(error: Error) -> Fault {
    if error.kind() != ErrorKind::PermissionDenied {
        return error.into();
    }
    Fault::new(
        Exit::Failed,
        format!(
            "can't search for streams: {}; name them with --stream, or permit `scan` to the user",
            with_causes(&error)
        ),
    )
}

/// Waits for `time`.
pub(crate) fn pause(time: Duration) {
    let until = Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::park_timeout(left);
    }
}

/// The error for a group that the stream doesn't have.
pub(crate) fn no_group(stream: &str, group: &str) -> Fault {
    let word = quoted(stream);
    let (stream, group) = (shown(stream.as_bytes()), shown(group.as_bytes()));
    Fault::no_such(format!(
        "`{stream}` has no group `{group}`; `streamctl group ls {word}` shows those that it has"
    ))
}
