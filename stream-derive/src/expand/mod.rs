//! The code that the derive writes. All paths are absolute, so that no name in the user's
//! scope interferes.

mod assert;
mod decode;
mod encode;
mod own_form;
mod schema;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, Generics, Ident, LitByteStr, Member, Type, WhereClause};

use crate::model::{Body, Default, Field, Form, Model, Shape};

/// The implementations for a type without mistakes.
pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let written = match &model.body {
        Body::Struct(_) | Body::Enum(..) => encode::message(model),
        Body::Newtype(field) => encode::newtype(model, field),
        Body::Choice(variants) => encode::choice(model, variants),
    };
    let read = (!model.borrows()).then(|| match &model.body {
        Body::Struct(fields) => decode::structure(model, fields),
        Body::Enum(tag, variants) => decode::enumeration(model, tag, variants),
        Body::Newtype(field) => decode::newtype(model, field),
        Body::Choice(variants) => decode::choice(model, variants),
    });
    let routed = routed(model);
    let checks = assert::items(model);
    quote! {
        #[allow(deprecated, unreachable_code, unused_qualifications, clippy::all, clippy::pedantic)]
        const _: () = {
            #written
            #read
            #routed
            #checks
        };
    }
}

/// Implementations that keep the compiler from reporting errors that follow from mistakes
/// already reported.
pub(crate) fn stub(input: &DeriveInput, model: Option<&Model<'_>>) -> TokenStream {
    let private = model.map_or_else(|| quote!(::stream_lib::__private), |m| m.private.clone());
    let ident = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let message = quote! {
        impl #generics #private::StreamMessage for #ident #arguments #bounds {
            const SCHEMA: &'static #private::Schema = &#private::Schema::new("");
            fn encode(
                &self,
                _: &mut #private::FieldWriter<'_>,
            ) -> ::core::result::Result<(), #private::EncodeError> {
                loop {}
            }
        }
        impl #generics #private::OwnedMessage for #ident #arguments #bounds {
            fn decode(
                _: #private::Fields<'_>,
            ) -> ::core::result::Result<Self, #private::DecodeError> {
                loop {}
            }
        }
        impl #generics #private::Routed for #ident #arguments #bounds {
            const STREAM: &'static str = "";
        }
    };
    let value = quote! {
        impl #generics #private::ToField for #ident #arguments #bounds {
            const TYPE: #private::FieldType = #private::FieldType::Custom;
            fn write(
                &self,
                _: &str,
                _: &mut #private::FieldWriter<'_>,
            ) -> ::core::result::Result<(), #private::EncodeError> {
                loop {}
            }
        }
        impl #generics #private::FromField for #ident #arguments #bounds {
            fn from_field(_: &[u8]) -> ::core::result::Result<Self, #private::FieldError> {
                loop {}
            }
        }
    };
    quote! {
        #[allow(clippy::all)]
        const _: () = {
            #message
            #value
        };
    }
}

/// The name of the type's stream.
fn routed(model: &Model<'_>) -> Option<TokenStream> {
    let stream = model.stream()?;
    let Model { private, ident, .. } = model;
    let (generics, arguments, bounds) = model.generics.split_for_impl();
    Some(quote! {
        #[automatically_derived]
        impl #generics #private::Routed for #ident #arguments #bounds {
            const STREAM: &'static str = #stream;
        }
    })
}

/// The fields that are in the schema.
fn written<'a, 'b>(fields: &'b [Field<'a>]) -> impl Iterator<Item = &'b Field<'a>> + Clone {
    fields
        .iter()
        .filter(|field| !matches!(field.form, Form::Skip))
}

/// The schema of the type, as its checks and implementations name it.
fn schema_of(model: &Model<'_>) -> TokenStream {
    let (this, private) = (this_type(model), &model.private);
    quote!(<#this as #private::StreamMessage>::SCHEMA)
}

/// The type as its checks name it: outside of implementations for a type without
/// parameters, inside for one with parameters.
fn this_type(model: &Model<'_>) -> TokenStream {
    if model.generics.params.is_empty() {
        model.ident.to_token_stream()
    } else {
        quote!(Self)
    }
}

/// The trait that a field's type must implement.
struct Bounds {
    message: &'static str,
    json: &'static str,
    text: &'static str,
    field: &'static str,
}

const WRITTEN: Bounds = Bounds {
    message: "StreamMessage",
    json: "Serialize",
    text: "Display",
    field: "ToField",
};

const READ: Bounds = Bounds {
    message: "OwnedMessage",
    json: "DeserializeOwned",
    text: "FromStr",
    field: "FromField",
};

/// The type's own `where` clause, and a bound for every field whose type
/// depends on a type parameter.
fn with_bounds(model: &Model<'_>, sides: &[Bounds]) -> Option<WhereClause> {
    let private = &model.private;
    let mut generics: Generics = model.generics.clone();
    let mut add = |ty: &Type, bound: &str| {
        if model.is_generic(ty) {
            let bound = Ident::new(bound, Span::call_site());
            let clause = generics.make_where_clause();
            clause
                .predicates
                .push(syn::parse_quote!(#ty: #private::#bound));
        }
    };
    for Bounds {
        message,
        json,
        text,
        field: plain,
    } in sides
    {
        let reads = *plain == READ.field;
        for field in model.fields() {
            match field.form {
                Form::Plain => add(field.ty, plain),
                Form::Json => add(field.ty, json),
                Form::Text => add(field.held(), text),
                Form::Flatten => add(field.ty, message),
                Form::With(_) | Form::Skip => {}
            }
            let defaults =
                matches!(field.form, Form::Skip) || matches!(field.default, Default::Trait);
            if reads && defaults {
                add(field.ty, "Default");
            }
        }
        let newtype = if matches!(model.body, Body::Enum(..)) {
            message
        } else {
            plain
        };
        for variant in model.variants() {
            if let Shape::Newtype(ty) = variant.shape {
                add(ty, newtype);
            }
        }
    }
    generics.where_clause
}

/// Keeps the value of a sensitive field out of read errors.
fn concealed(
    model: &Model<'_>,
    field: &Field<'_>,
    read: &TokenStream,
    list: &TokenStream,
) -> TokenStream {
    let (private, name) = (&model.private, &field.name.text);
    if field.is_sensitive() {
        quote!(#private::concealed(#read, const { #list }, #name))
    } else {
        read.clone()
    }
}

/// `Some(text)` or `None`.
fn option(text: Option<&str>) -> TokenStream {
    text.map_or_else(
        || quote!(::core::option::Option::None),
        |text| quote!(::core::option::Option::Some(#text)),
    )
}

/// Bytes as a literal, which may stand in a pattern.
fn bytes(text: &str) -> LitByteStr {
    LitByteStr::new(text.as_bytes(), Span::call_site())
}

/// The span of generated tokens, so that errors show the user's code.
fn place(written: &impl Spanned) -> Span {
    Span::call_site().located_at(written.span())
}

/// Moves the place of all tokens to the user's code; their hygiene stays.
fn located(tokens: TokenStream, written: &impl Spanned) -> TokenStream {
    fn move_all(tokens: TokenStream, to: Span) -> TokenStream {
        let one = |mut token: TokenTree| {
            if let TokenTree::Group(group) = &token {
                let (span, within) = (group.span(), move_all(group.stream(), to));
                token = TokenTree::Group(Group::new(group.delimiter(), within));
                token.set_span(span);
            }
            token.set_span(token.span().located_at(to));
            token
        };
        tokens.into_iter().map(one).collect()
    }
    move_all(tokens, written.span())
}

/// A name that can't collide with the user's names.
fn local(name: impl std::fmt::Display) -> Ident {
    Ident::new(&format!("__{name}"), Span::mixed_site())
}

/// The variable for a field.
fn slot(member: &Member) -> Ident {
    match member {
        Member::Named(ident) => local(format_args!("field_{}", ident.unraw())),
        Member::Unnamed(index) => local(format_args!("field_{}", index.index)),
    }
}
