//! Signals to child processes.

use rustix::process::{Pid, Signal, kill_process};

/// Sends `signal` to a child that has not been reaped yet, so that its id
/// can't belong to another process.
///
/// A child that has ended already is no error: the signal has no one to reach.
pub(crate) fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}
