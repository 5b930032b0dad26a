//! The types that describe a message type.

/// The fields of a message type.
///
/// Every `#[derive(StreamMessage)]` makes one, as
/// [`StreamMessage::SCHEMA`](crate::StreamMessage::SCHEMA).
///
/// # Examples
///
/// ```
/// use stream_lib::StreamMessage;
///
/// #[derive(StreamMessage)]
/// #[stream(name = "orders")]
/// struct Order {
///     order_id: String,
///     amount: Option<f64>,
/// }
///
/// let schema = Order::SCHEMA;
/// assert_eq!(schema.stream, Some("orders"));
/// let names: Vec<_> = schema.fields.iter().map(|field| field.name).collect();
/// assert_eq!(names, ["order_id", "amount"]);
/// assert!(schema.fields[1].optional);
/// ```
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of what others wrote"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schema {
    /// The Rust name of the type, without its path.
    pub name: &'static str,
    /// The stream it belongs to, from `#[stream(name = "..")]`.
    pub stream: Option<&'static str>,
    /// The fields of a struct, in the order they are written. Empty for an enum.
    pub fields: &'static [FieldSchema],
    /// The field that holds the variant's name, for an enum.
    pub tag: Option<&'static str>,
    /// The variants of an enum.
    pub variants: &'static [VariantSchema],
    /// Unknown fields are an error.
    pub deny_unknown: bool,
    /// Takes any field, as [`RawMessage`](crate::RawMessage) does.
    pub open: bool,
    /// May be absent as a whole: an `Option` of a flattened message.
    pub optional: bool,
    /// Whether messages of the type give themselves an idempotency key.
    pub(crate) own_key: OwnKey,
    /// It is the derive's, which knows everything about the type.
    pub(crate) derived: bool,
}

/// The idempotency key that a message gives itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnKey {
    /// Some messages of the type may have one: those of a type that is written by
    /// hand, too, of which more isn't known.
    Possible,
    Never,
}

/// One variant of an enum that is a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VariantSchema {
    /// What the tag field holds.
    pub name: &'static str,
    /// Other values of the tag that are read as this variant.
    pub aliases: &'static [&'static str],
    /// The fields of the variant; one of type [`FieldType::Nested`] where it
    /// holds another message.
    pub fields: &'static [FieldSchema],
    /// Takes every tag that no other variant has: `#[stream(other)]`.
    pub other: bool,
}

/// One field of a message.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of what others wrote"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldSchema {
    /// The name in the entry; for a flattened message, which has no field of
    /// its own, the Rust name.
    pub name: &'static str,
    /// Other names that are read as this field.
    pub aliases: &'static [&'static str],
    /// What the value looks like.
    pub ty: FieldType,
    /// The field may be absent.
    pub optional: bool,
    /// An absent field is read as a default of its own: `#[stream(default)]`.
    pub default: bool,
    /// Its value is shown to nobody: `#[stream(sensitive)]`.
    pub sensitive: bool,
    /// Its value is the idempotency key of the message.
    pub idempotency_key: bool,
    /// Its value decides on the partition: `#[stream(key)]`.
    pub key: bool,
}

/// What the value of a field looks like.
///
/// [`Display`](std::fmt::Display) says what is expected, as error texts do: "an
/// integer from 0 to 255".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldType {
    /// `1` or `0`.
    Bool,
    /// Decimal digits.
    Integer {
        /// Negative numbers too.
        signed: bool,
        /// How many bits the number has, its sign included.
        bits: u32,
    },
    /// A decimal number, `NaN`, `inf` or `-inf`.
    Float {
        /// 32 or 64.
        bits: u32,
    },
    /// One character in UTF-8.
    Char,
    /// UTF-8.
    Text,
    /// Any bytes.
    Bytes,
    /// Bytes of a fixed number.
    ByteArray(usize),
    /// Milliseconds, with or without a fraction.
    Duration,
    /// Milliseconds since 1970, with or without a fraction; negative before.
    Time,
    /// The id of an entry, such as `1700000000000-0`.
    EntryId,
    /// One of these words, or any text if it is `open`.
    Choice {
        /// The words that are written.
        names: &'static [&'static str],
        /// Other words are accepted too.
        open: bool,
    },
    /// A JSON document.
    Json,
    /// A form of the user's own.
    Custom,
    /// Not one field, but all the fields of another message.
    Nested(&'static Schema),
}

impl Schema {
    /// A message type without fields.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            stream: None,
            fields: &[],
            tag: None,
            variants: &[],
            deny_unknown: false,
            open: false,
            optional: false,
            own_key: OwnKey::Possible,
            derived: false,
        }
    }

    /// Sets the stream. Defaults to none.
    #[must_use]
    pub const fn with_stream(mut self, stream: &'static str) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Sets the fields of a struct. Defaults to none.
    #[must_use]
    pub const fn with_fields(mut self, fields: &'static [FieldSchema]) -> Self {
        self.fields = fields;
        self
    }

    /// Sets the tag field and the variants of an enum. Defaults to none.
    #[must_use]
    pub const fn with_variants(
        mut self,
        tag: &'static str,
        variants: &'static [VariantSchema],
    ) -> Self {
        self.tag = Some(tag);
        self.variants = variants;
        self
    }

    /// Says that unknown fields are an error. Defaults to ignoring them.
    #[must_use]
    pub const fn deny_unknown(mut self) -> Self {
        self.deny_unknown = true;
        self
    }

    /// Says that the type takes any field. Defaults to its own ones only.
    #[must_use]
    pub const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Says whether the type never gives itself an idempotency key.
    pub(crate) const fn keyless(mut self, keyless: bool) -> Self {
        self.own_key = if keyless {
            OwnKey::Never
        } else {
            OwnKey::Possible
        };
        self
    }

    /// Says that the derive has made it.
    pub(crate) const fn by_derive(mut self) -> Self {
        self.derived = true;
        self
    }

    /// Whether no message of the type gives itself an idempotency key.
    pub(crate) const fn is_keyless(&self) -> bool {
        matches!(self.own_key, OwnKey::Never)
    }

    /// Says that all the fields may be absent together.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

impl VariantSchema {
    /// A variant without fields.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            fields: &[],
            other: false,
        }
    }

    /// Sets the other values of the tag that are read. Defaults to none.
    #[must_use]
    pub const fn with_aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Sets the fields. Defaults to none.
    #[must_use]
    pub const fn with_fields(mut self, fields: &'static [FieldSchema]) -> Self {
        self.fields = fields;
        self
    }

    /// Says that the variant takes every tag that no other one has.
    #[must_use]
    pub const fn other(mut self) -> Self {
        self.other = true;
        self
    }
}

impl FieldSchema {
    /// A field that must be there.
    pub const fn new(name: &'static str, ty: FieldType) -> Self {
        Self {
            name,
            aliases: &[],
            ty,
            optional: false,
            default: false,
            sensitive: false,
            idempotency_key: false,
            key: false,
        }
    }

    /// All the fields of another message; absent where they may be absent
    /// together.
    pub const fn nested(name: &'static str, schema: &'static Schema) -> Self {
        Self::new(name, FieldType::Nested(schema)).optional(schema.optional)
    }

    /// Sets the other names that are read. Defaults to none.
    #[must_use]
    pub const fn with_aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Says whether the field may be absent. Defaults to `false`.
    #[must_use]
    pub const fn optional(mut self, optional: bool) -> Self {
        self.optional = optional;
        self
    }

    /// Says that an absent field is read as a default of its own. Defaults to `false`.
    #[must_use]
    pub const fn with_default(mut self) -> Self {
        self.default = true;
        self
    }

    /// Says that the value is shown to nobody: not by tools, nor in errors. A
    /// hand-written implementation keeps it out of its own errors by
    /// [`DecodeError::concealed`](crate::message::DecodeError::concealed). Defaults to
    /// `false`.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Says that the value is the idempotency key of the message. Defaults to `false`.
    #[must_use]
    pub const fn as_idempotency_key(mut self) -> Self {
        self.idempotency_key = true;
        self
    }

    /// Says that the value decides on the partition. Defaults to `false`.
    #[must_use]
    pub const fn as_key(mut self) -> Self {
        self.key = true;
        self
    }
}
