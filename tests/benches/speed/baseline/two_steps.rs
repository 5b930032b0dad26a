//! Consume and produce in two steps, by the barest loop: one plain socket, XREADGROUP
//! COUNT 200, then an XADD and an XACK for each entry, in one write.

use super::socket::{Lines, pack};
use crate::message::Order;
use crate::rig::{ORDERS, Rig};
use crate::{Readings, Result};

const COUNT: usize = 200;
/// `*1 *2 $6 orders *200`, `*2 $15 ID *8` and the lines of an entry, as in `minimal`.
const HEAD: usize = 5;
const ENTRY: usize = 20;
const ID: usize = 2;

pub(crate) fn measure(rig: &Rig) -> Result<Readings> {
    let group = rig.group(ORDERS)?;
    let stream = rig.stream();
    let mut lines = Lines::connect(rig)?;
    let read: [&[u8]; 9] = [
        b"XREADGROUP",
        b"GROUP",
        group.name.as_bytes(),
        b"minimal",
        b"COUNT",
        b"200",
        b"STREAMS",
        ORDERS.as_bytes(),
        b">",
    ];
    let order = Order::number(0).words();
    let add: Vec<&[u8]> = [b"XADD".as_slice(), stream.name.as_bytes(), b"*"]
        .into_iter()
        .chain(order.iter().map(String::as_bytes))
        .collect();
    let rounds = rig.plan.bulk / 4 / COUNT;
    let (mut request, mut steps) = (Vec::new(), Vec::new());
    pack(&mut request, &read);

    let watch = rig.watch()?;
    for _ in 0..rounds {
        lines.send(&request)?;
        let reply = lines.receive(HEAD + COUNT * ENTRY)?;
        steps.clear();
        for id in reply
            .split(|byte| *byte == b'\n')
            .skip(HEAD + ID)
            .step_by(ENTRY)
            .take(COUNT)
        {
            let id = id.strip_suffix(b"\r").unwrap_or(id);
            pack(&mut steps, &add);
            pack(
                &mut steps,
                &[
                    b"XACK".as_slice(),
                    ORDERS.as_bytes(),
                    group.name.as_bytes(),
                    id,
                ],
            );
        }
        lines.send(&steps)?;
        // A length and an id for each entry, and a number.
        lines.receive(3 * COUNT)?;
    }
    let spent = watch.stop()?;
    stream.must_have(rounds * COUNT)?;
    let entries = (rounds * COUNT) as f64;
    Ok(vec![
        ("two_steps_per_s", entries / spent.wall),
        ("two_steps_server_us", spent.server_cpu * 1e6 / entries),
    ])
}
