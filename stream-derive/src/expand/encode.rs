//! Code that writes messages and values.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{WRITTEN, assert, local, own_form, place, schema, slot, with_bounds, written};
use crate::model::{Body, Default, Field, Form, Model, Shape, Variant};

/// `StreamMessage` for a struct or an enum with a tag.
pub(super) fn message(model: &Model<'_>) -> TokenStream {
    let Model { private, ident, .. } = model;
    let (generics, arguments, _) = model.generics.split_for_impl();
    let bounds = with_bounds(model, &[WRITTEN]);
    let schema = schema::message(model);
    let checks = assert::statements(model);
    let (this, out) = (local("this"), local("out"));
    let body = match &model.body {
        Body::Struct(fields) => {
            let fields = written(fields).map(|field| {
                let member = &field.member;
                write_field(model, field, &quote!(&#this.#member), None)
            });
            quote!(#(#fields)*)
        }
        Body::Enum(tag, variants) => {
            let arms = variants
                .iter()
                .map(|variant| write_variant(model, &tag.text, variant));
            quote!(match #this { #(#arms)* })
        }
        Body::Newtype(_) | Body::Choice(_) => TokenStream::new(),
    };
    quote! {
        #[automatically_derived]
        impl #generics #private::StreamMessage for #ident #arguments #bounds {
            const SCHEMA: &'static #private::Schema = #schema;

            fn encode(
                &self,
                #out: &mut #private::FieldWriter<'_>,
            ) -> ::core::result::Result<(), #private::EncodeError> {
                #checks
                let #this = self;
                #body
                ::core::result::Result::Ok(())
            }
        }
    }
}

/// `ToField` for a struct around one value.
pub(super) fn newtype(model: &Model<'_>, field: &Field<'_>) -> TokenStream {
    let private = &model.private;
    let ty = field.ty;
    let (this, out, name) = (local("this"), local("out"), local("name"));
    let (shape, optional, write) = match &field.form {
        Form::Json => (
            quote!(#private::FieldType::Json),
            quote!(false),
            quote!(#private::write_json_or_null(&#this.0, #name, #out)),
        ),
        Form::Text | Form::With(_) => {
            let optional = field.optional().is_some();
            let write = own_form::write(model, field, &quote!(&#this.0), &quote!(#name));
            (
                own_form::ty(model, &field.form),
                quote!(#optional),
                quote!({ #write ::core::result::Result::Ok(()) }),
            )
        }
        Form::Plain | Form::Flatten | Form::Skip => {
            let value = quote_spanned!(place(ty)=> <#ty as #private::ToField>);
            (
                quote!(#value::TYPE),
                quote!(#value::OPTIONAL),
                quote!(#value::write(&#this.0, #name, #out)),
            )
        }
    };
    to_field(model, &shape, &optional, &write)
}

/// `ToField` for one of several words.
pub(super) fn choice(model: &Model<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let private = &model.private;
    let (this, out, name) = (local("this"), local("out"), local("name"));
    let arms = variants.iter().map(|variant| {
        let ident = variant.ident;
        if let Shape::Newtype(ty) = variant.shape {
            let held = local("held");
            let write = quote_spanned!(place(ty)=> <#ty as #private::ToField>::write);
            return quote!(Self::#ident(#held) => #write(#held, #name, #out),);
        }
        let word = &variant.name.text;
        quote!(Self::#ident => #out.text(#name, #word),)
    });
    let write = quote!(match #this { #(#arms)* });
    to_field(
        model,
        &schema::choice(model, variants),
        &quote!(false),
        &write,
    )
}

fn to_field(
    model: &Model<'_>,
    shape: &TokenStream,
    optional: &TokenStream,
    write: &TokenStream,
) -> TokenStream {
    let Model { private, ident, .. } = model;
    let (generics, arguments, _) = model.generics.split_for_impl();
    let bounds = with_bounds(model, &[WRITTEN]);
    let (this, out, name) = (local("this"), local("out"), local("name"));
    quote! {
        #[automatically_derived]
        impl #generics #private::ToField for #ident #arguments #bounds {
            const TYPE: #private::FieldType = #shape;
            const OPTIONAL: bool = #optional;

            #[inline]
            fn write(
                &self,
                #name: &str,
                #out: &mut #private::FieldWriter<'_>,
            ) -> ::core::result::Result<(), #private::EncodeError> {
                let #this = self;
                #write
            }
        }
    }
}

fn write_variant(model: &Model<'_>, tag: &str, variant: &Variant<'_>) -> TokenStream {
    let private = &model.private;
    let (ident, name, out) = (variant.ident, &variant.name.text, local("out"));
    let write_tag = quote!(#out.text(#tag, #name)?;);
    match &variant.shape {
        Shape::Unit => quote!(Self::#ident => { #write_tag }),
        Shape::Newtype(ty) => {
            // A variant for other tags holds its tag in its message.
            let write_tag = (!variant.is_other()).then_some(write_tag);
            let apart = (!variant.is_other()).then(|| tell_key_apart(model, variant));
            let held = local("held");
            let encode = quote_spanned!(place(ty)=> <#ty as #private::StreamMessage>::encode);
            quote!(Self::#ident(#held) => { #write_tag #encode(#held, #out)?; #apart })
        }
        Shape::Named(fields) => {
            let members = written(fields).map(|field| &field.member);
            let slots: Vec<_> = written(fields).map(|field| slot(&field.member)).collect();
            let writes = written(fields)
                .zip(&slots)
                .map(|(field, slot)| write_field(model, field, &quote!(#slot), Some(variant)));
            quote!(Self::#ident { #(#members: #slots,)* .. } => { #write_tag #(#writes)* })
        }
    }
}

/// The prefix of a variant's idempotency keys: the length of its name and the name, so
/// that two pairs of name and key never give the same text.
fn key_prefix(variant: &Variant<'_>) -> String {
    let name = &variant.name.text;
    format!("{}:{name}:", name.len())
}

fn tell_key_apart(model: &Model<'_>, variant: &Variant<'_>) -> TokenStream {
    let (private, out, prefix) = (&model.private, local("out"), key_prefix(variant));
    quote!(#private::tell_key_apart(#out, #prefix);)
}

/// Writes one field; `value` is a reference to it. The idempotency key of an enum's
/// message carries the variant; the partition key is the value alone.
fn write_field(
    model: &Model<'_>,
    field: &Field<'_>,
    value: &TokenStream,
    variant: Option<&Variant<'_>>,
) -> TokenStream {
    let (private, out) = (&model.private, local("out"));
    let done = quote!(::core::result::Result::Ok(()));
    let write = write_value(model, field, value);
    let write = if field.is_sensitive() {
        quote!(#private::write_concealed(#out, |#out| { #write #done })?;)
    } else {
        write
    };
    let write = match (&field.form, field.attrs.has("key")) {
        (Form::Flatten, false) => {
            quote!(#private::write_unplaced(#out, |#out| { #write #done })?;)
        }
        (Form::Flatten, true) | (_, false) => write,
        (_, true) => quote!(#private::write_place(#out, |#out| { #write #done })?;),
    };
    match (&field.form, field.attrs.has("idempotency_key")) {
        (Form::Flatten, false) => {
            quote!(#private::write_unkeyed(#out, |#out| { #write #done })?;)
        }
        (Form::Flatten, true) => {
            let apart = variant.map(|variant| tell_key_apart(model, variant));
            quote!(#write #apart)
        }
        (_, false) => write,
        (_, true) => {
            let prefix = variant.map_or_else(String::new, key_prefix);
            quote!(#private::write_key(#out, #prefix, |#out| { #write #done })?;)
        }
    }
}

fn write_value(model: &Model<'_>, field: &Field<'_>, value: &TokenStream) -> TokenStream {
    let private = &model.private;
    let (ty, name, out) = (field.ty, &field.name.text, local("out"));
    match &field.form {
        Form::Plain => {
            let write = quote_spanned!(place(ty)=> <#ty as #private::ToField>::write);
            quote!(#write(#value, #name, #out)?;)
        }
        Form::Json => {
            let write = if matches!(field.default, Default::None) {
                quote_spanned!(place(ty)=> #private::write_json::<#ty>)
            } else {
                quote_spanned!(place(ty)=> #private::write_json_or_null::<#ty>)
            };
            quote!(#write(#value, #name, #out)?;)
        }
        Form::Text | Form::With(_) => own_form::write(model, field, value, &quote!(#name)),
        Form::Flatten => {
            let encode = quote_spanned!(place(ty)=> <#ty as #private::StreamMessage>::encode);
            quote!(#encode(#value, #out)?;)
        }
        Form::Skip => TokenStream::new(),
    }
}
