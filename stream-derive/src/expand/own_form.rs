//! Values in a format of the user: `with = "module"` and `text`. An `Option` of one is a
//! field or none.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Path, Type};

use super::{concealed, local, located, place, slot};
use crate::model::{Field, Form, Model};

/// The format in the schema.
pub(super) fn ty(model: &Model<'_>, form: &Form) -> TokenStream {
    let private = &model.private;
    if matches!(form, Form::Text) {
        quote!(#private::FieldType::Text)
    } else {
        quote!(#private::FieldType::Custom)
    }
}

/// Writes a value; `None` is an absent field.
pub(super) fn write(
    model: &Model<'_>,
    field: &Field<'_>,
    value: &TokenStream,
    name: &TokenStream,
) -> TokenStream {
    let (private, out) = (&model.private, local("out"));
    let (held, write) = if let Form::With(module) = &field.form {
        // The compiler shows its suggestion for a variable at the span of the name: for
        // one of the derive's own names, at the derive.
        let held = Ident::new("__held", module.span());
        let write = quote!(#private::write_with(#module::encode(#held), #name, #out)?;);
        (held, located(write, module))
    } else {
        let (ty, held) = (field.held(), local("held"));
        let write = quote_spanned!(place(ty)=> #private::write_text::<#ty>);
        let write = quote!(#write(#held, #name, #out)?;);
        (held, write)
    };
    if field.optional().is_some() {
        quote!(if let ::core::option::Option::Some(#held) = #value { #write })
    } else {
        quote!({ let #held = #value; #write })
    }
}

/// Reads a field. If it is absent, an `Option` is `None`.
pub(super) fn read_field(
    model: &Model<'_>,
    field: &Field<'_>,
    default: Option<TokenStream>,
    message: &str,
    list: &TokenStream,
) -> TokenStream {
    let private = &model.private;
    let (name, slot, value) = (&field.name.text, slot(&field.member), local("value"));
    let read = read(model, field);
    let read = quote!(#private::in_field(#read, #message, #name, #value));
    let read = concealed(model, field, &read, list);
    let read = quote!(#read?);
    let (read, absent) = if field.optional().is_some() {
        let none = quote!(::core::option::Option::None);
        (quote!(::core::option::Option::Some(#read)), Some(none))
    } else {
        (read, default)
    };
    let Some(absent) = absent else {
        return quote! {{
            let #value = #private::required(#slot, #message, #name, const { #list })?;
            #read
        }};
    };
    quote! {
        match #slot {
            ::core::option::Option::Some(#value) => #read,
            ::core::option::Option::None => #absent,
        }
    }
}

/// Reads a value, as a `Result` whose error says what was expected.
pub(super) fn read(model: &Model<'_>, field: &Field<'_>) -> TokenStream {
    let (private, value, ty) = (&model.private, local("value"), field.held());
    if let Form::With(module) = &field.form {
        let shown = shown(module);
        let read = quote!(#private::read_with::<#ty, _>(#module::decode, #value, #shown));
        located(read, module)
    } else {
        let expected = match ty {
            Type::Path(path) => path.path.segments.last(),
            _ => None,
        };
        let expected = expected.map_or_else(
            || "text".to_owned(),
            |last| format!("text that `{}` reads", last.ident),
        );
        let read = quote_spanned!(place(ty)=> #private::read_text::<#ty>);
        quote!(#read(#value, #expected))
    }
}

/// A path as it was written.
fn shown(path: &Path) -> String {
    let tokens = quote!(#path).to_string();
    tokens.split_whitespace().collect()
}
