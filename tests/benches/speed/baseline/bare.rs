//! Handwritten code with the redis crate, on one connection.

use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{Commands, Connection, FromRedisValue, Value};

use crate::message::Order;
use crate::rig::{ORDERS, Rig};
use crate::{Readings, Result};

/// A connection by tcp, as everything else here has.
pub(super) fn connect(rig: &Rig) -> Result<Connection> {
    Ok(redis::Client::open(rig.server().url())?.get_connection()?)
}

/// Adds an order, and returns its id.
pub(super) fn add_order(
    connection: &mut Connection,
    stream: &str,
    order: &Order,
) -> redis::RedisResult<String> {
    redis::cmd("XADD")
        .arg(stream)
        .arg("*")
        .arg("order_id")
        .arg(&order.order_id)
        .arg("user_id")
        .arg(order.user_id)
        .arg("amount")
        .arg(order.amount)
        .arg("status")
        .arg(&order.status)
        .query(connection)
}

/// Reads entries, decodes them into orders, and returns these with the ids.
pub(super) fn read_orders(
    connection: &mut Connection,
    stream: &str,
    group: &str,
    count: usize,
) -> Result<(Vec<String>, Vec<Order>)> {
    let options = StreamReadOptions::default()
        .group(group, "careful")
        .count(count)
        .block(1_000);
    let reply: Option<StreamReadReply> = connection.xread_options(&[stream], &[">"], &options)?;
    let entries = reply.into_iter().flat_map(|reply| reply.keys);
    let entries = entries.flat_map(|key| key.ids);
    let mut read = (Vec::with_capacity(count), Vec::with_capacity(count));
    for mut entry in entries {
        let order = Order {
            order_id: field(&mut entry.map, "order_id")?,
            user_id: field(&mut entry.map, "user_id")?,
            amount: field(&mut entry.map, "amount")?,
            status: field(&mut entry.map, "status")?,
        };
        read.0.push(entry.id);
        read.1.push(order);
    }
    Ok(read)
}

fn field<T: FromRedisValue>(
    fields: &mut std::collections::HashMap<String, Value>,
    name: &str,
) -> Result<T> {
    let value = fields.remove(name).ok_or("a field is missing")?;
    Ok(redis::from_redis_value(value)?)
}

/// One add after the other.
pub(crate) fn add(rig: &Rig) -> Result<Readings> {
    let orders = Order::numbers(rig.plan.single);
    let stream = rig.stream();
    let mut connection = connect(rig)?;
    let watch = rig.watch()?;
    for order in &orders {
        add_order(&mut connection, &stream.name, order)?;
    }
    let spent = watch.stop()?;
    stream.must_have(orders.len())?;
    Ok(vec![(
        "bare_add_1_thread_per_s",
        orders.len() as f64 / spent.wall,
    )])
}

/// Reads 200, decodes them, acknowledges 200.
pub(crate) fn consume(rig: &Rig) -> Result<Readings> {
    let group = rig.group(ORDERS)?;
    let mut connection = connect(rig)?;
    let watch = rig.watch()?;
    let mut done = 0;
    while done < rig.plan.bulk {
        let (ids, orders) = read_orders(&mut connection, ORDERS, &group.name, 200)?;
        std::hint::black_box(&orders);
        if ids.is_empty() {
            return Err("the stream has ended too early".into());
        }
        done += connection.xack::<_, _, _, usize>(ORDERS, &group.name, &ids)?;
    }
    let spent = watch.stop()?;
    Ok(vec![("bare_consume_per_s", done as f64 / spent.wall)])
}
