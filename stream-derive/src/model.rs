//! The user's type in the terms of messages: fields with their names in the entry,
//! variants with their tags.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DataEnum, DeriveInput, Fields, GenericArgument, Generics, Ident, LitStr,
    Member, Path, PathArguments, Type,
};

use crate::attr::{Attr, Attrs, Errors, Place};
use crate::case::Case;

/// A type that derives `StreamMessage`.
pub(crate) struct Model<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) attrs: Attrs,
    /// The path of the library in generated code.
    pub(crate) private: TokenStream,
    pub(crate) body: Body<'a>,
}

pub(crate) enum Body<'a> {
    /// A message: the fields of a struct.
    Struct(Vec<Field<'a>>),
    /// A message: one of several, told apart by a tag.
    Enum(Name, Vec<Variant<'a>>),
    /// A field value: a struct around one other value.
    Newtype(Box<Field<'a>>),
    /// A field value: one of several words.
    Choice(Vec<Variant<'a>>),
}

pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    /// All attributes, also of other derives.
    pub(crate) written: &'a [Attribute],
    pub(crate) attrs: Attrs,
    /// The value of the tag.
    pub(crate) name: Name,
    pub(crate) aliases: Vec<Name>,
    pub(crate) shape: Shape<'a>,
}

pub(crate) enum Shape<'a> {
    Unit,
    Named(Vec<Field<'a>>),
    /// Another message, or, in a choice, another value.
    Newtype(&'a Type),
}

pub(crate) struct Field<'a> {
    pub(crate) member: Member,
    pub(crate) ty: &'a Type,
    /// All attributes, also of other derives.
    pub(crate) written: &'a [Attribute],
    pub(crate) attrs: Attrs,
    /// The name in the entry.
    pub(crate) name: Name,
    pub(crate) aliases: Vec<Name>,
    pub(crate) form: Form,
    pub(crate) default: Default,
}

/// The form of a field in the entry.
pub(crate) enum Form {
    Plain,
    Json,
    /// By `Display` and `FromStr`.
    Text,
    With(Path),
    Flatten,
    Skip,
}

/// The value of an absent field.
pub(crate) enum Default {
    None,
    Trait,
    Path(Path),
}

/// A name in an entry, and where it was written.
#[derive(Clone)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl From<&LitStr> for Name {
    fn from(literal: &LitStr) -> Self {
        Self {
            text: literal.value(),
            span: literal.span(),
        }
    }
}

impl<'a> Model<'a> {
    /// Reads the type; `None` where it can't be a message at all.
    pub(crate) fn read(input: &'a DeriveInput, errors: &mut Errors) -> Option<Self> {
        let attrs = Attrs::parse(&input.attrs, Place::Container, errors);
        let private = private_path(&attrs, errors);
        let body = match &input.data {
            Data::Struct(data) => read_struct(&input.ident, &data.fields, &attrs, errors),
            Data::Enum(data) => read_enum(&input.ident, data, &attrs, errors),
            Data::Union(data) => {
                errors.on(data.union_token, "a union can't be a message");
                None
            }
        };
        Some(Self {
            ident: &input.ident,
            generics: &input.generics,
            attrs,
            private,
            body: body?,
        })
    }

    /// The name of the stream: a text, or a constant.
    pub(crate) fn stream(&self) -> Option<TokenStream> {
        let Attr { text, path, .. } = self.attrs.find("name")?;
        Some(quote!(#text #path))
    }

    /// Whether the type borrows, so that it can only be written.
    pub(crate) fn borrows(&self) -> bool {
        self.generics.lifetimes().next().is_some()
            || self
                .types()
                .any(|ty| mentions(ty, |token| is_punct(token, '&')))
    }

    /// Whether a type depends on the type parameters.
    pub(crate) fn is_generic(&self, ty: &Type) -> bool {
        mentions(ty, |token| match token {
            TokenTree::Ident(ident) => self.generics.type_params().any(|p| p.ident == *ident),
            _ => false,
        })
    }

    pub(crate) fn variants(&self) -> &[Variant<'a>] {
        match &self.body {
            Body::Enum(_, variants) | Body::Choice(variants) => variants,
            Body::Struct(_) | Body::Newtype(_) => &[],
        }
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field<'a>> {
        let own: &[Field<'a>] = match &self.body {
            Body::Struct(fields) => fields,
            Body::Newtype(field) => std::slice::from_ref(&**field),
            Body::Enum(..) | Body::Choice(_) => &[],
        };
        own.iter().chain(
            self.variants()
                .iter()
                .flat_map(|variant| variant.shape.fields()),
        )
    }

    /// The types that are read by their own code.
    fn types(&self) -> impl Iterator<Item = &'a Type> {
        let fields = self
            .fields()
            .filter(|field| !matches!(field.form, Form::Skip | Form::With(_)))
            .map(|field| field.ty);
        let newtypes = self
            .variants()
            .iter()
            .filter_map(|variant| match variant.shape {
                Shape::Newtype(ty) => Some(ty),
                _ => None,
            });
        fields.chain(newtypes)
    }
}

impl<'a> Field<'a> {
    /// Whether its value is sensitive.
    pub(crate) fn is_sensitive(&self) -> bool {
        self.attrs.has("sensitive")
    }

    /// The type that the user's format is for: the type in an `Option`, whose `None` is
    /// an absent field.
    pub(crate) fn optional(&self) -> Option<&'a Type> {
        match self.form {
            Form::Text | Form::With(_) => option_of(self.ty),
            Form::Plain | Form::Json | Form::Flatten | Form::Skip => None,
        }
    }

    /// The type whose values are written: the type in the `Option`, if it is one.
    pub(crate) fn held(&self) -> &'a Type {
        self.optional().unwrap_or(self.ty)
    }
}

impl<'a> Shape<'a> {
    pub(crate) fn fields(&self) -> &[Field<'a>] {
        match self {
            Self::Named(fields) => fields,
            Self::Unit | Self::Newtype(_) => &[],
        }
    }
}

impl Variant<'_> {
    pub(crate) fn is_other(&self) -> bool {
        self.attrs.has("other")
    }
}

fn private_path(attrs: &Attrs, errors: &mut Errors) -> TokenStream {
    let path = attrs
        .text("crate")
        .and_then(|text| parse_path(text, errors));
    path.map_or_else(
        || quote!(::stream_lib::__private),
        |path| quote!(#path::__private),
    )
}

fn read_struct<'a>(
    ident: &Ident,
    fields: &'a Fields,
    attrs: &Attrs,
    errors: &mut Errors,
) -> Option<Body<'a>> {
    let case = read_case(attrs, "rename_all", errors);
    match fields {
        Fields::Named(_) => Some(Body::Struct(read_fields(fields, case, errors))),
        Fields::Unnamed(_) => {
            let mut fields = read_fields(fields, None, errors);
            if fields.len() == 1 {
                fields.pop().map(|field| Body::Newtype(Box::new(field)))
            } else {
                errors.on(ident, "a message needs named fields; a tuple has none");
                None
            }
        }
        Fields::Unit => {
            errors.on(
                ident,
                "a message needs at least one field: Redis refuses an empty entry",
            );
            None
        }
    }
}

fn read_enum<'a>(
    ident: &Ident,
    data: &'a DataEnum,
    attrs: &Attrs,
    errors: &mut Errors,
) -> Option<Body<'a>> {
    let case = read_case(attrs, "rename_all", errors);
    let field_case = read_case(attrs, "rename_all_fields", errors);
    let mut variants = Vec::new();
    for variant in &data.variants {
        let attrs = Attrs::parse(&variant.attrs, Place::Variant, errors);
        let field_case = read_case(&attrs, "rename_all", errors).or(field_case);
        let written = variant.ident.unraw().to_string();
        let shape = match &variant.fields {
            Fields::Unit => Shape::Unit,
            Fields::Named(_) => Shape::Named(read_fields(&variant.fields, field_case, errors)),
            Fields::Unnamed(fields) => {
                let Some(ty) = read_newtype(&fields.unnamed, errors) else {
                    errors.on(&variant.ident, VARIANT_SHAPES);
                    continue;
                };
                Shape::Newtype(ty)
            }
        };
        variants.push(Variant {
            ident: &variant.ident,
            written: &variant.attrs,
            name: read_name(
                &attrs,
                case.map_or(written.clone(), |c| c.variant(&written)),
                &variant.ident,
            ),
            aliases: attrs.texts("alias").map(Name::from).collect(),
            attrs,
            shape,
        });
    }
    if data.variants.is_empty() {
        errors.on(ident, "an enum without variants has no values to write");
        return None;
    }
    match attrs.find("tag") {
        Some(tag) => Some(Body::Enum(Name::from(tag.text.as_ref()?), variants)),
        None => Some(Body::Choice(variants)),
    }
}

const VARIANT_SHAPES: &str = "a variant has named fields, holds one other message, or has nothing";

fn read_newtype<'a>(
    fields: impl IntoIterator<Item = &'a syn::Field>,
    errors: &mut Errors,
) -> Option<&'a Type> {
    let mut fields = fields.into_iter();
    let (field, None) = (fields.next()?, fields.next()) else {
        return None;
    };
    for attr in Attrs::parse(&field.attrs, Place::Field, errors).iter() {
        let text = format!(
            "`{}` has no meaning here: the variant holds a whole message",
            attr.name
        );
        errors.on(&attr.key, text);
    }
    Some(&field.ty)
}

fn read_fields<'a>(fields: &'a Fields, case: Option<Case>, errors: &mut Errors) -> Vec<Field<'a>> {
    fields
        .iter()
        .zip(fields.members())
        .map(|(field, member)| {
            let attrs = Attrs::parse(&field.attrs, Place::Field, errors);
            let written = match &member {
                Member::Named(ident) => ident.unraw().to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            };
            let written = case.map_or(written.clone(), |case| case.field(&written));
            Field {
                name: match &field.ident {
                    Some(ident) => read_name(&attrs, written, ident),
                    None => read_name(&attrs, written, &field.ty),
                },
                aliases: attrs.texts("alias").map(Name::from).collect(),
                form: read_form(&attrs, errors),
                default: read_default(&attrs, errors),
                member,
                ty: &field.ty,
                written: &field.attrs,
                attrs,
            }
        })
        .collect()
}

fn read_name(attrs: &Attrs, written: String, place: &impl Spanned) -> Name {
    attrs.text("rename").map_or_else(
        || Name {
            text: written,
            span: place.span(),
        },
        Name::from,
    )
}

fn read_form(attrs: &Attrs, errors: &mut Errors) -> Form {
    if attrs.has("skip") {
        Form::Skip
    } else if attrs.has("flatten") {
        Form::Flatten
    } else if attrs.has("json") {
        Form::Json
    } else if attrs.has("text") {
        Form::Text
    } else if let Some(module) = attrs.text("with").and_then(|text| parse_path(text, errors)) {
        Form::With(module)
    } else {
        Form::Plain
    }
}

fn read_default(attrs: &Attrs, errors: &mut Errors) -> Default {
    match attrs.find("default") {
        Some(attr) => match &attr.text {
            Some(text) => parse_path(text, errors).map_or(Default::Trait, Default::Path),
            None => Default::Trait,
        },
        None => Default::None,
    }
}

fn read_case(attrs: &Attrs, name: &str, errors: &mut Errors) -> Option<Case> {
    let text = attrs.text(name)?;
    let case = Case::parse(&text.value());
    if case.is_none() {
        let known: Vec<_> = Case::ALL
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        errors.on(
            text,
            format!("unknown case; there are {}", known.join(", ")),
        );
    }
    case
}

fn parse_path(text: &LitStr, errors: &mut Errors) -> Option<Path> {
    let path = text.parse_with(Path::parse_mod_style);
    if path.is_err() {
        errors.on(text, "expected a path such as `\"my_module::my_item\"`");
    }
    path.ok()
}

/// Whether any token of a type, at any depth, matches.
fn mentions(ty: &Type, is_it: impl Fn(&TokenTree) -> bool + Copy) -> bool {
    fn search(tokens: TokenStream, is_it: impl Fn(&TokenTree) -> bool + Copy) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Group(group) => search(group.stream(), is_it),
            token => is_it(&token),
        })
    }
    search(ty.to_token_stream(), is_it)
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

/// The type in a type that is spelled as an `Option`. For aliases only a trait can tell.
pub(crate) fn option_of(ty: &Type) -> Option<&Type> {
    let last = match ty {
        Type::Path(path) => path.path.segments.last()?,
        // The brackets around the output of a `macro_rules!`.
        Type::Group(group) => return option_of(&group.elem),
        _ => return None,
    };
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) if last.ident == "Option" => {
            match arguments.args.first()? {
                GenericArgument::Type(inner) => Some(inner),
                _ => None,
            }
        }
        _ => None,
    }
}
