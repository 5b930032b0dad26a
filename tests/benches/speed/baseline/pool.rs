//! 64 threads and an r2d2 pool of as many connections of the redis crate, PING
//! off: what a careful user would write.

use std::thread;

use redis::{Client, Connection, ConnectionLike, RedisError};

use super::bare;
use crate::message::Order;
use crate::ours::THREADS;
use crate::rig::Rig;
use crate::{Readings, Result};

#[derive(Debug)]
struct Manager(Client);

impl r2d2::ManageConnection for Manager {
    type Connection = Connection;
    type Error = RedisError;

    fn connect(&self) -> std::result::Result<Connection, RedisError> {
        self.0.get_connection()
    }

    fn is_valid(&self, connection: &mut Connection) -> std::result::Result<(), RedisError> {
        redis::cmd("PING").query(connection)
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        !connection.is_open()
    }
}

pub(crate) fn measure(rig: &Rig) -> Result<Readings> {
    let share = rig.plan.crowd / THREADS;
    let orders = Order::numbers(share);
    let stream = rig.stream();
    let size = u32::try_from(THREADS)?;
    let pool = r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(size))
        .test_on_check_out(false)
        .build(Manager(Client::open(rig.server().url())?))?;
    let watch = rig.watch()?;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    for order in &orders {
                        let mut connection = pool.get()?;
                        bare::add_order(&mut connection, &stream.name, order)?;
                    }
                    Ok(())
                })
            })
            .collect();
        crate::ours::join(threads)
    })?;
    let spent = watch.stop()?;
    stream.must_have(share * THREADS)?;
    Ok(vec![(
        "pool_add_64_threads_per_s",
        (share * THREADS) as f64 / spent.wall,
    )])
}
