//! `orders dead`: what no delivery could complete.

use std::io::{self, Write};

use anyhow::ensure;
use stream_lib::{DeadLetter, DeadLetters};

use super::args::{DeadAction, DeadArgs};
use super::order::Order;

pub(super) fn run(args: &DeadArgs) -> anyhow::Result<()> {
    let (_server, manager) = crate::connect()?;
    match &args.action {
        DeadAction::List(selection) => {
            let dead = manager.dead_letters(&selection.stream)?;
            list(
                &dead,
                selection.limit.unwrap_or(usize::MAX),
                &mut io::stdout().lock(),
            )
        }
        DeadAction::Redrive(selection) => {
            let dead = manager.dead_letters(&selection.stream)?;
            redrive(&dead, selection.limit.unwrap_or(usize::MAX))
        }
    }
}

/// One line a dead letter, by pages: there may be many.
fn list(dead: &DeadLetters, limit: usize, out: &mut impl Write) -> anyhow::Result<()> {
    const PAGE: usize = 1_000;
    writeln!(
        out,
        "id\toriginal id\torder\tgroup\tdeliveries\treason\terror"
    )?;
    let mut left = limit;
    let mut after = None;
    while left > 0 {
        let page = dead.list_after(after, left.min(PAGE))?;
        let Some(last) = page.last() else {
            break;
        };
        after = Some(last.id());
        left -= page.len();
        for letter in &page {
            line(letter, out)?;
        }
    }
    Ok(())
}

fn line(letter: &DeadLetter, out: &mut impl Write) -> io::Result<()> {
    let order = letter.decode::<Order>();
    let order = order.as_ref().map_or("?", |order| &order.order_id);
    writeln!(
        out,
        "{}\t{}\t{order}\t{}\t{}\t{}\t{}",
        letter.id(),
        letter.original_id(),
        letter.group(),
        letter.deliveries(),
        letter.reason(),
        letter.error().escape_debug()
    )
}

fn redrive(dead: &DeadLetters, limit: usize) -> anyhow::Result<()> {
    let there = dead.count()?;
    println!(
        "{there} dead letters, putting back at most {}",
        there.min(limit as u64)
    );
    let report = dead.redrive_some(limit)?;
    println!("redriven {}", report.redriven);
    ensure!(
        report.without_body == 0,
        "{} dead letters were too large to be kept whole, and stay",
        report.without_body
    );
    Ok(())
}
