//! The barest loop that consumes: one plain socket, XREADGROUP COUNT 200 and an
//! XACK of the 200 ids it has picked from between the lines.

use super::socket::{Lines, pack};
use crate::rig::{ORDERS, Rig};
use crate::{Readings, Result};

const COUNT: usize = 200;
/// `*1 *2 $6 orders *200`.
const HEAD: usize = 5;
/// `*2 $15 ID *8`, and a length and a text for each name and value.
const ENTRY: usize = 20;
/// The place of an entry's id in it.
const ID: usize = 2;

pub(crate) fn measure(rig: &Rig) -> Result<Readings> {
    let group = rig.group(ORDERS)?;
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
    let rounds = rig.plan.bulk / COUNT;
    let mut request = Vec::new();
    pack(&mut request, &read);

    let watch = rig.watch()?;
    for round in 0..rounds {
        lines.send(&request)?;
        // The number of acknowledged entries comes first, but not the first time.
        let acked = usize::from(round > 0);
        let reply = lines.receive(acked + HEAD + COUNT * ENTRY)?;
        let mut ack: Vec<&[u8]> = vec![b"XACK", ORDERS.as_bytes(), group.name.as_bytes()];
        ack.extend(
            reply
                .split(|byte| *byte == b'\n')
                .skip(acked + HEAD + ID)
                .step_by(ENTRY)
                .take(COUNT)
                .map(|line| line.strip_suffix(b"\r").unwrap_or(line)),
        );
        request.clear();
        pack(&mut request, &ack);
        if round + 1 < rounds {
            pack(&mut request, &read);
        }
    }
    lines.send(&request)?;
    let acked = lines.receive(1)?;
    if acked != b":200\r\n" {
        return Err("the barest loop has lost count".into());
    }
    let spent = watch.stop()?;
    let entries = (rounds * COUNT) as f64;
    Ok(vec![
        ("minimal_consume_per_s", entries / spent.wall),
        (
            "minimal_consume_server_us",
            spent.server_cpu * 1e6 / entries,
        ),
    ])
}
