//! The rules between attributes. Every breach is reported, at the token to change.

use std::collections::HashMap;

use syn::{Ident, LitStr};

use crate::attr::{Attrs, Errors};
use crate::model::{Body, Field, Form, Model, Name, Shape, Variant, option_of};

/// Reports every rule that the type breaks.
pub(crate) fn check(model: &Model<'_>, errors: &mut Errors) {
    match &model.body {
        Body::Struct(fields) => {
            check_struct(model, errors);
            check_fields(fields, None, errors);
            if fields.iter().all(|field| matches!(field.form, Form::Skip)) {
                let text = "a message needs at least one field: Redis refuses an empty entry";
                errors.on(model.ident, text);
            }
        }
        Body::Enum(tag, variants) => {
            check_field_name(tag, errors);
            check_variants(variants, errors);
            for variant in variants {
                check_message_variant(variant, tag, errors);
            }
        }
        Body::Newtype(field) => {
            check_value(&model.attrs, "a struct around one value", errors);
            check_newtype(field, errors);
        }
        Body::Choice(variants) => check_choice(model, variants, errors),
    }
    if let Some(name) = model.attrs.text("name") {
        check_stream(name, errors);
    }
}

fn check_struct(model: &Model<'_>, errors: &mut Errors) {
    for name in ["tag", "rename_all_fields"] {
        if let Some(attr) = model.attrs.find(name) {
            errors.on(&attr.key, format!("`{name}` is for enums"));
        }
    }
}

/// The keys of a stream share its slot in a cluster, so braces in its name must be a hash
/// tag.
fn check_stream(name: &LitStr, errors: &mut Errors) {
    let text = name.value();
    if text.is_empty() {
        errors.on(name, "the name of a stream can't be empty");
    }
    let (opened, closed) = (text.matches('{').count(), text.matches('}').count());
    let is_tagged = matches!(
        (text.find('{'), text.find('}')),
        (Some(open), Some(close)) if open + 1 < close
    );
    if (opened, closed) != (0, 0) && !((opened, closed) == (1, 1) && is_tagged) {
        let text = "stray or empty braces: a stream's name has none, or one hash tag with text \
                    in it, such as `{shop}:orders`";
        errors.on(name, text);
    }
}

fn check_message_variant(variant: &Variant<'_>, tag: &Name, errors: &mut Errors) {
    check_fields(variant.shape.fields(), Some(tag), errors);
    if !matches!(variant.shape, Shape::Named(_))
        && let Some(attr) = variant.attrs.find("rename_all")
    {
        errors.on(&attr.key, "`rename_all` is for variants with named fields");
    }
    if let (Some(attr), Shape::Named(_)) = (variant.attrs.find("other"), &variant.shape) {
        let text = "`other` is for a variant without fields, or one that holds a `RawMessage`";
        errors.on(&attr.key, text);
    }
}

/// An enum without `tag`: unit variants, and at most one more for other words.
fn check_choice(model: &Model<'_>, variants: &[Variant<'_>], errors: &mut Errors) {
    let data = variants.iter().find(|variant| {
        !(matches!(variant.shape, Shape::Unit)
            || variant.is_other() && matches!(variant.shape, Shape::Newtype(_)))
    });
    // If `tag` was given but refused, one error is enough.
    if data.is_some() {
        let text = "an enum with data is a message and needs a field for the variant's name: \
                    `#[stream(tag = \"kind\")]`";
        errors.on(model.ident, text);
        for variant in variants {
            check_fields(variant.shape.fields(), None, errors);
        }
    } else {
        check_value(
            &model.attrs,
            "an enum of unit variants without `tag`",
            errors,
        );
    }
    for variant in variants {
        if let Some(attr) = variant.attrs.find("rename_all")
            && !matches!(variant.shape, Shape::Named(_))
        {
            errors.on(&attr.key, "`rename_all` is for variants with named fields");
        }
    }
    check_variants(variants, errors);
}

fn check_variants(variants: &[Variant<'_>], errors: &mut Errors) {
    let mut names = Names::default();
    let mut other: Option<&Ident> = None;
    for variant in variants {
        if let Some(attr) = variant.attrs.find("other") {
            if let Some(first) = other {
                errors.on(&attr.key, format!("`other` is taken by `{first}`"));
            }
            other.get_or_insert(variant.ident);
            let refused: &[&str] = match variant.shape {
                Shape::Unit => &["alias"],
                _ => &["alias", "rename"],
            };
            for attr in variant
                .attrs
                .iter()
                .filter(|attr| refused.contains(&attr.name))
            {
                errors.on(
                    &attr.key,
                    format!("`{}` has no meaning beside `other`", attr.name),
                );
            }
            if !matches!(variant.shape, Shape::Unit) {
                // Written as the value it holds, so its own name is never used.
                continue;
            }
        }
        for name in std::iter::once(&variant.name).chain(&variant.aliases) {
            if name.text.is_empty() {
                errors.at(name.span, "the name of a variant can't be empty");
            }
            names.add(name, "variant", errors);
        }
    }
}

/// Reports attributes that have no meaning on a field value.
fn check_value(attrs: &Attrs, what: &str, errors: &mut Errors) {
    for attr in attrs.iter() {
        match attr.name {
            "name" | "deny_unknown_fields" | "rename_all_fields" => errors.on(
                &attr.key,
                format!(
                    "{what} is a field value, not a message: `{}` has no meaning",
                    attr.name
                ),
            ),
            "rename_all" | "tag" if what.starts_with("a struct") => {
                errors.on(
                    &attr.key,
                    format!("`{}` has no meaning on {what}", attr.name),
                );
            }
            _ => {}
        }
    }
}

fn check_newtype(field: &Field<'_>, errors: &mut Errors) {
    for attr in field
        .attrs
        .iter()
        .filter(|attr| !matches!(attr.name, "json" | "text" | "with"))
    {
        let text = format!(
            "`{}` has no meaning on a struct around one value",
            attr.name
        );
        errors.on(&attr.key, text);
    }
    check_conflicts(field, errors);
}

fn check_fields(fields: &[Field<'_>], tag: Option<&Name>, errors: &mut Errors) {
    let mut names = Names::default();
    if let Some(tag) = tag {
        names.0.insert(tag.text.clone(), "the tag".to_owned());
    }
    let (mut keyed, mut placed) = (false, false);
    for field in fields {
        check_conflicts(field, errors);
        if matches!(field.form, Form::Skip) {
            continue;
        }
        if let Some(attr) = field.attrs.find("idempotency_key")
            && std::mem::replace(&mut keyed, true)
        {
            let text = "another field is the `idempotency_key` already";
            errors.on(&attr.key, text);
        }
        if let Some(attr) = field.attrs.find("key")
            && std::mem::replace(&mut placed, true)
        {
            errors.on(&attr.key, "another field is the `key` already");
        }
        if matches!(field.form, Form::Flatten) {
            continue;
        }
        for name in std::iter::once(&field.name).chain(&field.aliases) {
            check_field_name(name, errors);
            names.add(name, "field", errors);
        }
    }
}

fn check_conflicts(field: &Field<'_>, errors: &mut Errors) {
    let attrs = &field.attrs;
    let keys: &[&str] = &["idempotency_key", "key"];
    for (alone, beside) in [("skip", &[][..]), ("flatten", keys)] {
        if attrs.has(alone) {
            let refused = |name| name != alone && !beside.contains(&name);
            for attr in attrs.iter().filter(|attr| refused(attr.name)) {
                errors.on(
                    &attr.key,
                    format!("`{}` has no meaning beside `{alone}`", attr.name),
                );
            }
            return;
        }
    }
    let forms = attrs
        .iter()
        .filter(|attr| matches!(attr.name, "json" | "text" | "with"));
    for attr in forms.skip(1) {
        errors.on(&attr.key, "a field has one of `json`, `text` and `with`");
    }
    if field.optional().is_some()
        && let Some(path) = attrs.text("default")
    {
        errors.on(path, OPTIONAL);
    }
    if matches!(field.form, Form::Plain)
        && let Some(inner) = option_of(field.ty)
        && option_of(inner).is_some()
    {
        let text = "an `Option` in an `Option`: an entry can't tell their `None`s apart";
        errors.on(field.ty, text);
    }
}

/// The error for a default on an optional field.
pub(crate) const OPTIONAL: &str = "an optional field can't have a default of its own: `None` is \
                                   written as an absent field, which would be read as that default";

fn check_field_name(name: &Name, errors: &mut Errors) {
    if name.text.is_empty() {
        errors.at(name.span, "the name of a field can't be empty");
    }
    if name.text.starts_with('~') {
        errors.at(name.span, "field names that start with `~` are reserved");
    }
}

/// Names that are taken, and their owners.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn add(&mut self, name: &Name, what: &str, errors: &mut Errors) {
        let by = format!("another {what}");
        match self.0.get(&name.text) {
            Some(by) => {
                errors.at(
                    name.span,
                    format!("the name `{}` is taken by {by}", name.text),
                );
            }
            None => {
                self.0.insert(name.text.clone(), by);
            }
        }
    }
}
