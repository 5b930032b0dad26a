//! serde's attributes, which have no effect on an entry. Many types are read by serde,
//! too, so they are no mistakes; one that renames or skips a field differently from the
//! stream causes a warning.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::{Attribute, DeriveInput, Meta, Path, Token};

use crate::attr::Attrs;
use crate::model::{Body, Field, Form, Model, option_of};

/// An attribute of serde without its counterpart here.
struct Ignored {
    span: Span,
    text: String,
}

/// Warnings for attributes that only serde follows. A derive can only warn by using
/// something deprecated.
pub(crate) fn warnings(input: &DeriveInput, model: &Model<'_>) -> TokenStream {
    if model.attrs.has("ignore_serde") {
        return TokenStream::new();
    }
    let warnings = ignored(input, model).into_iter().map(|ignored| {
        let Ignored { span, text } = ignored;
        let used = quote_spanned!(span=> serde_attribute);
        quote! {
            #[allow(non_upper_case_globals, clippy::all, clippy::pedantic)]
            const _: () = {
                #[deprecated(note = #text)]
                const serde_attribute: () = ();
                #used
            };
        }
    });
    quote!(#(#warnings)*)
}

fn ignored(input: &DeriveInput, model: &Model<'_>) -> Vec<Ignored> {
    let mut found = Vec::new();
    let of_type = [
        ("rename_all", "rename_all"),
        ("rename_all_fields", "rename_all_fields"),
        ("deny_unknown_fields", "deny_unknown_fields"),
    ];
    compare(&input.attrs, &of_type, &model.attrs, &mut found);
    for variant in model.variants() {
        let of_variant = [
            ("rename", "rename"),
            ("alias", "alias"),
            ("rename_all", "rename_all"),
            ("other", "other"),
        ];
        compare(variant.written, &of_variant, &variant.attrs, &mut found);
    }
    let is_newtype = matches!(model.body, Body::Newtype(_));
    for field in model.fields() {
        let names = if is_newtype { &[][..] } else { &NAMES };
        for pairs in [names, &VALUES] {
            let pairs = pairs.iter().filter(|(_, ours)| !is_answered(field, ours));
            let pairs: Vec<_> = pairs.copied().collect();
            compare(field.written, &pairs, &field.attrs, &mut found);
        }
    }
    found
}

/// serde's attributes on the name of a field, each with its counterpart here.
const NAMES: [(&str, &str); 3] = [
    ("rename", "rename"),
    ("alias", "alias"),
    ("default", "default"),
];

/// serde's attributes on the value of a field.
const VALUES: [(&str, &str); 7] = [
    ("skip", "skip"),
    ("skip_serializing", "skip"),
    ("skip_deserializing", "skip"),
    ("flatten", "flatten"),
    ("with", "with"),
    ("serialize_with", "with"),
    ("deserialize_with", "with"),
];

/// Whether another attribute, or the type, has the same effect.
fn is_answered(field: &Field<'_>, ours: &str) -> bool {
    if ours == "default" && option_of(field.ty).is_some() {
        return true;
    }
    match field.form {
        Form::Skip => true,
        // A format of its own replaces any format of serde.
        Form::Text | Form::With(_) => matches!(ours, "with" | "flatten"),
        Form::Json => ours == "flatten",
        Form::Plain | Form::Flatten => false,
    }
}

/// Adds those of `pairs` that only serde has.
fn compare(
    written: &[Attribute],
    pairs: &[(&'static str, &'static str)],
    attrs: &Attrs,
    found: &mut Vec<Ignored>,
) {
    for path in written.iter().flat_map(of_serde) {
        let told = pairs.iter().find(|(theirs, _)| path.is_ident(theirs));
        if let Some((theirs, ours)) = told
            && !attrs.has(ours)
        {
            let text = format!(
                "serde's `{theirs}` has no effect on the stream: say `{ours}` in \
                 `#[stream(..)]` too, or `#[stream(ignore_serde)]` on the type if serde is for \
                 another format"
            );
            let span = path
                .get_ident()
                .map_or_else(Span::call_site, syn::Ident::span);
            found.push(Ignored { span, text });
        }
    }
}

/// The names in `#[serde(..)]`.
fn of_serde(attribute: &Attribute) -> Vec<Path> {
    if !attribute.path().is_ident("serde") {
        return Vec::new();
    }
    // serde itself reports what can't be parsed.
    let parsed = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    let metas = parsed.unwrap_or_default().into_iter();
    metas.map(|meta| meta.path().clone()).collect()
}
