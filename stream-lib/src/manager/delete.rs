//! Deleting a stream.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::registry::NameRegistry;
use super::stream_manager::StreamManager;
use crate::command;
use crate::connection::Wire;
use crate::error::{Error, ErrorKind, Result, Shown};
use crate::keys::StreamKeys;
use crate::retention::User;
use crate::split::Split;

/// For how long a stream counts as being deleted, at most: it is marked again where this
/// goes on for longer.
const MARKED: Duration = Duration::from_secs(60);

impl StreamManager {
    /// Deletes a stream: its entries, read or not, its groups, its backup stream,
    /// its dead letters, its scheduled messages, its jobs, and the settings stored with
    /// it. Returns whether there was anything.
    ///
    /// It is refused while a consumer of this library lives, in any process, and
    /// while this manager has a consumer of the stream, running or not, or a
    /// producer that was created for it: remove those first. A default producer is
    /// removed with the stream. Consumers of other libraries and producers of other
    /// processes show no sign of life: they find an empty stream, or make a new one.
    /// A consumer that has died lives on for two of its leases.
    ///
    /// A process that takes part in a job declares it again at its next time, and so makes
    /// the stream again.
    ///
    /// Idempotency keys stay until their window has passed: until then a second add
    /// of a key is a duplicate of an entry that is gone. A backup stream goes under
    /// whatever name the stream knows it by; where producers have used several, the
    /// others stay.
    ///
    /// # Blocking
    ///
    /// Two round trips, three where there is a default producer, which first sends
    /// what is queued, within its `send_timeout`; with partitions two more for each. Redis
    /// frees the memory in the background (`UNLINK`).
    ///
    /// # Delivery
    ///
    /// One script looks and deletes: either all is gone, or nothing. Of a stream with
    /// partitions it is one script for each of them, and one for the settings at last;
    /// where one fails, the call can be made again. Meanwhile the stream counts as being
    /// deleted: consumers don't start, and partitions aren't declared, which fails with
    /// `InUse`. After a failure that ends within a minute.
    ///
    /// # Errors
    ///
    /// [`InUse`](ErrorKind::InUse), with the name of who uses it;
    /// [`Config`](ErrorKind::Config) for a name that no stream has,
    /// [`WrongType`](ErrorKind::WrongType) where a key of that name is no stream,
    /// [`Unavailable`](ErrorKind::Unavailable),
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown),
    /// [`PermissionDenied`](ErrorKind::PermissionDenied),
    /// [`Closed`](ErrorKind::Closed).
    pub fn delete_stream(&self, stream: &str) -> Result<bool> {
        let keys = StreamKeys::new(stream)?;
        self.delete(&keys)
            .map_err(|e| e.while_doing(format_args!("deleting `{}`", Shown(stream))))
    }

    fn delete(&self, keys: &StreamKeys) -> Result<bool> {
        self.origin.ensure_here()?;
        let stream = keys.stream();
        let has_default = {
            let registry = self.registry.read();
            ensure_unused(&registry, stream)?;
            registry.defaults.contains_key(stream)
        };
        let parts = match self.splits.look_up(keys)? {
            Split::Whole => Vec::new(),
            split @ Split::Into(_) => split.keys_of(keys),
        };
        if !parts.is_empty() {
            return self.delete_parts(keys, &parts, has_default);
        }
        let none = BTreeSet::new();
        if has_default {
            // The producer goes first, so that it doesn't make the stream again; but
            // it stays where nothing is deleted.
            self.alone(keys, |wire| command::ensure_deletable(wire, keys, &none))?;
            self.remove_default(stream)?;
        }
        self.book.settle();
        let deleted = self.alone(keys, |wire| command::delete_stream(wire, keys, &none))?;
        self.splits.forget(stream);
        Ok(deleted)
    }

    /// Deletes the partitions, each in a step of its own, and then what stands at the stem.
    /// Members of all groups give their signs of life there, and can't while the stream is
    /// marked as being deleted.
    fn delete_parts(
        &self,
        keys: &StreamKeys,
        parts: &[StreamKeys],
        has_default: bool,
    ) -> Result<bool> {
        let mut groups = BTreeSet::new();
        let mark = |groups: &mut BTreeSet<String>| {
            self.on_stream(keys, |wire| {
                command::mark_deleting(wire, keys, groups, MARKED)
            })?;
            Ok::<_, Error>(Instant::now() + MARKED / 2)
        };
        mark(&mut groups)?;
        // Members that have begun before have made their groups by now, or don't begin.
        for part in parts {
            groups.extend(self.on_stream(part, |wire| command::group_names(wire, part))?);
        }
        let mut again_at = mark(&mut groups)?;
        self.alone(keys, |wire| command::ensure_deletable(wire, keys, &groups))?;
        if has_default {
            self.remove_default(keys.stream())?;
        }
        self.book.settle();
        let none = BTreeSet::new();
        let mut deleted = false;
        for part in parts {
            if again_at <= Instant::now() {
                again_at = mark(&mut groups)?;
            }
            deleted |= self.alone(part, |wire| command::delete_stream(wire, part, &none))?;
        }
        deleted |= self.alone(keys, |wire| command::delete_stream(wire, keys, &groups))?;
        self.splits.forget(keys.stream());
        Ok(deleted)
    }

    pub(super) fn alone<T>(
        &self,
        keys: &StreamKeys,
        operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        self.topology.run_alone(keys.stream().as_bytes(), operation)
    }

    fn remove_default(&self, stream: &str) -> Result<()> {
        let default = {
            let mut registry = self.registry.write();
            ensure_unused(&registry, stream)?;
            registry.defaults.remove(stream)
        };
        if let Some(producer) = default {
            self.cleaner.forget(stream, &User::DefaultProducer);
            producer.close();
            producer.join();
        }
        Ok(())
    }
}

fn ensure_unused(registry: &NameRegistry, stream: &str) -> Result<()> {
    registry.ensure_open()?;
    match registry.user_of(stream) {
        None => Ok(()),
        Some(user) => Err(Error::new(
            ErrorKind::InUse,
            format!("the {user} of this manager uses it; remove that first"),
        )),
    }
}
