//! Parses `#[stream(..)]` into known attributes, at allowed places, with values of the
//! right kind. `check` has the rules between attributes.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, ExprLit, ExprPath, Ident, Lit, LitStr, Meta, Token, token};

/// All mistakes found, which are reported together.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    /// Adds a mistake at one place.
    pub(crate) fn at(&mut self, span: Span, text: impl std::fmt::Display) {
        self.add(syn::Error::new(span, text));
    }

    /// Adds a mistake that covers `tokens`.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, text: impl std::fmt::Display) {
        self.add(syn::Error::new_spanned(tokens, text));
    }

    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// The compile errors, if there are any.
    pub(crate) fn into_tokens(self) -> Option<TokenStream> {
        self.0.map(|error| error.to_compile_error())
    }
}

/// The place of an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Container,
    Variant,
    Field,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Container => "the type",
            Self::Variant => "a variant",
            Self::Field => "a field",
        }
    }
}

/// Whether an attribute takes `= ".."`; the text is the example that errors show.
#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    Text(&'static str),
    Either(&'static str),
    /// A text, or the path of a constant text.
    TextOrPath(&'static str, &'static str),
}

struct Known {
    name: &'static str,
    places: &'static [Place],
    takes: Takes,
}

const fn known(name: &'static str, places: &'static [Place], takes: Takes) -> Known {
    Known {
        name,
        places,
        takes,
    }
}

const KNOWN: &[Known] = &[
    known(
        "name",
        &[Place::Container],
        Takes::TextOrPath("orders", "ORDERS"),
    ),
    known(
        "rename_all",
        &[Place::Container, Place::Variant],
        Takes::Text("camelCase"),
    ),
    known(
        "rename_all_fields",
        &[Place::Container],
        Takes::Text("camelCase"),
    ),
    known("tag", &[Place::Container], Takes::Text("kind")),
    known("deny_unknown_fields", &[Place::Container], Takes::Nothing),
    known("ignore_serde", &[Place::Container], Takes::Nothing),
    known(
        "crate",
        &[Place::Container],
        Takes::Text("my_crate::stream_lib"),
    ),
    known(
        "rename",
        &[Place::Field, Place::Variant],
        Takes::Text("order_id"),
    ),
    known("alias", &[Place::Field, Place::Variant], Takes::Text("id")),
    known("other", &[Place::Variant], Takes::Nothing),
    known(
        "default",
        &[Place::Field],
        Takes::Either("path::to_function"),
    ),
    known("skip", &[Place::Field], Takes::Nothing),
    known("json", &[Place::Field], Takes::Nothing),
    known("text", &[Place::Field], Takes::Nothing),
    known("with", &[Place::Field], Takes::Text("path::to_module")),
    known("flatten", &[Place::Field], Takes::Nothing),
    known("idempotency_key", &[Place::Field], Takes::Nothing),
    known("key", &[Place::Field], Takes::Nothing),
    known("sensitive", &[Place::Field], Takes::Nothing),
];

/// The attributes of one type, variant or field.
pub(crate) struct Attrs(Vec<Attr>);

pub(crate) struct Attr {
    pub(crate) name: &'static str,
    pub(crate) key: Ident,
    pub(crate) text: Option<LitStr>,
    /// The constant, if one was named in place of the text.
    pub(crate) path: Option<ExprPath>,
}

impl Attrs {
    pub(crate) fn parse(attributes: &[Attribute], place: Place, errors: &mut Errors) -> Self {
        let mut attrs: Vec<Attr> = Vec::new();
        for item in items(attributes, errors) {
            let Some(attr) = recognise(item, place, errors) else {
                continue;
            };
            if attr.name != "alias" && attrs.iter().any(|other| other.name == attr.name) {
                errors.on(&attr.key, format!("`{}` is given twice", attr.name));
                continue;
            }
            attrs.push(attr);
        }
        Self(attrs)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Attr> {
        self.0.iter()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Attr> {
        self.iter().find(|attr| attr.name == name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&LitStr> {
        self.find(name)?.text.as_ref()
    }

    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &LitStr> {
        self.iter()
            .filter(move |attr| attr.name == name)
            .filter_map(|attr| attr.text.as_ref())
    }
}

/// Matches an item with the known attributes, or returns its mistake.
fn recognise(item: Item, place: Place, errors: &mut Errors) -> Option<Attr> {
    let Item { key, value } = item;
    let written = key.unraw().to_string();
    let Some(known) = KNOWN.iter().find(|known| known.name == written) else {
        errors.on(&key, unknown(&written, place));
        return None;
    };
    if !known.places.contains(&place) {
        let places: Vec<_> = known.places.iter().map(|place| place.name()).collect();
        let places = places.join(" or ");
        errors.on(
            &key,
            format!("`{written}` goes on {places}, not on {}", place.name()),
        );
        return None;
    }
    let (text, path) = match (known.takes, value) {
        (Takes::Nothing | Takes::Either(_), Value::None) => (None, None),
        (Takes::Text(_) | Takes::Either(_) | Takes::TextOrPath(..), Value::Text(text)) => {
            (Some(text), None)
        }
        (Takes::TextOrPath(..), Value::Path(path)) => (None, Some(path)),
        (Takes::Nothing, value) => {
            errors.on(value, format!("`{written}` takes no value"));
            return None;
        }
        (Takes::Text(example) | Takes::TextOrPath(example, _), Value::None) => {
            errors.on(
                &key,
                format!("`{written}` needs a value: `{written} = \"{example}\"`"),
            );
            return None;
        }
        (Takes::Text(example) | Takes::Either(example), value) => {
            errors.on(
                value,
                format!("expected a string: `{written} = \"{example}\"`"),
            );
            return None;
        }
        (Takes::TextOrPath(example, path), value) => {
            let text = format!(
                "expected a string or the path of a constant: `{written} = \"{example}\"`, \
                 `{written} = {path}`"
            );
            errors.on(value, text);
            return None;
        }
    };
    Some(Attr {
        name: known.name,
        key,
        text,
        path,
    })
}

fn unknown(written: &str, place: Place) -> String {
    let here = || KNOWN.iter().filter(|known| known.places.contains(&place));
    let near = here()
        .map(|known| (distance(written, known.name), known.name))
        .filter(|(distance, name)| {
            *distance <= name.len().min(written.len()) / 3 || written.starts_with(name)
        })
        .min();
    if let Some((_, name)) = near {
        return format!("unknown attribute `{written}`, did you mean `{name}`?");
    }
    let names: Vec<_> = here().map(|known| format!("`{}`", known.name)).collect();
    let (place, names) = (place.name(), names.join(", "));
    format!("unknown attribute `{written}`; on {place} there are {names}")
}

/// The number of letters that differ (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, r) in row.iter_mut().skip(1).zip(right.chars()) {
            let replaced = diagonal + usize::from(l != r);
            diagonal = *cell;
            *cell = replaced.min(diagonal + 1).min(before + 1);
            before = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// One comma-separated part of `#[stream(..)]`, known or not.
struct Item {
    key: Ident,
    value: Value,
}

enum Value {
    None,
    Text(LitStr),
    Path(ExprPath),
    Other(TokenStream),
}

impl ToTokens for Value {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::None => {}
            Self::Text(text) => text.to_tokens(tokens),
            Self::Path(path) => path.to_tokens(tokens),
            Self::Other(other) => other.to_tokens(tokens),
        }
    }
}

fn items(attributes: &[Attribute], errors: &mut Errors) -> Vec<Item> {
    let mut items = Vec::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("stream"))
    {
        let Meta::List(list) = &attribute.meta else {
            errors.on(&attribute.meta, "expected `#[stream(..)]`");
            continue;
        };
        let parsed = list.parse_args_with(|input: ParseStream<'_>| {
            parse_items(input, &mut items, errors);
            Ok(())
        });
        if let Err(error) = parsed {
            errors.add(error);
        }
    }
    items
}

/// Reads all items. After a mistake, goes on after the next comma.
fn parse_items(input: ParseStream<'_>, items: &mut Vec<Item>, errors: &mut Errors) {
    while !input.is_empty() {
        let item = Item::parse(input).and_then(|item| {
            if input.is_empty() || input.peek(Token![,]) {
                Ok(item)
            } else {
                Err(input.error("expected `,`"))
            }
        });
        match item {
            Ok(item) => items.push(item),
            Err(error) => {
                errors.add(error);
                skip_to_comma(input);
            }
        }
        let _: Option<Token![,]> = input.parse().unwrap_or_default();
    }
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error("expected an attribute such as `rename = \"..\"`"));
        }
        let key = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            match ungrouped(input.parse()?) {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Value::Text(text),
                Expr::Path(path) => Value::Path(path),
                other => Value::Other(other.into_token_stream()),
            }
        } else if input.peek(token::Paren) {
            Value::Other(input.parse::<TokenTree>()?.into_token_stream())
        } else {
            Value::None
        };
        Ok(Self { key, value })
    }
}

/// Removes the invisible brackets around the output of a `macro_rules!`.
fn ungrouped(mut expression: Expr) -> Expr {
    while let Expr::Group(group) = expression {
        expression = *group.expr;
    }
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_differing_letters() {
        assert_eq!(distance("rename", "rename"), 0);
        assert_eq!(distance("renam", "rename"), 1);
        assert_eq!(distance("", "tag"), 3);
        assert_eq!(distance("falten", "flatten"), 2);
    }

    #[test]
    fn near_names_are_proposed() {
        assert!(unknown("falten", Place::Field).contains("did you mean `flatten`?"));
        assert!(unknown("skip_serializing", Place::Field).contains("did you mean `skip`?"));
        assert!(unknown("zzz", Place::Field).contains("on a field there are `rename`"));
    }
}
