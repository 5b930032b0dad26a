//! Checks that need types, so the compiler makes them: constants that fail to evaluate,
//! at the field to change.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::{local, located, option, place, schema_of, this_type, written};
use crate::check::OPTIONAL;
use crate::model::{Body, Default, Field, Form, Model, Shape};

/// The checks as items: flattened messages have no name that is taken, no optional field
/// has a default of its own, a flattened message that is to give the idempotency key has
/// one, and the name of the stream is allowed.
///
/// As items they are evaluated at the type. Checks that depend on the parameters of a
/// type are in `encode`, for each of its instances.
pub(super) fn items(model: &Model<'_>) -> TokenStream {
    let checks = checks(model).filter(|check| !check.is_generic);
    let checks = checks.map(|Check { span, body, .. }| quote_spanned!(span=> const _: () = #body;));
    quote!(#(#checks)*)
}

/// The checks of [`items`] as statements, where items are not possible.
pub(super) fn statements(model: &Model<'_>) -> TokenStream {
    let checks = checks(model).filter(|check| check.is_generic);
    let checks = checks.map(|Check { span, body, .. }| quote_spanned!(span=> const { #body };));
    quote!(#(#checks)*)
}

/// A constant that fails to evaluate for a mistake.
struct Check {
    /// The place to which its error points.
    span: Span,
    body: TokenStream,
    is_generic: bool,
}

fn checks(model: &Model<'_>) -> impl Iterator<Item = Check> {
    let of_types = type_checks(model).into_iter().map(|(span, body)| Check {
        span,
        body,
        is_generic: !model.generics.params.is_empty(),
    });
    of_types.chain(name_check(model))
}

/// The check of the stream's name. A constant depends on the type only through `Self`.
fn name_check(model: &Model<'_>) -> Option<Check> {
    let private = &model.private;
    let attr = model.attrs.find("name")?;
    if let Some(text) = &attr.text {
        return Some(Check {
            span: place(text),
            body: refused(&quote!(#private::name_problem(#text)), text),
            is_generic: false,
        });
    }
    let path = attr.path.as_ref()?;
    let first = path.path.segments.first()?;
    let has_parameters = !model.generics.params.is_empty();
    let is_own = path.qself.is_some() || first.ident == "Self";
    let name = if is_own || !has_parameters {
        let this = this_type(model);
        quote!(<#this as #private::Routed>::STREAM)
    } else {
        path.to_token_stream()
    };
    Some(Check {
        span: place(path),
        body: refused(&quote!(#private::name_problem(#name)), path),
        is_generic: is_own && has_parameters,
    })
}

fn type_checks(model: &Model<'_>) -> Vec<(Span, TokenStream)> {
    let private = &model.private;
    let schema = schema_of(model);
    let mut checks = Vec::new();
    for group in groups(model, &schema) {
        let (tag, list) = (&group.tag, &group.list);
        for (position, ty) in &group.flattened {
            let span = place(ty);
            let taken = quote!(#private::overlaps(#tag, #list, #position));
            checks.push((span, refused(&taken, ty)));
            let open = located(quote!(#private::is_open_twice(#list, #position)), ty);
            checks.push((
                span,
                quote_spanned!(span=> if #open { ::core::panic!(#OPEN) }),
            ));
        }
    }
    for field in model.fields() {
        if let Some(key) = field.attrs.find("idempotency_key")
            && matches!(field.form, Form::Flatten)
        {
            let (span, ty) = (place(&key.key), field.ty);
            let schema = quote!(<#ty as #private::StreamMessage>::SCHEMA);
            let keyless = located(quote!(#private::is_keyless(#schema)), &key.key);
            checks.push((
                span,
                quote_spanned!(span=> if #keyless { ::core::panic!(#KEYLESS) }),
            ));
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
    checks
}

/// Fails with the text of a problem that is found when the constants are evaluated.
fn refused(check: &TokenStream, written: &impl Spanned) -> TokenStream {
    let problem = local("problem");
    let check = quote! {
        if let ::core::option::Option::Some(#problem) = #check {
            ::core::panic!("{}", #problem.text())
        }
    };
    located(check, written)
}

const KEYLESS: &str = "the flattened message has no idempotency key: one of its fields needs \
                       `#[stream(idempotency_key)]`";

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
