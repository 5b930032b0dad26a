//! Whether two fields share a name, at compile time: `flatten` checks it.

use super::{FieldSchema, FieldType, Schema};

/// Whether field number `position` shares a name with the tag or with another
/// field.
pub(crate) const fn overlaps(tag: Option<&str>, fields: &[FieldSchema], position: usize) -> bool {
    let Some((before, [field, after @ ..])) = fields.split_at_checked(position) else {
        return false;
    };
    if let Some(tag) = tag
        && field.names(tag)
    {
        return true;
    }
    any_meets(before, field) || any_meets(after, field)
}

impl Schema {
    /// [`Schema::claims`] for compile time, but an open type names nothing.
    const fn names(&self, name: &str) -> bool {
        if let Some(tag) = self.tag
            && same(tag, name)
        {
            return true;
        }
        if any_names(self.fields, name) {
            return true;
        }
        let mut variants = self.variants;
        while let [variant, rest @ ..] = variants {
            if any_names(variant.fields, name) {
                return true;
            }
            variants = rest;
        }
        false
    }

    /// Whether a name of this type is one of the field's too.
    const fn meets(&self, field: &FieldSchema) -> bool {
        if let Some(tag) = self.tag
            && field.names(tag)
        {
            return true;
        }
        if any_meets(self.fields, field) {
            return true;
        }
        let mut variants = self.variants;
        while let [variant, rest @ ..] = variants {
            if any_meets(variant.fields, field) {
                return true;
            }
            variants = rest;
        }
        false
    }
}

impl FieldSchema {
    const fn names(&self, name: &str) -> bool {
        if let FieldType::Nested(schema) = self.ty {
            return schema.names(name);
        }
        let mut aliases = self.aliases;
        while let [alias, rest @ ..] = aliases {
            if same(alias, name) {
                return true;
            }
            aliases = rest;
        }
        same(self.name, name)
    }

    /// Whether the two share a name.
    const fn meets(&self, other: &FieldSchema) -> bool {
        if let FieldType::Nested(schema) = self.ty {
            return schema.meets(other);
        }
        let mut aliases = self.aliases;
        while let [alias, rest @ ..] = aliases {
            if other.names(alias) {
                return true;
            }
            aliases = rest;
        }
        other.names(self.name)
    }
}

const fn any_names(mut fields: &[FieldSchema], name: &str) -> bool {
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

const fn same(left: &str, right: &str) -> bool {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
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
    use super::super::VariantSchema;
    use super::*;

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
