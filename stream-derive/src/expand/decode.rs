//! Code that reads messages and values: one pass over the fields fills a slot for each,
//! then each slot is read.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{
    READ, WRITTEN, bytes, concealed, local, option, own_form, place, schema_of, slot, with_bounds,
    written,
};
use crate::model::{Default, Field, Form, Model, Name, Shape, Variant};

/// `OwnedMessage` for a struct.
pub(super) fn structure(model: &Model<'_>, fields: &[Field<'_>]) -> TokenStream {
    let schema = schema_of(model);
    let body = read_fields(
        model,
        fields,
        &Around {
            path: quote!(Self),
            message: model.ident.to_string(),
            tag: None,
            list: quote!(#schema.fields),
        },
    );
    owned_message(model, &body)
}

/// `OwnedMessage` for an enum with a tag.
pub(super) fn enumeration(model: &Model<'_>, tag: &Name, variants: &[Variant<'_>]) -> TokenStream {
    let private = &model.private;
    let (tag, fields, value) = (&tag.text, local("fields"), local("value"));
    let schema = schema_of(model);
    let arms = variants
        .iter()
        .enumerate()
        .filter(|(_, variant)| !variant.is_other())
        .map(|(number, variant)| {
            let names = names(&variant.name, &variant.aliases);
            let body = read_variant(model, tag, number, variant);
            quote!(::core::option::Option::Some(#(#names)|*) => #body,)
        });
    let other = variants
        .iter()
        .enumerate()
        .find(|(_, variant)| variant.is_other())
        .map(|(number, variant)| {
            let body = read_variant(model, tag, number, variant);
            quote!(::core::option::Option::Some(_) => #body,)
        });
    let body = quote! {
        match #fields.get(#tag) {
            #(#arms)*
            #other
            #value => ::core::result::Result::Err(#private::bad_tag(#schema, #tag, #value)),
        }
    };
    owned_message(model, &body)
}

/// `FromField` for a struct around one value.
pub(super) fn newtype(model: &Model<'_>, field: &Field<'_>) -> TokenStream {
    let private = &model.private;
    let (ty, value) = (field.ty, local("value"));
    let (read, absent) = match &field.form {
        Form::Json => (quote!(#private::json_value(#value)), None),
        Form::Text | Form::With(_) => {
            let read = own_form::read(model, field);
            if field.optional().is_some() {
                let read = quote!(#read.map(::core::option::Option::Some));
                let absent = quote! {
                    fn absent() -> ::core::option::Option<Self> {
                        ::core::option::Option::Some(Self(::core::option::Option::None))
                    }
                };
                (read, Some(absent))
            } else {
                (read, None)
            }
        }
        Form::Plain | Form::Flatten | Form::Skip => {
            let inner = quote_spanned!(place(ty)=> <#ty as #private::FromField>);
            (
                quote!(#inner::from_field(#value)),
                Some(quote! {
                    fn absent() -> ::core::option::Option<Self> {
                        #inner::absent().map(Self)
                    }
                }),
            )
        }
    };
    from_field(model, &quote!(#read.map(Self)), absent.as_ref())
}

/// `FromField` for one of several words.
pub(super) fn choice(model: &Model<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let private = &model.private;
    let value = local("value");
    let arms = variants
        .iter()
        .filter(|v| matches!(v.shape, Shape::Unit))
        .map(|variant| {
            let (ident, names) = (variant.ident, names(&variant.name, &variant.aliases));
            quote!(#(#names)|* => ::core::result::Result::Ok(Self::#ident),)
        });
    let rest = match variants.iter().find(|variant| variant.is_other()) {
        Some(Variant {
            ident,
            shape: Shape::Newtype(ty),
            ..
        }) => {
            let read = quote_spanned!(place(ty)=> <#ty as #private::FromField>::from_field);
            quote!(#read(#value).map(Self::#ident))
        }
        Some(Variant { ident, .. }) => quote!(::core::result::Result::Ok(Self::#ident)),
        None => quote!(::core::result::Result::Err(#private::bad_choice::<Self>())),
    };
    from_field(model, &quote!(match #value { #(#arms)* _ => #rest }), None)
}

fn owned_message(model: &Model<'_>, body: &TokenStream) -> TokenStream {
    let Model { private, ident, .. } = model;
    let (generics, arguments, _) = model.generics.split_for_impl();
    let bounds = with_bounds(model, &[WRITTEN, READ]);
    let fields = local("fields");
    quote! {
        #[automatically_derived]
        impl #generics #private::OwnedMessage for #ident #arguments #bounds {
            fn decode(
                #fields: #private::Fields<'_>,
            ) -> ::core::result::Result<Self, #private::DecodeError> {
                #body
            }
        }
    }
}

fn from_field(model: &Model<'_>, body: &TokenStream, absent: Option<&TokenStream>) -> TokenStream {
    let Model { private, ident, .. } = model;
    let (generics, arguments, _) = model.generics.split_for_impl();
    let bounds = with_bounds(model, &[WRITTEN, READ]);
    let value = local("value");
    quote! {
        #[automatically_derived]
        impl #generics #private::FromField for #ident #arguments #bounds {
            fn from_field(
                #value: &[u8],
            ) -> ::core::result::Result<Self, #private::FieldError> {
                #body
            }

            #absent
        }
    }
}

fn read_variant(model: &Model<'_>, tag: &str, number: usize, variant: &Variant<'_>) -> TokenStream {
    let private = &model.private;
    let ident = variant.ident;
    let schema = schema_of(model);
    let around = Around {
        path: quote!(Self::#ident),
        message: format!("{}::{ident}", model.ident),
        tag: Some(tag),
        list: quote!(#private::variant_fields(#schema, #number)),
    };
    match &variant.shape {
        Shape::Unit => read_fields(model, &[], &around),
        Shape::Named(fields) => read_fields(model, fields, &around),
        Shape::Newtype(ty) if variant.is_other() => {
            let fields = local("fields");
            let decode = quote_spanned!(place(ty)=> <#ty as #private::OwnedMessage>::decode);
            quote!(#decode(#fields).map(Self::#ident))
        }
        Shape::Newtype(ty) => {
            let deny = scan(model, &[], true, &around);
            let held = read_flattened(model, ty, 0, &around);
            quote!({ #deny ::core::result::Result::Ok(Self::#ident(#held)) })
        }
    }
}

/// The surroundings of fields that are read together.
struct Around<'a> {
    /// The value that they build.
    path: TokenStream,
    /// Its name in errors.
    message: String,
    tag: Option<&'a str>,
    /// Their schemas.
    list: TokenStream,
}

fn read_fields(model: &Model<'_>, fields: &[Field<'_>], around: &Around<'_>) -> TokenStream {
    let has_nested = fields
        .iter()
        .any(|field| matches!(field.form, Form::Flatten));
    let scan = scan(model, fields, has_nested, around);
    let mut position = 0;
    let members = fields.iter().map(|field| {
        let member = &field.member;
        let value = read_field(model, field, position, around);
        position += usize::from(!matches!(field.form, Form::Skip));
        quote!(#member: #value,)
    });
    let path = &around.path;
    quote!({ #scan ::core::result::Result::Ok(#path { #(#members)* }) })
}

/// The pass over all fields of the entry.
fn scan(
    model: &Model<'_>,
    fields: &[Field<'_>],
    has_nested: bool,
    around: &Around<'_>,
) -> Option<TokenStream> {
    let private = &model.private;
    let (view, name, value) = (local("fields"), local("name"), local("value"));
    let own: Vec<_> = written(fields)
        .filter(|field| !matches!(field.form, Form::Flatten))
        .collect();
    let denies = model.attrs.has("deny_unknown_fields");
    if own.is_empty() && !denies {
        return None;
    }
    let slots: Vec<_> = own.iter().map(|field| slot(&field.member)).collect();
    let arms = own.iter().zip(&slots).map(|(field, slot)| {
        let names = names(&field.name, &field.aliases);
        quote!(#(#names)|* => #slot = ::core::option::Option::Some(#value),)
    });
    let deny = denies.then(|| {
        let message = &around.message;
        let tag = around.tag.map(|tag| {
            let tag = bytes(tag);
            quote!(#tag => {})
        });
        let list = &around.list;
        let list = if has_nested {
            quote!(#list)
        } else {
            quote!(&[])
        };
        quote! {
            #tag
            _ if #private::is_unknown(#name, #list, #view) => {
                return ::core::result::Result::Err(
                    #private::DecodeError::unknown_field(#message, #name),
                );
            }
        }
    });
    Some(quote! {
        #(let mut #slots = ::core::option::Option::None;)*
        for (#name, #value) in #view.iter() {
            match #name {
                #(#arms)*
                #deny
                _ => {}
            }
        }
    })
}

/// An expression for the value of one field.
fn read_field(
    model: &Model<'_>,
    field: &Field<'_>,
    position: usize,
    around: &Around<'_>,
) -> TokenStream {
    let private = &model.private;
    let (ty, name, message) = (field.ty, &field.name.text, &around.message);
    let (slot, value) = (slot(&field.member), local("value"));
    let default = match &field.default {
        Default::None => None,
        Default::Trait => Some(default_of(ty)),
        Default::Path(path) => Some(quote!(#path())),
    };
    let (always, present) = match &field.form {
        Form::Skip => return default_of(ty),
        Form::Flatten => return read_flattened(model, ty, position, around),
        Form::Plain => (
            quote_spanned!(place(ty)=> #private::field::<#ty>),
            quote_spanned!(place(ty)=> #private::present::<#ty>),
        ),
        Form::Json => (
            quote_spanned!(place(ty)=> #private::json::<#ty>),
            quote_spanned!(place(ty)=> #private::json_present::<#ty>),
        ),
        Form::Text | Form::With(_) => {
            return own_form::read_field(model, field, default, message, &around.list);
        }
    };
    let list = &around.list;
    let Some(default) = default else {
        let read = quote!(#always(#slot, #message, #name, const { #list }));
        let read = concealed(model, field, &read, list);
        return quote!(#read?);
    };
    let present = concealed(
        model,
        field,
        &quote!(#present(#value, #message, #name)),
        list,
    );
    quote! {
        match #slot {
            ::core::option::Option::Some(#value) => #present?,
            ::core::option::Option::None => #default,
        }
    }
}

fn read_flattened(
    model: &Model<'_>,
    ty: &syn::Type,
    position: usize,
    around: &Around<'_>,
) -> TokenStream {
    let private = &model.private;
    let (view, claims) = (local("fields"), local("claims"));
    let (message, list, tag) = (&around.message, &around.list, option(around.tag));
    let decode = quote_spanned!(place(ty)=> <#ty as #private::OwnedMessage>::decode);
    quote! {{
        let #claims = #private::Claims::new(#tag, #list, #position, #view);
        #decode(#private::flattened(#view, &#claims)).map_err(|error| error.within(#message))?
    }}
}

fn default_of(ty: &syn::Type) -> TokenStream {
    quote_spanned!(place(ty)=> <#ty as ::core::default::Default>::default())
}

/// The name and its aliases, as patterns.
fn names<'a>(name: &'a Name, aliases: &'a [Name]) -> impl Iterator<Item = syn::LitByteStr> + 'a {
    std::iter::once(name)
        .chain(aliases)
        .map(|name| bytes(&name.text))
}
