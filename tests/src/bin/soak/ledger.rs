//! The ledger of producers: the fate of each order.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use stream_lib::{Added, ErrorKind, Result};

/// The outcome of an add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Redis has it.
    Confirmed,
    /// Redis may have it.
    Unknown,
    /// Redis doesn't have it.
    Refused,
}

/// The fate of every order.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    fates: BTreeMap<String, Fate>,
    confirmed: u64,
    errors: BTreeMap<String, u64>,
}

impl Ledger {
    pub(super) fn enter(&self, order_id: String, result: &Result<Added>) {
        let mut inner = self.inner.lock();
        let fate = match result {
            Ok(_) => Fate::Confirmed,
            Err(e) => match e.kind() {
                // On too few replicas, it is there, and a failover may lose it.
                ErrorKind::OutcomeUnknown | ErrorKind::NotReplicated => Fate::Unknown,
                _ => Fate::Refused,
            },
        };
        match result {
            Ok(_) => inner.confirmed += 1,
            Err(e) => *inner.errors.entry(format!("{:?}", e.kind())).or_default() += 1,
        }
        inner.fates.insert(order_id, fate);
    }

    pub(super) fn confirmed(&self) -> u64 {
        self.inner.lock().confirmed
    }

    pub(super) fn fates(&self) -> BTreeMap<String, Fate> {
        self.inner.lock().fates.clone()
    }

    /// The kinds of the errors, and how often each came.
    pub(super) fn errors(&self) -> BTreeMap<String, u64> {
        self.inner.lock().errors.clone()
    }
}
