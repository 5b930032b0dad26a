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
    /// Whether messages of the type have an idempotency key of their own.
    pub(crate) own_key: OwnKey,
    /// The derive made the schema, so it is complete.
    pub(crate) derived: bool,
}

/// Whether messages have an idempotency key of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnKey {
    /// Some messages of the type may have one. Hand-written types always count here.
    Possible,
    Never,
}

/// One variant of an enum that is a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VariantSchema {
    /// The value of the tag field.
    pub name: &'static str,
    /// Other values of the tag that are read as this variant.
    pub aliases: &'static [&'static str],
    /// The fields of the variant; one of type [`FieldType::Nested`] if it holds another
    /// message.
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
    /// The form of the value.
    pub ty: FieldType,
    /// The field may be absent.
    pub optional: bool,
    /// An absent field is read as a default value: `#[stream(default)]`.
    pub default: bool,
    /// The value is sensitive, and never shown: `#[stream(sensitive)]`.
    pub sensitive: bool,
    /// The value is the idempotency key of the message.
    pub idempotency_key: bool,
    /// The value decides on the partition: `#[stream(key)]`.
    pub key: bool,
}

/// The form of a field's value.
///
/// [`Display`](std::fmt::Display) describes the expected value, as in error texts: "an
/// integer from 0 to 255".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldType {
    /// `1` or `0`.
    Bool,
    /// Decimal digits.
    Integer {
        /// Whether numbers can be negative.
        signed: bool,
        /// The number of bits, the sign included.
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
    /// A fixed number of bytes.
    ByteArray(usize),
    /// Milliseconds, with or without a fraction.
    Duration,
    /// Milliseconds since 1970, with or without a fraction; negative before.
    Time,
    /// The id of an entry, such as `1700000000000-0`.
    EntryId,
    /// One of these words, or any text if `open`.
    Choice {
        /// The words that are written.
        names: &'static [&'static str],
        /// Whether other words are accepted.
        open: bool,
    },
    /// A JSON document.
    Json,
    /// A custom form.
    Custom,
    /// All the fields of another message.
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

    /// Makes unknown fields an error. Defaults to ignoring them.
    #[must_use]
    pub const fn deny_unknown(mut self) -> Self {
        self.deny_unknown = true;
        self
    }

    /// Makes the type take any field. Defaults to its own fields only.
    #[must_use]
    pub const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Sets whether messages of the type never have an idempotency key of their own.
    pub(crate) const fn keyless(mut self, keyless: bool) -> Self {
        self.own_key = if keyless {
            OwnKey::Never
        } else {
            OwnKey::Possible
        };
        self
    }

    /// Marks the schema as made by the derive.
    pub(crate) const fn by_derive(mut self) -> Self {
        self.derived = true;
        self
    }

    /// Whether no message of the type has an idempotency key of its own.
    pub(crate) const fn is_keyless(&self) -> bool {
        matches!(self.own_key, OwnKey::Never)
    }

    /// Whether a field is sensitive, here or in a nested message.
    pub(crate) fn has_sensitive_fields(&self) -> bool {
        let variants = self.variants.iter().flat_map(|variant| variant.fields);
        self.fields.iter().chain(variants).any(|field| {
            let nested = match field.ty {
                FieldType::Nested(schema) => schema.has_sensitive_fields(),
                _ => false,
            };
            field.sensitive || nested
        })
    }

    /// Allows all the fields to be absent together.
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

    /// Makes the variant take every tag that no other one has.
    #[must_use]
    pub const fn other(mut self) -> Self {
        self.other = true;
        self
    }
}

impl FieldSchema {
    /// A required field.
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

    /// All the fields of another message; optional if they may be absent together.
    pub const fn nested(name: &'static str, schema: &'static Schema) -> Self {
        Self::new(name, FieldType::Nested(schema)).optional(schema.optional)
    }

    /// Sets the other names that are read. Defaults to none.
    #[must_use]
    pub const fn with_aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Sets whether the field may be absent. Defaults to `false`.
    #[must_use]
    pub const fn optional(mut self, optional: bool) -> Self {
        self.optional = optional;
        self
    }

    /// Makes an absent field be read as a default value. Defaults to `false`.
    #[must_use]
    pub const fn with_default(mut self) -> Self {
        self.default = true;
        self
    }

    /// Marks the value as sensitive: neither tools nor errors show it. A hand-written
    /// implementation keeps it out of its own errors with
    /// [`DecodeError::concealed`](crate::message::DecodeError::concealed). Defaults to
    /// `false`.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Makes the value the idempotency key of the message. Defaults to `false`.
    #[must_use]
    pub const fn as_idempotency_key(mut self) -> Self {
        self.idempotency_key = true;
        self
    }

    /// Makes the value decide on the partition. Defaults to `false`.
    #[must_use]
    pub const fn as_key(mut self) -> Self {
        self.key = true;
        self
    }
}
