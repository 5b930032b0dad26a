//! Deletion of a stream.

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

/// The time for which a mark of deletion holds; a longer deletion marks the stream again.
const MARKED: Duration = Duration::from_secs(60);

impl StreamManager {
    /// Deletes a stream: its entries, read or not, its groups, its backup stream, its
    /// dead letters, its scheduled messages, its jobs, and the settings stored with it.
    /// Returns whether any of it existed.
    ///
    /// It is refused while a consumer of this library lives, in any process, and while
    /// this manager has a consumer of the stream, running or not, or a producer that was
    /// created for it: remove those first. A default producer is removed with the stream.
    /// Consumers of other libraries and producers of other processes show no sign of
    /// life: they find an empty stream, or create it again. A consumer that has died
    /// counts as alive until its lease is over.
    ///
    /// A process with a job of the stream declares it again at the job's next time, and
    /// so creates the stream again.
    ///
    /// Idempotency keys stay until their window has passed: until then a second add of a
    /// key is a duplicate of an entry that is gone. The backup stream is deleted under
    /// the name that the stream has stored; if producers have used several names, the
    /// others stay.
    ///
    /// # Blocking
    ///
    /// A few round trips, and some more for each partition. A default producer first
    /// sends its queued messages, within its `send_timeout`. Redis frees the memory in
    /// the background (`UNLINK`).
    ///
    /// # Delivery
    ///
    /// One script checks and deletes: all or nothing. A stream with partitions takes one
    /// script for each of them and a last one for the settings; if one fails, the call
    /// can be repeated. Meanwhile the stream counts as being deleted: consumers don't
    /// start, and partitions can't be declared, which fails with `InUse`. After a failure
    /// this ends within a minute.
    ///
    /// # Errors
    ///
    /// [`InUse`](ErrorKind::InUse), with the name of the user, if the deletion is
    /// refused; [`Config`](ErrorKind::Config) for a name that no stream can have,
    /// [`WrongType`](ErrorKind::WrongType) if a key of that name is no stream,
    /// [`Unavailable`](ErrorKind::Unavailable) while Redis can't be reached,
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) if the connection is lost before the
    /// answer, [`PermissionDenied`](ErrorKind::PermissionDenied),
    /// [`Closed`](ErrorKind::Closed) after the shutdown.
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
            // The producer goes first, so that it doesn't create the stream again; but it
            // stays if the deletion is refused.
            self.alone(keys, |wire| command::ensure_deletable(wire, keys, &none))?;
            self.remove_default(stream)?;
        }
        self.book.forget_deleted(stream);
        let deleted = self.alone(keys, |wire| command::delete_stream(wire, keys, &none))?;
        self.book.forget_deleted(stream);
        self.splits.forget(stream);
        Ok(deleted)
    }

    /// Deletes the partitions, each in a step of its own, and then the keys at the stem.
    /// Members of all groups give their signs of life there, and can't while the stream
    /// is marked as being deleted.
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
        // Members that started earlier have created their groups by now, or don't start.
        for part in parts {
            groups.extend(self.on_stream(part, |wire| command::group_names(wire, part))?);
        }
        let mut again_at = mark(&mut groups)?;
        self.alone(keys, |wire| command::ensure_deletable(wire, keys, &groups))?;
        if has_default {
            self.remove_default(keys.stream())?;
        }
        self.book.forget_deleted(keys.stream());
        let none = BTreeSet::new();
        let mut deleted = false;
        for part in parts {
            if again_at <= Instant::now() {
                again_at = mark(&mut groups)?;
            }
            deleted |= self.alone(part, |wire| command::delete_stream(wire, part, &none))?;
        }
        deleted |= self.alone(keys, |wire| command::delete_stream(wire, keys, &groups))?;
        self.book.forget_deleted(keys.stream());
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
            producer.close();
            producer.join();
            self.cleaner.forget(stream, &User::DefaultProducer);
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
