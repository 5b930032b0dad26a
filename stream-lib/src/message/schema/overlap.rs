//! Which names a type takes, and whether two fields take the same: at compile
//! time, where `flatten` is checked, and when an entry is read.

use super::shape::{FieldSchema, FieldType, Schema};

/// Whether field number `position` shares a name with the tag or with another
/// field.
pub const fn overlaps(tag: Option<&str>, fields: &[FieldSchema], position: usize) -> bool {
    let Some((before, [field, after @ ..])) = fields.split_at_checked(position) else {
        return false;
    };
    if let Some(tag) = tag
        && field.names(tag.as_bytes())
    {
        return true;
    }
    any_meets(before, field) || any_meets(after, field)
}

/// Whether field number `position` takes any name, and another field does too.
pub const fn is_open_twice(fields: &[FieldSchema], position: usize) -> bool {
    let Some((before, [field, after @ ..])) = fields.split_at_checked(position) else {
        return false;
    };
    field.is_open() && (any_open(before) || any_open(after))
}

impl Schema {
    /// Whether a field of this name belongs to the type: as a field, an alias,
    /// the tag, or a field of a flattened message. An open type claims all.
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

    /// [`Schema::claims`], where an open type names nothing.
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

    /// Whether a name of this type is one of the field's too.
    const fn meets(&self, field: &FieldSchema) -> bool {
        if let Some(tag) = self.tag
            && field.names(tag.as_bytes())
        {
            return true;
        }
        let mut variants = self.variants;
        while let [variant, rest @ ..] = variants {
            if any_meets(variant.fields, field) {
                return true;
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

    /// [`FieldSchema::claims`], where an open message names nothing.
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

    /// Whether the two share a name.
    const fn meets(&self, other: &FieldSchema) -> bool {
        if let FieldType::Nested(schema) = self.ty {
            return schema.meets(other);
        }
        let mut aliases = self.aliases;
        while let [alias, rest @ ..] = aliases {
            if other.names(alias.as_bytes()) {
                return true;
            }
            aliases = rest;
        }
        other.names(self.name.as_bytes())
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

const fn any_meets(mut fields: &[FieldSchema], other: &FieldSchema) -> bool {
    while let [field, rest @ ..] = fields {
        if field.meets(other) {
            return true;
        }
        fields = rest;
    }
    false
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
        assert!(meets("kind") && meets("x"));
        assert!(!meets("inner") && !meets("xx") && !meets(""));
        assert!(
            FieldSchema::new("y", FieldType::Text)
                .with_aliases(&["z", "x"])
                .meets(&nested)
        );
    }
}
