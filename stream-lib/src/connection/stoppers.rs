//! Ends all connections of one kind at once, from another thread.

use parking_lot::Mutex;

use super::socket::Stopper;

/// The stoppers of one kind of connections to one server; `None` once they are ended, and
/// later ones end at once.
#[derive(Debug)]
pub(super) struct Stoppers(Mutex<Option<Vec<Stopper>>>);

impl Default for Stoppers {
    fn default() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }
}

impl Stoppers {
    /// Adds a new connection, and drops those that are gone.
    pub(super) fn add(&self, stopper: Stopper) {
        match &mut *self.0.lock() {
            Some(all) => {
                all.retain(Stopper::is_live);
                all.push(stopper);
            }
            None => stopper.stop(),
        }
    }

    /// Ends the connections, now and later.
    pub(super) fn stop(&self) {
        let all = self.0.lock().take();
        for stopper in all.unwrap_or_default() {
            stopper.stop();
        }
    }
}
