//! The map of one node.

use redis::Value;

use super::address::reachable;
use crate::config::{Address, AddressMap};
use crate::connection::slots::SLOTS;
use crate::error::{Error, ErrorKind, Result};

/// The slots of all masters, according to one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Map {
    /// The newest configuration epoch that the node knows.
    pub(super) epoch: u64,
    pub(super) ranges: Vec<Range>,
}

/// Slots with the same master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    /// `None` if it has no name.
    pub(super) master: Option<Address>,
}

impl Map {
    /// Reads the answers to `CLUSTER SLOTS` and `CLUSTER INFO` of the node `from`.
    ///
    /// # Errors
    ///
    /// `Protocol` if an answer is no map.
    pub(super) fn read(
        slots: Value,
        info: &str,
        from: &Address,
        addresses: Option<&AddressMap>,
    ) -> Result<Self> {
        let rows: Vec<Vec<Value>> = redis::from_redis_value(slots).map_err(|e| {
            Error::new(ErrorKind::Protocol, "CLUSTER SLOTS is no list of ranges").because(e)
        })?;
        let range = |row: &Vec<Value>| range(row, from, addresses).ok_or_else(no_range);
        Ok(Self {
            epoch: epoch(info),
            ranges: rows.iter().map(range).collect::<Result<_>>()?,
        })
    }
}

/// 0 if the node doesn't tell.
fn epoch(info: &str) -> u64 {
    let mut lines = info.lines();
    let epoch = lines.find_map(|line| line.strip_prefix("cluster_current_epoch:"));
    epoch
        .and_then(|epoch| epoch.trim().parse().ok())
        .unwrap_or_default()
}

/// `[first, last, [host, port, …] of the master, …]`.
fn range(row: &[Value], from: &Address, map: Option<&AddressMap>) -> Option<Range> {
    let [
        Value::Int(first),
        Value::Int(last),
        Value::Array(master),
        ..,
    ] = row
    else {
        return None;
    };
    let [host, Value::Int(port), ..] = master.as_slice() else {
        return None;
    };
    let host = match host {
        Value::Nil => "",
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?,
        Value::SimpleString(text) => text,
        _ => return None,
    };
    let slot = |number: &i64| u16::try_from(*number).ok().filter(|slot| *slot < SLOTS);
    Some(Range {
        first: slot(first)?,
        last: slot(last)?,
        master: reachable(host, u16::try_from(*port).ok()?, from, map),
    })
}

fn no_range() -> Error {
    Error::new(ErrorKind::Protocol, "CLUSTER SLOTS has an invalid range")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: Value, port: i64) -> Value {
        let id = Value::BulkString(b"id".to_vec());
        Value::Array(vec![host, Value::Int(port), id, Value::Array(Vec::new())])
    }

    fn read(rows: Vec<Value>) -> Result<Map> {
        let info = "cluster_state:ok\r\ncluster_current_epoch:7\r\n";
        Map::read(
            Value::Array(rows),
            info,
            &Address::tcp("seed", 7000, false),
            None,
        )
    }

    #[test]
    fn ranges_have_their_masters() {
        let host = Value::BulkString(b"10.0.0.1".to_vec());
        let row = |first, last, master| {
            let replica = node(Value::Nil, 9);
            Value::Array(vec![Value::Int(first), Value::Int(last), master, replica])
        };
        let map = read(vec![
            row(0, 99, node(host, 1)),
            row(100, 16_383, node(Value::Nil, 2)),
            row(5, 5, node(Value::BulkString(b"?".to_vec()), 2)),
        ])
        .unwrap();
        assert_eq!(map.epoch, 7);
        let masters: Vec<_> = map.ranges.iter().map(|r| r.master.clone()).collect();
        let at = |host, port| Some(Address::tcp(host, port, false));
        assert_eq!(masters, [at("10.0.0.1", 1), at("seed", 2), None]);
        assert_eq!((map.ranges[1].first, map.ranges[1].last), (100, 16_383));
    }

    #[test]
    fn what_is_no_map_is_refused() {
        let numbers = vec![Value::Int(0), Value::Int(16_384)];
        let no_node = vec![Value::Int(0), Value::Int(1), Value::Array(Vec::new())];
        for row in [numbers, no_node, Vec::new()] {
            let error = read(vec![Value::Array(row)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
        }
        assert!(read(vec![Value::Int(1)]).is_err());
        assert!(read(Vec::new()).unwrap().ranges.is_empty());
    }
}
