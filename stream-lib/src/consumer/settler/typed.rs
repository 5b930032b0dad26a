//! Outputs of a type that has to be stored before them.

use std::time::Instant;

use super::trials::Trials;
use crate::consumer::member::outputs::{Output, Target};
use crate::consumer::member::settle::Unsettled;
use crate::error::{Error, Result};

/// Deliveries without those whose outputs have a type that must be stored before, and
/// can't be now.
///
/// # Blocking
///
/// Until `deadline`.
pub(super) fn with_types(
    trials: &mut Trials,
    chunk: Vec<Unsettled>,
    deadline: Instant,
) -> (Vec<Unsettled>, Vec<(Unsettled, Error)>) {
    let mut store = |output: &Output| -> Result<()> {
        if !output.stream.has_new_type() {
            return Ok(());
        }
        let target = Target::whole(&output.stream);
        trials.run(&target, deadline, |by| output.stream.store_types(by))
    };
    let (mut typed, mut untyped) = (Vec::with_capacity(chunk.len()), Vec::new());
    for entry in chunk {
        let stored = entry.outputs().try_for_each(&mut store);
        match stored {
            Ok(()) => typed.push(entry),
            Err(e) => untyped.push((entry, e)),
        }
    }
    (typed, untyped)
}
