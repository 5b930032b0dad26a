//! The constants that describe the type.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;

use super::{own_form, place, written};
use crate::model::{Body, Default, Field, Form, Model, Name, Shape, Variant, option_of};

/// The schema of a message.
pub(super) fn message(model: &Model<'_>) -> TokenStream {
    let private = &model.private;
    let name = model.ident.to_string();
    let body = match &model.body {
        Body::Struct(fields) => {
            let fields = fields_of(model, fields);
            quote!(.with_fields(#fields))
        }
        Body::Enum(tag, variants) => {
            let tag = &tag.text;
            let variants = variants.iter().map(|variant| variant_of(model, variant));
            quote!(.with_variants(#tag, const { &[#(#variants),*] }))
        }
        Body::Newtype(_) | Body::Choice(_) => TokenStream::new(),
    };
    let stream = model
        .attrs
        .has("name")
        .then(|| quote!(.with_stream(<Self as #private::Routed>::STREAM)));
    let deny = model
        .attrs
        .has("deny_unknown_fields")
        .then(|| quote!(.deny_unknown()));
    let keyless = keyless(model);
    quote!(&#private::keyed_unless(#private::Schema::new(#name) #body #stream #deny, #keyless))
}

/// Whether messages of the type are known to have no idempotency key: one written by hand
/// may have one.
fn keyless(model: &Model<'_>) -> TokenStream {
    match &model.body {
        Body::Struct(fields) => keyless_fields(model, fields),
        Body::Enum(_, variants) => {
            let variants = variants.iter().map(|variant| match &variant.shape {
                Shape::Unit => quote!(true),
                Shape::Named(fields) => keyless_fields(model, fields),
                Shape::Newtype(ty) => keyless_type(model, ty),
            });
            quote!(true #(&& #variants)*)
        }
        Body::Newtype(_) | Body::Choice(_) => quote!(true),
    }
}

fn keyless_fields(model: &Model<'_>, fields: &[Field<'_>]) -> TokenStream {
    match written(fields).find(|field| field.attrs.has("idempotency_key")) {
        Some(field) if matches!(field.form, Form::Flatten) => keyless_type(model, field.ty),
        Some(_) => quote!(false),
        None => quote!(true),
    }
}

fn keyless_type(model: &Model<'_>, ty: &Type) -> TokenStream {
    let private = &model.private;
    let schema = quote_spanned!(place(ty)=> <#ty as #private::StreamMessage>::SCHEMA);
    quote!(#private::is_keyless(#schema))
}

/// The type of a value that is one of several words.
pub(super) fn choice(model: &Model<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let private = &model.private;
    let open = variants.iter().any(Variant::is_other);
    let names = variants
        .iter()
        .filter(|variant| matches!(variant.shape, Shape::Unit))
        .map(|variant| &variant.name.text);
    quote!(#private::FieldType::Choice { names: &[#(#names),*], open: #open })
}

fn variant_of(model: &Model<'_>, variant: &Variant<'_>) -> TokenStream {
    let private = &model.private;
    let name = &variant.name.text;
    let aliases = aliases(&variant.aliases);
    let other = variant.is_other().then(|| quote!(.other()));
    let fields = match &variant.shape {
        Shape::Unit => None,
        Shape::Named(fields) => {
            let fields = fields_of(model, fields);
            Some(quote!(.with_fields(#fields)))
        }
        Shape::Newtype(ty) => {
            let field = nested(model, name, ty);
            Some(quote!(.with_fields(const { &[#field] })))
        }
    };
    quote!(#private::VariantSchema::new(#name) #aliases #fields #other)
}

fn fields_of(model: &Model<'_>, fields: &[Field<'_>]) -> TokenStream {
    let fields = written(fields).map(|field| field_of(model, field));
    quote!(const { &[#(#fields),*] })
}

fn field_of(model: &Model<'_>, field: &Field<'_>) -> TokenStream {
    let private = &model.private;
    let (name, ty) = (&field.name.text, field.ty);
    let defaults = !matches!(field.default, Default::None);
    let (shape, optional) = match field.form {
        Form::Plain => {
            let value = quote_spanned!(place(ty)=> <#ty as #private::ToField>);
            let optional = if defaults {
                quote!(true)
            } else {
                quote!(#value::OPTIONAL)
            };
            (quote!(#value::TYPE), optional)
        }
        Form::Json => {
            let optional = defaults || option_of(ty).is_some();
            (quote!(#private::FieldType::Json), quote!(#optional))
        }
        Form::Text | Form::With(_) | Form::Skip => {
            let optional = defaults || field.optional().is_some();
            (own_form::ty(model, &field.form), quote!(#optional))
        }
        Form::Flatten => {
            let (nested, keys) = (nested(model, name, ty), keys(field));
            return quote!(#nested #keys);
        }
    };
    let aliases = aliases(&field.aliases);
    let default = defaults.then(|| quote!(.with_default()));
    let sensitive = field.is_sensitive().then(|| quote!(.sensitive()));
    let keys = keys(field);
    quote! {
        #private::FieldSchema::new(#name, #shape)
            #aliases .optional(#optional) #default #sensitive #keys
    }
}

/// The uses of the value.
fn keys(field: &Field<'_>) -> TokenStream {
    let once = field.attrs.has("idempotency_key");
    let once = once.then(|| quote!(.as_idempotency_key()));
    let key = field.attrs.has("key").then(|| quote!(.as_key()));
    quote!(#once #key)
}

fn nested(model: &Model<'_>, name: &str, ty: &Type) -> TokenStream {
    let private = &model.private;
    let schema = quote_spanned!(place(ty)=> <#ty as #private::StreamMessage>::SCHEMA);
    quote!(#private::FieldSchema::nested(#name, #schema))
}

fn aliases(aliases: &[Name]) -> Option<TokenStream> {
    let aliases = aliases.iter().map(|alias| &alias.text);
    (aliases.len() > 0).then(|| quote!(.with_aliases(&[#(#aliases),*])))
}
