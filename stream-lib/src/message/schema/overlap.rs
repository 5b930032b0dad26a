//! The names that a type takes, and names that two fields share: used at compile time, to
//! check `flatten`, and when an entry is read.

use super::shape::{FieldSchema, FieldType, Schema};

/// A name that two fields share, or a field and the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overlap {
    /// The name.
    pub(crate) name: &'static str,
    /// Whether one of the two is the tag of the enum.
    pub(crate) with_tag: bool,
}

/// The first name that field number `position` shares with the tag or with
/// another field.
pub(crate) const fn overlap(
    tag: Option<&'static str>,
    fields: &[FieldSchema],
    position: usize,
) -> Option<Overlap> {
    let Some((before, [field, after @ ..])) = fields.split_at_checked(position) else {
        return None;
    };
    if let Some(name) = tag
        && field.names(name.as_bytes())
    {
        let with_tag = true;
        return Some(Overlap { name, with_tag });
    }
    let name = match any_meets(before, field) {
        Some(name) => Some(name),
        None => any_meets(after, field),
    };
    match name {
        Some(name) => Some(Overlap {
            name,
            with_tag: false,
        }),
        None => None,
    }
}

/// Whether field number `position` takes any name, and another field does too.
pub const fn is_open_twice(fields: &[FieldSchema], position: usize) -> bool {
    let Some((before, [field, after @ ..])) = fields.split_at_checked(position) else {
        return false;
    };
    field.is_open() && (any_open(before) || any_open(after))
}

impl Schema {
    /// Whether a field of this name belongs to the type: as a field, an alias, the tag,
    /// or a field of a flattened message. An open type claims all names.
    pub const fn claims(&self, name: &[u8]) -> bool {
        self.is_open() || self.names(name)
    }

    /// Whether the type, or a message within it, takes any field.
    const fn is_open(&self) -> bool {
        let mut variants = self.variants;
        while let [variant, rest @ ..] = variants {
            if any_open(variant.fields) {
                return true;
            }
            variants = rest;
        }
        self.open || any_open(self.fields)
    }

    /// [`Schema::claims`], but an open type claims nothing more than its own names.
    const fn names(&self, name: &[u8]) -> bool {
        if let Some(tag) = self.tag
            && same(tag.as_bytes(), name)
        {
            return true;
        }
        let mut variants = self.variants;
        while let [variant, rest @ ..] = variants {
            if any_names(variant.fields, name) {
                return true;
            }
            variants = rest;
        }
        any_names(self.fields, name)
    }

    /// The first name of this type that the field has, too.
    const fn meets(&self, field: &FieldSchema) -> Option<&'static str> {
        if let Some(tag) = self.tag
            && field.names(tag.as_bytes())
        {
            return Some(tag);
        }
        let mut variants = self.variants;
        while let [variant, rest @ ..] = variants {
            if let Some(name) = any_meets(variant.fields, field) {
                return Some(name);
            }
            variants = rest;
        }
        any_meets(self.fields, field)
    }
}

impl FieldSchema {
    /// [`Schema::claims`] for one field.
    pub(crate) const fn claims(&self, name: &[u8]) -> bool {
        self.is_open() || self.names(name)
    }

    /// [`FieldSchema::claims`], but an open message claims nothing more than its own
    /// names.
    pub(crate) const fn names(&self, name: &[u8]) -> bool {
        if let FieldType::Nested(schema) = self.ty {
            return schema.names(name);
        }
        let mut aliases = self.aliases;
        while let [alias, rest @ ..] = aliases {
            if same(alias.as_bytes(), name) {
                return true;
            }
            aliases = rest;
        }
        same(self.name.as_bytes(), name)
    }

    const fn is_open(&self) -> bool {
        matches!(self.ty, FieldType::Nested(schema) if schema.is_open())
    }

    /// The first name that the two share.
    const fn meets(&self, other: &FieldSchema) -> Option<&'static str> {
        if let FieldType::Nested(schema) = self.ty {
            return schema.meets(other);
        }
        let mut aliases = self.aliases;
        while let [alias, rest @ ..] = aliases {
            if other.names(alias.as_bytes()) {
                return Some(alias);
            }
            aliases = rest;
        }
        if other.names(self.name.as_bytes()) {
            return Some(self.name);
        }
        None
    }
}

const fn any_open(mut fields: &[FieldSchema]) -> bool {
    while let [field, rest @ ..] = fields {
        if field.is_open() {
            return true;
        }
        fields = rest;
    }
    false
}

const fn any_names(mut fields: &[FieldSchema], name: &[u8]) -> bool {
    while let [field, rest @ ..] = fields {
        if field.names(name) {
            return true;
        }
        fields = rest;
    }
    false
}

const fn any_meets(mut fields: &[FieldSchema], other: &FieldSchema) -> Option<&'static str> {
    while let [field, rest @ ..] = fields {
        if let Some(name) = field.meets(other) {
            return Some(name);
        }
        fields = rest;
    }
    None
}

const fn same(mut left: &[u8], mut right: &[u8]) -> bool {
    while let ([l, l_rest @ ..], [r, r_rest @ ..]) = (left, right) {
        if *l != *r {
            return false;
        }
        (left, right) = (l_rest, r_rest);
    }
    left.is_empty() && right.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::schema::VariantSchema;

    #[test]
    fn fields_meet_through_nested_messages_aliases_and_tags() {
        static INNER: Schema = Schema::new("Inner").with_variants(
            "kind",
            &[VariantSchema::new("a").with_fields(&[FieldSchema::new("x", FieldType::Text)])],
        );
        let nested = FieldSchema::new("inner", FieldType::Nested(&INNER));
        let meets = |name| nested.meets(&FieldSchema::new(name, FieldType::Text));
        assert_eq!((meets("kind"), meets("x")), (Some("kind"), Some("x")));
        assert_eq!([meets("inner"), meets("xx"), meets("")], [None; 3]);
        let aliased = FieldSchema::new("y", FieldType::Text).with_aliases(&["z", "x"]);
        assert_eq!(aliased.meets(&nested), Some("x"));

        let fields = [aliased, nested];
        let shared = |tag| overlap(tag, &fields, 1);
        let (name, with_tag) = ("x", false);
        assert_eq!(shared(Some("z")), Some(Overlap { name, with_tag }));
        let (name, with_tag) = ("kind", true);
        assert_eq!(shared(Some("kind")), Some(Overlap { name, with_tag }));
        assert_eq!(overlap(Some("kind"), &fields, 2), None);
    }
}
