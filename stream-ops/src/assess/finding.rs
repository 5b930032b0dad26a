//! Findings.

/// The severity of a finding. The worst is the least, so that it sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// ▲: somebody must act.
    Trouble,
    /// ◆: it will become trouble.
    Warning,
    /// ◇: of interest; it passes by itself.
    Note,
    /// ○: all is well.
    Calm,
}

impl Severity {
    /// Its mark, a shape that needs no colour.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Trouble => "▲",
            Self::Warning => "◆",
            Self::Note => "◇",
            Self::Calm => "○",
        }
    }

    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Calm => "calm",
        }
    }
}

/// The kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Redis doesn't answer, or refuses.
    RedisRefuses,
    /// A group stands still.
    StandsStill,
    /// A group has no process.
    NoProcess,
    /// A group falls behind.
    FallsBehind,
    /// A group catches up.
    CatchesUp,
    /// A stream without a group grows.
    NobodyReads,
    /// The backup stream is nearly full.
    BackupNearlyFull,
    /// The number of dead letters is near its limit.
    DeadLettersNearCap,
    /// A stream can't be trimmed.
    RetentionBlocked,
    /// Redis has nearly used up its memory, or will within a day.
    MemoryNearlyFull,
    /// Redis may evict whole streams.
    EvictionPolicy,
    /// Entries don't fit their schema.
    SchemaMisfits,
    /// Members of a group run different versions of a program.
    MixedVersions,
    /// Entries of a partitioned stream are in none of its partitions.
    OutsidePartitions,
    /// A stream can't be looked at.
    NotReadable,
}

impl Kind {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RedisRefuses => "redis-refuses",
            Self::StandsStill => "stands-still",
            Self::NoProcess => "no-process",
            Self::FallsBehind => "falls-behind",
            Self::CatchesUp => "catches-up",
            Self::NobodyReads => "nobody-reads",
            Self::BackupNearlyFull => "backup-nearly-full",
            Self::DeadLettersNearCap => "dead-letters-near-cap",
            Self::RetentionBlocked => "retention-blocked",
            Self::MemoryNearlyFull => "memory-nearly-full",
            Self::EvictionPolicy => "eviction-policy",
            Self::SchemaMisfits => "schema-misfits",
            Self::MixedVersions => "mixed-versions",
            Self::OutsidePartitions => "outside-partitions",
            Self::NotReadable => "not-readable",
        }
    }
}

/// A number behind a finding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// Whether it is exact, rather than an estimate.
    pub is_sure: bool,
}

/// A fact that is worth telling.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Its severity.
    pub severity: Severity,
    /// Its kind.
    pub kind: Kind,
    /// The stream, where it is about one.
    pub stream: Option<String>,
    /// The group, where it is about one.
    pub group: Option<String>,
    /// The finding in one sentence.
    pub sentence: String,
    /// A sentence or two more; may be empty.
    pub detail: String,
    /// Since when, in milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// The numbers behind it.
    pub numbers: Vec<Number>,
    /// A command line that helps and can't hurt.
    pub advice: Option<String>,
}
