//! The progress of a change, on a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Changes that end sooner show no bar.
const AFTER: Duration = Duration::from_millis(500);

/// A bar on standard error, shown after [`AFTER`], and only on a terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    is_shown: bool,
}

impl Progress {
    pub(super) fn new(count: u64, is_quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::hidden());
        if let Ok(style) =
            ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len}, {eta} left")
        {
            bar.set_style(style);
        }
        Self {
            bar,
            began: Instant::now(),
            is_shown: is_quiet,
        }
    }

    pub(super) fn at(&mut self, done: u64) {
        if !self.is_shown && self.began.elapsed() >= AFTER {
            self.is_shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(done);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
