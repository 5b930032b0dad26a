//! Instructions of encoding and decoding an order, by the derive and by hand,
//! counted by callgrind: they don't depend on the machine's load.

use std::env;
use std::hint::black_box;
use std::process::Command;

use stream_lib::__private as internals;
use stream_lib::{OwnedMessage, RawMessage};

use crate::message::{HandOrder, Order};
use crate::rig::Rig;
use crate::{Readings, Result};

const FEW: usize = 1_000;
const MANY: usize = 6_000;

pub(crate) fn measure(_: &Rig) -> Result<Readings> {
    Ok(vec![
        ("derive_instructions", each("derive")?),
        ("handwritten_instructions", each("handwritten")?),
    ])
}

/// The instructions of one message: the difference between many and few, so that the
/// start of the process doesn't count.
fn each(what: &str) -> Result<f64> {
    let few = count(what, FEW)?;
    let many = count(what, MANY)?;
    Ok((many - few) / (MANY - FEW) as f64)
}

fn count(what: &str, messages: usize) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["instructions", what, &messages.to_string()])
        .output()
        .map_err(|e| format!("not measured: valgrind: {e}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .ok_or_else(|| format!("not measured: callgrind has said: {text}").into())
}

/// The part that runs under callgrind.
pub(crate) fn run_here(what: &str, messages: usize) -> Result<()> {
    let order = Order::number(1);
    match what {
        "derive" => round_trips(&order, messages),
        "handwritten" => round_trips(&HandOrder(order), messages),
        _ => Err("derive or handwritten".into()),
    }
}

fn round_trips<M: OwnedMessage + PartialEq>(message: &M, messages: usize) -> Result<()> {
    let entry = RawMessage::from_message(message)?;
    if entry.decode::<M>()? != *message {
        return Err("the message doesn't come back".into());
    }
    let mut command = Vec::with_capacity(1 << 10);
    for _ in 0..messages {
        command.clear();
        black_box(message).encode(&mut internals::writer(&mut command))?;
        black_box(&command);
        black_box(M::decode(black_box(&entry).fields())?);
    }
    Ok(())
}
