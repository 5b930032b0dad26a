//! Ctrl-C and `kill`.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

/// The signal to stop: SIGTERM or SIGINT. A second one ends the process at once, with 128
/// plus the number of the signal as exit status.
#[derive(Debug)]
pub struct StopSignal {
    first: Receiver<()>,
}

impl StopSignal {
    /// Catches the signals from now on.
    ///
    /// # Errors
    ///
    /// When the system refuses a thread or a handler.
    pub fn catch() -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let (tell, first) = channel();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                let mut signals = signals.forever();
                if signals.next().is_some() {
                    eprintln!("stopping; a second signal ends it at once");
                    // Without a receiver, the stop is already under way.
                    let _ = tell.send(());
                }
                if let Some(signal) = signals.next() {
                    low_level::exit(128 + signal);
                }
            })?;
        Ok(Self { first })
    }

    /// Waits for the first signal, at most for `time`. Returns whether it came.
    #[must_use]
    pub fn comes_within(&self, time: Duration) -> bool {
        self.first.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
    }
}
