//! Slots that move at once, as Valkey 9 can.

use redis::{RedisResult, Value};

use super::{Cluster, SWITCH_DEADLINE};
use crate::server::Server;
use crate::wait::wait_until;

impl Cluster {
    /// Moves a slot with `CLUSTER MIGRATESLOTS`, and waits until it is done. False
    /// where the nodes don't know the command.
    ///
    /// # Panics
    ///
    /// When it isn't done within a minute.
    #[track_caller]
    pub fn migrate_atomically(&self, slot: u16, to: &Server) -> bool {
        let Some(from) = self.owner_of(slot) else {
            panic!("no node has slot {slot}:\n{}", self.state());
        };
        let text = slot.to_string();
        let range = ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", &text, &text];
        let words = [&range[..], &["NODE", self.id_of(to)]].concat();
        let begun: RedisResult<Value> = from.try_command(&words);
        match begun {
            Ok(_) => {}
            Err(e) if e.to_string().to_lowercase().contains("unknown subcommand") => return false,
            Err(e) => panic!("{}: {e}", words.join(" ")),
        }
        wait_until(SWITCH_DEADLINE, "the slot to be moved", || {
            self.owner_of(slot).is_some_and(|s| s.port() == to.port())
        });
        true
    }

    /// Whether its nodes can move a slot at once.
    #[must_use]
    pub fn can_migrate_atomically(&self) -> bool {
        let node = self.servers().first();
        let help = node.and_then(|node| {
            let help = node.try_command::<Vec<String>>(&["CLUSTER", "HELP"]);
            help.ok()
        });
        let mut lines = help.into_iter().flatten();
        lines.any(|line| line.contains("MIGRATESLOTS"))
    }
}
