//! Money that moves once for each payment, even if programs die.
//!
//! Payments are checked by a first consumer, which produces bookings in one step with its
//! acknowledgements: each payment has one booking. A second consumer books them in an
//! `SQLite` database: the row of a booking, with its partition and its `original_id`, and
//! the new balance are one transaction. A booking that comes again finds its row, and
//! changes nothing.
//!
//! Several of these programs may share a Redis and a database, and may be killed at any
//! time. The server is the one of `REDIS_URL`, else a private one that ends with the
//! program.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use parking_lot::Mutex;
use rusqlite::{Connection, TransactionBehavior, params};
use stream_examples::StopSignal;
use stream_lib::{
    ConsumerConfig, Delivery, HandlerError, RetryPolicy, StreamManager, StreamMessage,
};

/// Books payments, once each.
#[derive(Debug, Parser)]
#[command(name = "ledger", version)]
struct Args {
    /// Adds this many payments first, of 1 to N cents, to ten accounts in turn.
    #[arg(long, value_name = "N", default_value_t = 0)]
    add: i64,
    /// The database.
    #[arg(long, value_name = "FILE", default_value = "ledger.db")]
    db: PathBuf,
    /// Time after which the payments of a dead program are taken over, in ms.
    #[arg(long, value_name = "L", default_value_t = 30_000)]
    lease_ms: u64,
    /// Prints `bookings N cents C` of the database, and ends.
    #[arg(long)]
    show: bool,
    /// Ends after this many ms without anything to do. Defaults to an end by signals
    /// only.
    #[arg(long, value_name = "MS")]
    exit_when_idle: Option<u64>,
}

/// A payment that was asked for.
#[derive(StreamMessage)]
#[stream(name = "payments")]
struct Payment {
    account: u64,
    cents: i64,
}

/// A payment that was checked.
#[derive(StreamMessage)]
#[stream(name = "bookings")]
struct Booking {
    account: u64,
    cents: i64,
}

fn main() -> anyhow::Result<()> {
    stream_examples::log_to_stderr();
    let args = Args::parse();
    let signal = StopSignal::catch().context("catching signals")?;
    let database = open(&args.db)?;
    if args.show {
        return show(&database);
    }
    let database = Mutex::new(database);
    let (_server, manager) = stream_examples::connect()?;
    let payments = (1..=args.add).map(|cents| Payment {
        account: cents.unsigned_abs() % 10,
        cents,
    });
    for added in manager.add_all(&payments.collect::<Vec<_>>())? {
        added?;
    }

    let config = |stream: &str| {
        ConsumerConfig::new(stream)
            .lease(Duration::from_millis(args.lease_ms))
            // A program that is killed counts as a failure.
            .retry(RetryPolicy::default().max_deliveries(1_000))
    };
    manager.consume_fn::<Payment>("check", config("payments"), |payment| {
        if payment.cents <= 0 {
            return Err(HandlerError::permanent("nothing to pay").into());
        }
        payment.produce(&Booking {
            account: payment.account,
            cents: payment.cents,
        })?;
        Ok(())
    })?;
    manager.consume_fn::<Booking>("book", config("bookings"), move |booking| {
        Ok(book(&mut database.lock(), booking)?)
    })?;

    let mut quiet_since = Instant::now();
    while !signal.comes_within(Duration::from_millis(50)) {
        let Some(ms) = args.exit_when_idle else {
            continue;
        };
        if !is_idle(&manager)? {
            quiet_since = Instant::now();
        }
        if quiet_since.elapsed() >= Duration::from_millis(ms) {
            break;
        }
    }
    println!("{}", manager.shutdown());
    Ok(())
}

fn open(path: &Path) -> anyhow::Result<Connection> {
    let database = Connection::open(path).context("opening the database")?;
    database.busy_timeout(Duration::from_secs(30))?;
    database.execute_batch(
        "CREATE TABLE IF NOT EXISTS bookings (
             part INTEGER NOT NULL, original_id TEXT NOT NULL,
             account INTEGER NOT NULL, cents INTEGER NOT NULL,
             PRIMARY KEY (part, original_id));
         CREATE TABLE IF NOT EXISTS accounts (
             id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);",
    )?;
    Ok(database)
}

fn show(database: &Connection) -> anyhow::Result<()> {
    let one = |question| database.query_row(question, [], |row| row.get::<_, i64>(0));
    let bookings = one("SELECT count(*) FROM bookings")?;
    let cents = one("SELECT coalesce(sum(balance), 0) FROM accounts")?;
    println!("bookings {bookings} cents {cents}");
    Ok(())
}

/// Books a payment, unless its row exists: the row and the new balance are one
/// transaction.
fn book(database: &mut Connection, booking: &Delivery<Booking>) -> rusqlite::Result<()> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let inserted = transaction.execute(
        "INSERT INTO bookings (part, original_id, account, cents) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
        params![
            // Each partition counts its ids by itself.
            booking.partition().map_or(-1, i64::from),
            booking.original_id().to_string(),
            booking.account,
            booking.cents
        ],
    )?;
    if inserted == 1 {
        transaction.execute(
            "INSERT INTO accounts (id, balance) VALUES (?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET balance = balance + excluded.balance",
            params![booking.account, booking.cents],
        )?;
    }
    transaction.commit()
}

/// Whether everything that was added is booked.
fn is_idle(manager: &StreamManager) -> anyhow::Result<bool> {
    let stats = manager.stats()?;
    let groups = || stats.iter().flat_map(|stream| &stream.groups);
    Ok(groups().count() == 2 && groups().all(|g| g.unread == Some(0) && g.pending == 0))
}
