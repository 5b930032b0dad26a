//! Outputs of a type that has to be stored before them.

use std::sync::Arc;

use crate::consumer::member::outputs::OutputStream;
use crate::consumer::member::settle::Unsettled;
use crate::error::Error;

/// Deliveries without those whose outputs have a type that must be stored before, and
/// can't be now.
///
/// # Blocking
///
/// Half a second at most for each stream with such a type.
pub(super) fn with_types(chunk: Vec<Unsettled>) -> (Vec<Unsettled>, Vec<(Unsettled, Error)>) {
    let mut failed: Vec<(Arc<OutputStream>, Error)> = Vec::new();
    let mut untyped = Vec::new();
    let mut store = |stream: &Arc<OutputStream>| {
        if let Some((_, error)) = failed.iter().find(|(other, _)| Arc::ptr_eq(other, stream)) {
            return Err(error.clone());
        }
        let stored = stream.store_types();
        stored.inspect_err(|e| failed.push((Arc::clone(stream), e.clone())))
    };
    let mut typed = Vec::with_capacity(chunk.len());
    for entry in chunk {
        let stored = entry.outputs().try_for_each(|output| store(&output.stream));
        match stored {
            Ok(()) => typed.push(entry),
            Err(e) => untyped.push((entry, e)),
        }
    }
    (typed, untyped)
}
