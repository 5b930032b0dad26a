//! Deliveries without a server, for tests of users' handlers.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::command::{Entries, Extras, Group};
use crate::config::ConsumerConfig;
use crate::connection::Topology;
use crate::consumer::bells::Bells;
use crate::consumer::handler::Delivery;
use crate::consumer::handler::taken::TakenEntry;
use crate::consumer::identity::Identity;
use crate::consumer::member::common::Common;
use crate::consumer::member::held::Held;
use crate::consumer::member::stage::{Company, Stage};
use crate::consumer::member::{Member, Part};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::{EntryId, FieldWriter, StreamMessage};
use crate::runtime::{Alarm, Bell};

/// Longer than any test takes.
const LEASE: Duration = Duration::from_secs(86_400);

/// The properties of a made-up delivery.
#[derive(Clone)]
pub(crate) struct MadeUp {
    pub(crate) stream: String,
    pub(crate) group: String,
    pub(crate) consumer: String,
    pub(crate) partition: Option<u16>,
    pub(crate) id: EntryId,
    pub(crate) attempt: u32,
    /// As a producer writes them.
    pub(crate) extras: Extras<'static>,
    /// Other reserved fields, names with their `~`.
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) age: Duration,
    pub(crate) lease_lost: bool,
    pub(crate) shutting_down: bool,
}

impl MadeUp {
    /// Makes a delivery of `message`, to a member that has no threads and connects to
    /// nothing.
    pub(crate) fn deliver<M: StreamMessage>(
        &self,
        topology: &Arc<Topology>,
        message: M,
    ) -> Result<Delivery<M>> {
        let mut fields = Vec::new();
        let mut writer = FieldWriter::new(&mut fields);
        message.encode(&mut writer)?;
        let count = writer.count();
        let count = count + self.extras.write_headers(&mut fields, count)?;
        let entries = Entries::made_up(self.id, self.attempt, (count, &fields), &self.headers)?;
        let held = Held::new(entries, Company::Any, Instant::now(), &Arc::default());
        let stage = if self.lease_lost {
            Stage::Lost
        } else {
            Stage::Running
        };
        held.set_stage(0, stage);
        let taken = TakenEntry {
            member: Arc::new(self.member(topology)?),
            held: Arc::new(held),
            index: 0,
        };
        let delivery = Delivery::new(message, taken);
        let member = &delivery.taken().member;
        let age = u64::try_from(self.age.as_millis()).unwrap_or(u64::MAX);
        let now = delivery.original_id().ms().saturating_add(age);
        member.sign_of_life.set_server_ms(now);
        Ok(delivery)
    }

    fn member(&self, topology: &Arc<Topology>) -> Result<Member> {
        let keys = StreamKeys::new(&self.stream)?;
        let identity = Identity {
            topology: Arc::clone(topology),
            staff: Arc::default(),
            config: ConsumerConfig::new(&self.stream).lease(LEASE),
            is_lazy: true,
            until_ended: Weak::<()>::new(),
            alarm: Alarm::default(),
            group: Group::new(keys, &self.group),
            counters: Arc::default(),
            program: Arc::default(),
            book: None,
            failure: Arc::default(),
        };
        let (settler, _) = crossbeam_channel::bounded(1);
        let name = self.consumer.clone();
        let common = Arc::new(Common::new(&identity, name, (1, None), Bell::default()));
        let part = Part {
            group: &identity.group,
            partition: self.partition,
        };
        let member = Member::new(&identity, &common, part, settler, Bells::default());
        if self.shutting_down {
            common.stop.set();
        }
        Ok(member)
    }
}

/// The outputs of a made-up delivery.
#[derive(Clone)]
pub(crate) struct MadeOutputs(Arc<Held>, usize);

impl MadeOutputs {
    pub(crate) fn of<M>(delivery: &Delivery<M>) -> Self {
        let taken = delivery.taken();
        Self(Arc::clone(&taken.held), taken.index)
    }

    /// Reads the outputs to one stream, in order.
    pub(crate) fn read<T>(&self, stream: &str, mut read: impl FnMut(&Entries) -> T) -> Vec<T> {
        let mut number = 0;
        let all = self.0.outputs.read(self.1, |output| {
            let message = output
                .message()
                .filter(|_| output.stream.name() == stream)?;
            number += 1;
            let (id, fields) = (EntryId::new(number, 0), (message.count, message.fields));
            Some(read(&Entries::made_up(id, 1, fields, &[]).ok()?))
        });
        all.into_iter().flatten().collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.outputs.read(self.1, |_| ()).len()
    }
}
