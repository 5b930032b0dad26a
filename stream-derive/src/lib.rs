//! `#[derive(StreamMessage)]` for stream-lib.

mod attr;
mod case;
mod check;
mod expand;
mod model;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::attr::Errors;
use crate::model::Model;

/// Derives `StreamMessage`.
#[proc_macro_derive(StreamMessage, attributes(stream))]
pub fn stream_message(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = Errors::default();
    let model = Model::read(&input, &mut errors);
    if let Some(model) = &model {
        check::check(model, &mut errors);
    }
    let output = match (errors.into_tokens(), &model) {
        (None, Some(model)) => expand::expand(model),
        (errors, model) => {
            let stub = expand::stub(&input, model.as_ref());
            quote::quote!(#errors #stub)
        }
    };
    output.into()
}
