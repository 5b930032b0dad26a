//! Every public type can be sent to another thread, and shared between threads,
//! and has one path.

use std::collections::BTreeSet;

use stream_lib::message::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, FieldError, FieldSchema, FieldType,
    FieldWriter, Fields, Misfit, Schema, SchemaField, SchemaShape, SchemaVariant, VariantSchema,
};
use stream_lib::test_util::{
    DrainReport, PrivateServer, Recorded, RecordedEntry, RecordedOutputs, TestDelivery,
};
use stream_lib::{
    Added, Answer, BackupStreamConfig, BackupStreamSettings, BatchConfig, BatchDelivery,
    BatchSettings, BatchSizes, BlockedStream, CleanupReport, CleanupSteps, ConnectionConfig,
    ConnectionSettings, Consumer, ConsumerConfig, ConsumerMetrics, ConsumerRemoved,
    ConsumerSettings, ConsumerStats, Credentials, Cron, CronJob, CronState, Crons, DeadFilter,
    DeadKind, DeadLetter, DeadLetterId, DeadLetters, DeadReason, Delivery, Draft, EntryAddress,
    EntryId, Envelope, Error, ErrorKind, FieldEdits, FieldMask, FindStreams, FlushReport,
    FoundStream, GroupConsumer, GroupHolder, GroupStats, HandlerError, HandlerResult, Histogram,
    Hold, Member, MemberFacts, Metrics, Missed, NotReplicated, OnGroupLost, OnUndecodable, Peek,
    PeekPage, PeekedEntry, PeekedField, Pending, PendingEntry, PendingFilter, PendingHeld,
    PendingHolder, PendingPage, PendingReport, PlannedMisfit, Priority, Producer, ProducerHandle,
    ProducerMetrics, RateLimit, RawMessage, Receipt, RedrivePlan, RedriveReport, RemoveReport,
    Result, RetentionPlan, RetentionWishes, RetryPolicy, RetrySchedule, RetrySettings, RunRequest,
    RunState, ScheduleId, Scheduled, ScheduledMessage, SendFailure, ShutdownReport, SpoolDamage,
    SpoolStats, StandingGroup, StartFrom, StreamConfig, StreamEvent, StreamEventKind, StreamEvents,
    StreamKind, StreamManager, StreamSchema, StreamSettings, StreamStats, When, WhenFull,
    WhenTaken, events,
};

/// A message that has to stay in its thread; a handle on its producer need not.
type Local = std::rc::Rc<RawMessage>;

/// Compiles for types that are `Send` and `Sync`, and returns their names as written
/// here.
macro_rules! sent_and_shared {
    ($($type:ty),* $(,)?) => {{
        const fn check<T: Send + Sync>() {}
        $(const { check::<$type>() };)*
        [$(stringify!($type)),*].join(" ")
    }};
}

#[allow(clippy::too_many_lines, reason = "it lists all of them")]
fn checked() -> String {
    sent_and_shared![
        Added,
        Answer,
        BackupStreamConfig,
        BackupStreamSettings,
        BatchConfig,
        BatchDelivery<RawMessage>,
        BatchSettings,
        BatchSizes,
        BlockedStream,
        CleanupReport,
        CleanupSteps,
        ConnectionConfig,
        ConnectionSettings,
        Consumer,
        ConsumerConfig,
        ConsumerMetrics,
        ConsumerRemoved,
        ConsumerSettings,
        ConsumerStats,
        Credentials,
        Cron,
        CronJob,
        CronState,
        Crons,
        DeadFilter,
        DeadKind,
        DeadLetter,
        DeadLetterId,
        DeadLetters,
        DeadReason,
        DecodeError,
        DecodeErrorKind,
        Delivery<RawMessage>,
        Draft<'static, 'static, RawMessage>,
        DrainReport,
        EncodeError,
        EncodeErrorKind,
        EntryAddress,
        EntryId,
        Envelope<'static, RawMessage>,
        Error,
        ErrorKind,
        FieldEdits,
        FieldError,
        FieldMask,
        FieldSchema,
        FieldType,
        FieldWriter<'static>,
        Fields<'static>,
        FindStreams,
        FlushReport,
        FoundStream,
        GroupConsumer,
        GroupHolder,
        GroupStats,
        HandlerError,
        HandlerResult,
        Histogram,
        Hold,
        Member,
        MemberFacts,
        Metrics,
        Misfit,
        Missed,
        NotReplicated,
        OnGroupLost,
        OnUndecodable,
        Peek,
        PeekPage,
        PeekedEntry,
        PeekedField,
        Pending,
        PendingEntry,
        PendingFilter,
        PendingHeld,
        PendingHolder,
        PendingPage,
        PendingReport,
        PlannedMisfit,
        Priority,
        PrivateServer,
        Producer<Local>,
        ProducerHandle,
        ProducerMetrics,
        RateLimit,
        RawMessage,
        Receipt,
        Recorded<Local>,
        RecordedEntry,
        RecordedOutputs,
        RedrivePlan,
        RedriveReport,
        RemoveReport,
        Result<()>,
        RetentionPlan,
        RetentionWishes,
        RetryPolicy,
        RetrySchedule,
        RetrySettings,
        RunRequest,
        RunState,
        ScheduleId,
        Scheduled,
        ScheduledMessage,
        Schema,
        SchemaField,
        SchemaShape,
        SchemaVariant,
        SendFailure,
        ShutdownReport,
        SpoolDamage,
        SpoolStats,
        StandingGroup,
        StartFrom,
        StreamConfig,
        StreamEvent,
        StreamEventKind,
        StreamEvents,
        StreamKind,
        StreamManager,
        StreamSchema,
        StreamSettings,
        StreamStats,
        TestDelivery<RawMessage>,
        VariantSchema,
        When,
        WhenFull,
        WhenTaken,
        events::Completed<'static>,
        events::Connected<'static>,
        events::DeadLettered<'static>,
        events::DeadLettersDropped<'static>,
        events::Disconnected<'static>,
        events::FailedOver<'static>,
        events::GroupRecreated<'static>,
        events::LeaseLost<'static>,
        events::Panicked<'static>,
        events::Retried<'static>,
        events::Stopped<'static>,
        events::TakenOver<'static>,
    ]
}

/// The files with public paths, except the prelude, which repeats some.
const FACES: [&str; 4] = [
    include_str!("lib.rs"),
    include_str!("events.rs"),
    include_str!("message/mod.rs"),
    include_str!("test_util/mod.rs"),
];

/// Traits need not be sent.
const TRAITS: [&str; 8] = [
    "BatchHandler",
    "ConsumerEvents",
    "FromField",
    "Handler",
    "OwnedMessage",
    "Routed",
    "StreamMessage",
    "ToField",
];

/// The words that begin as names of types do.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect()
}

/// The names of types in the `pub use` of a file.
fn exported(source: &str) -> BTreeSet<&str> {
    source
        .split("\npub use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .flat_map(names)
        .collect()
}

#[test]
fn every_public_type_is_sent_and_shared() {
    let checked = checked();
    let mut known = names(&checked);
    known.extend(TRAITS);
    for face in FACES {
        let exported = exported(face);
        assert!(!exported.is_empty());
        let missing: Vec<_> = exported.difference(&known).collect();
        assert!(missing.is_empty(), "not checked: {missing:?}");
    }
}

#[test]
fn each_public_type_has_one_path() {
    let mut known = BTreeSet::new();
    for face in FACES {
        let hidden = face.split("#[doc(hidden)]").skip(1);
        let hidden: BTreeSet<_> = hidden
            .filter_map(|rest| rest.split(';').next())
            .flat_map(names)
            .collect();
        for name in exported(face).difference(&hidden) {
            assert!(known.insert(*name), "`{name}` has two paths");
        }
    }
    assert!(known.contains("RawMessage") && known.contains("Schema"));
}
