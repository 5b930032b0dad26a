//! Checks that only types can answer, so the compiler does: constants that fail
//! to evaluate, at the field to change.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use super::{located, option, place, schema_of, written};
use crate::check::OPTIONAL;
use crate::model::{Body, Default, Field, Form, Model, Shape};

/// The checks as items: that flattened messages bring no name that is
/// taken, and that no optional field has a default of its own.
///
/// As items they are evaluated where the type stands. A type with parameters has
/// them in `encode` instead, for each of its instances.
pub(super) fn items(model: &Model<'_>) -> Option<TokenStream> {
    if !model.generics.params.is_empty() {
        return None;
    }
    let checks =
        check_exprs(model).map(|(span, check)| quote_spanned!(span=> const _: () = #check;));
    Some(quote!(#(#checks)*))
}

/// [`items`] as statements, where they could not be items.
pub(super) fn statements(model: &Model<'_>) -> Option<TokenStream> {
    if model.generics.params.is_empty() {
        return None;
    }
    let checks = check_exprs(model).map(|(span, check)| quote_spanned!(span=> const { #check };));
    Some(quote!(#(#checks)*))
}

/// The checks, and where they are said to stand.
fn check_exprs(model: &Model<'_>) -> impl Iterator<Item = (Span, TokenStream)> {
    let private = &model.private;
    let schema = schema_of(model);
    let mut checks = Vec::new();
    for group in groups(model, &schema) {
        let (tag, list) = (&group.tag, &group.list);
        for (position, ty) in &group.flattened {
            let span = place(ty);
            let taken = quote!(#private::overlaps(#tag, #list, #position));
            let open = quote!(#private::is_open_twice(#list, #position));
            for (found, text) in [(taken, TAKEN), (open, OPEN)] {
                let found = located(found, ty);
                checks.push((
                    span,
                    quote_spanned!(span=> if #found { ::core::panic!(#text) }),
                ));
            }
        }
    }
    for field in model.fields() {
        if let (Default::Path(path), Form::Plain) = (&field.default, &field.form) {
            let (span, ty) = (place(path), field.ty);
            let optional = quote_spanned!(span=> <#ty as #private::ToField>::OPTIONAL);
            checks.push((
                span,
                quote_spanned!(span=> if #optional { ::core::panic!(#OPTIONAL) }),
            ));
        }
    }
    checks.into_iter()
}

const TAKEN: &str =
    "a field of the flattened message has a name that another field or the tag has already";
const OPEN: &str = "only one flattened message can take what the other fields leave";

/// Fields that are written together: those of a struct, or of one variant.
struct Together<'a> {
    tag: TokenStream,
    /// Their schemas.
    list: TokenStream,
    /// The flattened ones, with their positions in the schema.
    flattened: Vec<(usize, &'a Type)>,
}

fn groups<'a>(model: &'a Model<'_>, schema: &TokenStream) -> Vec<Together<'a>> {
    let private = &model.private;
    match &model.body {
        Body::Struct(fields) => vec![Together {
            tag: option(None),
            list: quote!(#schema.fields),
            flattened: flattened(fields),
        }],
        Body::Enum(tag, variants) => variants
            .iter()
            .enumerate()
            .map(|(number, variant)| Together {
                tag: option(Some(&tag.text)),
                list: quote!(#private::variant_fields(#schema, #number)),
                flattened: match &variant.shape {
                    Shape::Newtype(ty) if !variant.is_other() => vec![(0, *ty)],
                    shape => flattened(shape.fields()),
                },
            })
            .collect(),
        Body::Newtype(_) | Body::Choice(_) => Vec::new(),
    }
}

fn flattened<'a>(fields: &'a [Field<'_>]) -> Vec<(usize, &'a Type)> {
    written(fields)
        .enumerate()
        .filter(|(_, field)| matches!(field.form, Form::Flatten))
        .map(|(position, field)| (position, field.ty))
        .collect()
}
