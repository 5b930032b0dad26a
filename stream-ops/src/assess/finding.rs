//! What was found.

/// How bad it is. The worst is the least, so that it sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// ▲: somebody has to act.
    Trouble,
    /// ◆: it will become trouble.
    Warning,
    /// ◇: worth knowing; it passes by itself.
    Note,
    /// ○: all is well.
    Calm,
}

impl Severity {
    /// Its shape, so that nothing is said by colour alone.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Trouble => "▲",
            Self::Warning => "◆",
            Self::Note => "◇",
            Self::Calm => "○",
        }
    }

    /// In one word, as JSON says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Calm => "calm",
        }
    }
}

/// What kind of thing was found.
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
    /// There are nearly as many dead letters as are kept.
    DeadLettersNearCap,
    /// A stream can't be trimmed.
    RetentionBlocked,
    /// Redis will have used up its memory within a day.
    MemoryNearlyFull,
    /// Redis may evict whole streams.
    EvictionPolicy,
    /// Entries don't fit their schema.
    SchemaMisfits,
    /// Members run different versions of a program.
    MixedVersions,
    /// Entries of a partitioned stream are in none of its partitions.
    OutsidePartitions,
    /// A stream can't be looked at.
    NotReadable,
}

impl Kind {
    /// In one word, as JSON says it.
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

/// A number that a finding rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// What it counts, as JSON names it.
    pub name: &'static str,
    /// How many.
    pub value: f64,
    /// Whether it is exact, rather than an estimate.
    pub is_sure: bool,
}

/// One thing that is worth saying.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of thing it is.
    pub kind: Kind,
    /// The stream that it is about.
    pub stream: Option<String>,
    /// The group that it is about.
    pub group: Option<String>,
    /// In one sentence.
    pub sentence: String,
    /// More, in a sentence or two; may be empty.
    pub detail: String,
    /// Since when, in milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// The numbers behind it.
    pub numbers: Vec<Number>,
    /// A command line that helps and can't hurt.
    pub advice: Option<String>,
}
