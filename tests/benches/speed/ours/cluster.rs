//! The same on a cluster of one node: the cost of finding the node.

use super::{add, consume};
use crate::rig::Rig;
use crate::{Readings, Result};

/// As `add_all`.
pub(crate) fn add_all(rig: &Rig) -> Result<Readings> {
    let readings = add::add_all(rig.clustered()?)?;
    Ok(renamed(&readings, "add_all_per_s", "cluster_add_all_per_s"))
}

/// As `consume_orders`.
pub(crate) fn consume(rig: &Rig) -> Result<Readings> {
    let readings = consume::orders(rig.clustered()?)?;
    Ok(renamed(&readings, "consume_per_s", "cluster_consume_per_s"))
}

fn renamed(readings: &Readings, name: &str, new: &'static str) -> Readings {
    let of_name = readings.iter().filter(|(other, _)| *other == name);
    of_name.map(|(_, value)| (new, *value)).collect()
}
