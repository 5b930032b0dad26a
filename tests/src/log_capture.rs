//! The log of the library, line by line.

use std::sync::{Arc, OnceLock, Weak};
use std::thread;

use log::{Level, LevelFilter, Log, Metadata, Record};
use parking_lot::Mutex;

/// One log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its level.
    pub level: Level,
    /// The module that logged it.
    pub target: String,
    /// The name of the thread that logged it.
    pub thread: String,
    /// The text.
    pub text: String,
}

/// Records every log line of this process from its start to its drop, of all
/// levels and threads.
///
/// Tests that run in parallel see each other's lines, so ask for those with a
/// name of your own: [`containing`](Self::containing),
/// [`on_threads`](Self::on_threads).
#[derive(Debug)]
pub struct LogCapture {
    lines: Lines,
}

type Lines = Arc<Mutex<Vec<LogLine>>>;

impl LogCapture {
    /// Starts recording.
    ///
    /// # Panics
    ///
    /// When another logger is already installed in this process.
    #[track_caller]
    pub fn start() -> Self {
        let lines = Lines::default();
        let fan_out = FanOut::installed();
        fan_out.captures.lock().push(Arc::downgrade(&lines));
        Self { lines }
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<LogLine> {
        self.lines.lock().clone()
    }

    /// The lines so far whose text contains `part`.
    pub fn containing(&self, part: &str) -> Vec<LogLine> {
        self.matching(|line| line.text.contains(part))
    }

    /// The lines so far of threads whose name starts with `prefix`.
    pub fn on_threads(&self, prefix: &str) -> Vec<LogLine> {
        self.matching(|line| line.thread.starts_with(prefix))
    }

    /// The lines so far for which `keep` is true.
    pub fn matching(&self, keep: impl Fn(&LogLine) -> bool) -> Vec<LogLine> {
        let lines = self.lines.lock();
        lines.iter().filter(|line| keep(line)).cloned().collect()
    }
}

/// The logger of the process: hands each line to every living capture.
#[derive(Debug, Default)]
struct FanOut {
    captures: Mutex<Vec<Weak<Mutex<Vec<LogLine>>>>>,
}

impl FanOut {
    #[track_caller]
    fn installed() -> &'static Self {
        static LOGGER: OnceLock<FanOut> = OnceLock::new();
        static INSTALL: OnceLock<Result<(), log::SetLoggerError>> = OnceLock::new();
        let logger = LOGGER.get_or_init(Self::default);
        let installed = INSTALL.get_or_init(|| {
            log::set_max_level(LevelFilter::Trace);
            log::set_logger(logger)
        });
        assert!(
            installed.is_ok(),
            "another logger is installed in this process, so nothing can be captured"
        );
        logger
    }
}

impl Log for FanOut {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // The text is made before the lock is taken: making it may log too.
        let line = LogLine {
            level: record.level(),
            target: record.target().to_owned(),
            thread: thread::current().name().unwrap_or_default().to_owned(),
            text: record.args().to_string(),
        };
        self.captures.lock().retain(|capture| {
            let living = capture.upgrade();
            if let Some(lines) = &living {
                lines.lock().push(line.clone());
            }
            living.is_some()
        });
    }

    fn flush(&self) {}
}
