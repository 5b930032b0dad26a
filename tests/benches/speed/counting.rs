//! The cost of counting a message, when it is added and when it is handled.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use stream_lib::__private::Counting;
use stream_lib::{EntryId, RawMessage};

use crate::message::Order;
use crate::rig::Rig;
use crate::{Readings, Result};

const MESSAGES: u32 = 1_000_000;
const TRIALS: usize = 5;

/// The quickest of a few trials: other programs run in between.
pub(crate) fn measure(_: &Rig) -> Result<Readings> {
    let entry = RawMessage::from_message(&Order::number(1))?;
    let counting = Counting::default();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let added = u64::try_from(now.as_millis())?;
    let mut least = Duration::MAX;
    for _ in 0..TRIALS {
        let began = Instant::now();
        for number in 0..MESSAGES {
            let id = EntryId::new(added, u64::from(number));
            let ended = began + Duration::from_nanos(u64::from(number));
            black_box(&counting).message(
                black_box(id),
                &black_box(&entry).fields(),
                began,
                black_box(ended),
            );
        }
        least = least.min(began.elapsed());
    }
    if counting.counted().0 == 0 {
        return Err("nothing was counted".into());
    }
    let each = least.as_secs_f64() * 1e9 / f64::from(MESSAGES);
    Ok(vec![("metrics_ns_per_message", each)])
}
