//! The progress of a member's end, for the task that holds the lock of its partition.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::runtime::Bell;

/// The handover of a member's partition to another consumer. The member's reader, which
/// conducts its stop, sets the progress; the task that owns the partitions reads it.
#[derive(Debug)]
pub(super) struct HandOver {
    is_free: AtomicBool,
    has_ended: AtomicBool,
    /// Rings the task.
    alarm: Bell,
}

/// Marks the end of a member when it is dropped.
pub(super) struct UntilEnded<'a>(pub(super) &'a HandOver);

impl HandOver {
    pub(super) fn new(alarm: &Bell) -> Self {
        Self {
            is_free: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            alarm: alarm.clone(),
        }
    }

    /// Frees the partition for other consumers.
    pub(super) fn free(&self) {
        if !self.is_free.swap(true, Ordering::SeqCst) {
            self.alarm.ring();
        }
    }

    pub(super) fn is_free(&self) -> bool {
        self.is_free.load(Ordering::SeqCst)
    }

    /// Whether nothing of the member is left.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }
}

impl Drop for UntilEnded<'_> {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Ordering::SeqCst);
        self.0.is_free.store(true, Ordering::SeqCst);
        self.0.alarm.ring();
    }
}
