//! The routing of the system that this library is modelled on: for each message a lock,
//! three reads and one write, five round trips in all.

use redis::streams::StreamPendingReply;
use redis::{Connection, RedisResult, cmd};

use super::bare::{add_order, connect};
use crate::message::Order;
use crate::rig::Rig;
use crate::{Readings, Result};

const GROUP: &str = "g";

/// More than is ever pending here, so that each message takes the shortest route.
const CAPACITY: usize = 100_000_000;

pub(crate) fn measure(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let mut connection = connect(rig)?;
    cmd("XGROUP")
        .arg("CREATE")
        .arg(&stream.name)
        .arg(GROUP)
        .arg("0")
        .arg("MKSTREAM")
        .exec(&mut connection)?;
    let keys = Keys::of(&stream.name);
    let orders = Order::numbers(rig.plan.single);
    let watch = rig.watch()?;
    for order in &orders {
        keys.route(&mut connection, order)?;
    }
    let spent = watch.stop()?;
    stream.must_have(orders.len())?;
    Ok(vec![(
        "original_routed_1_thread_per_s",
        orders.len() as f64 / spent.wall,
    )])
}

struct Keys {
    main: String,
    backup: String,
    lock: String,
}

impl Keys {
    fn of(stream: &str) -> Self {
        Self {
            main: stream.to_owned(),
            backup: format!("{stream}_backup"),
            lock: format!("{stream}_lock"),
        }
    }

    /// Adds an order to the stream, or to the backup stream if the lock is taken, the
    /// backup stream isn't empty, or the stream is full.
    fn route(&self, connection: &mut Connection, order: &Order) -> RedisResult<()> {
        let mut take = cmd("SET");
        take.arg(&self.lock)
            .arg("me")
            .arg("NX")
            .arg("PX")
            .arg(10_000);
        if take.query::<Option<String>>(connection)?.is_none() {
            return add_order(connection, &self.backup, order).map(drop);
        }
        let waiting: usize = cmd("XLEN").arg(&self.backup).query(connection)?;
        let mut ask = cmd("XPENDING");
        ask.arg(&self.main).arg(GROUP);
        let pending = ask.query::<StreamPendingReply>(connection)?.count();
        let target = if waiting > 0 || pending >= CAPACITY {
            &self.backup
        } else {
            &self.main
        };
        add_order(connection, target, order)?;
        cmd("DEL").arg(&self.lock).exec(connection)
    }
}
