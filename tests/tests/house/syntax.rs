//! The definitions, imports and names of one module, without code for tests.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, File, ImplItem, Item, ItemMod, ItemUse, Meta, UseTree};

/// A path as it stands in the code: `crate::error::Error`.
#[derive(Debug, Clone)]
pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// One name of a `use`.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    /// What the name is here; none for `as _` and for `*`.
    pub(crate) name: Option<String>,
    pub(crate) mention: Mention,
    pub(crate) is_glob: bool,
}

/// A module that lies in a file of its own or within another one.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) name: String,
    /// From `#[path = "…"]`.
    pub(crate) path: Option<String>,
    /// The items, if they lie between braces.
    pub(crate) inline: Option<Contents>,
}

#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) defined: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    pub(crate) mentions: Vec<Mention>,
    /// Strings, those of bytes included, and their lines.
    pub(crate) strings: Vec<(String, usize)>,
    pub(crate) children: Vec<Child>,
}

impl Contents {
    pub(crate) fn parse(file: &str, text: &str) -> Self {
        let parsed: File = syn::parse_file(text).unwrap_or_else(|e| panic!("{file}: {e}"));
        Self::of(&parsed.items)
    }

    fn of(items: &[Item]) -> Self {
        let mut contents = Self::default();
        for item in items {
            if !is_for_tests(attributes(item)) {
                contents.defined.extend(name_of(item));
                contents.visit_item(item);
            }
        }
        contents
    }

    fn import(&mut self, tree: &UseTree, before: &[String]) {
        let step = |ident: &syn::Ident| {
            let mut path = before.to_vec();
            // `use a::{self}` names `a`.
            if ident != "self" || path.is_empty() {
                path.push(ident.to_string());
            }
            path
        };
        let mut leaf = |path: Vec<String>, name: Option<String>, line: usize, is_glob| {
            let mention = Mention { path, line };
            self.imports.push(Import {
                name,
                mention,
                is_glob,
            });
        };
        match tree {
            UseTree::Path(part) => self.import(&part.tree, &step(&part.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|t| self.import(t, before)),
            UseTree::Name(name) => {
                let path = step(&name.ident);
                let bound = path.last().cloned();
                leaf(path, bound, name.ident.span().start().line, false);
            }
            UseTree::Rename(rename) => {
                let line = rename.ident.span().start().line;
                let bound = Some(rename.rename.to_string()).filter(|name| name != "_");
                leaf(step(&rename.ident), bound, line, false);
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                leaf(before.to_vec(), None, line, true);
            }
        }
    }

    /// Finds `a::b::c` in what a macro is given, or made of.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        let mut end = |path: &mut Vec<String>, line| {
            let path = std::mem::take(path);
            if path.len() > 1 {
                self.mentions.push(Mention { path, line });
            }
        };
        let (mut groups, mut literals) = (Vec::new(), Vec::new());
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        end(&mut path, line);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    end(&mut path, line);
                    colons = 0;
                    match other {
                        TokenTree::Group(group) => groups.push(group.stream()),
                        TokenTree::Literal(literal) => literals.push(literal),
                        _ => {}
                    }
                }
            }
        }
        end(&mut path, line);
        for literal in literals {
            self.visit_lit(&syn::Lit::new(literal));
        }
        for group in groups {
            self.read_tokens(group);
        }
    }
}

impl<'ast> Visit<'ast> for Contents {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => return visit::visit_impl_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.children.push(Child {
            name: module.ident.to_string(),
            path: module.attrs.iter().find_map(path_attribute),
            inline: module.content.as_ref().map(|(_, items)| Self::of(items)),
        });
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.import(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none()
            && path.segments.len() > 1
            && let Some(first) = path.segments.first()
        {
            self.mentions.push(Mention {
                path: path.segments.iter().map(|s| s.ident.to_string()).collect(),
                line: first.ident.span().start().line,
            });
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.read_tokens(call.tokens.clone());
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        let line = text.span().start().line;
        self.strings.push((text.value(), line));
    }

    fn visit_lit_byte_str(&mut self, bytes: &'ast syn::LitByteStr) {
        let text = String::from_utf8_lossy(&bytes.value()).into_owned();
        self.strings.push((text, bytes.span().start().line));
    }

    /// `pub(super)` names no item.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

/// Whether `cfg` leaves the item to tests.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => asks_for_test(list.tokens.clone()),
        _ => false,
    })
}

/// `test` and `all(test, …)`, but not `not(test)` nor `any(test, …)`.
fn asks_for_test(condition: TokenStream) -> bool {
    let mut last = String::new();
    condition.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => {
            last = ident.to_string();
            last == "test"
        }
        TokenTree::Group(group) => last == "all" && asks_for_test(group.stream()),
        _ => false,
    })
}

fn path_attribute(attribute: &Attribute) -> Option<String> {
    let meta = attribute.meta.require_name_value().ok()?;
    let syn::Expr::Lit(value) = &meta.value else {
        return None;
    };
    match &value.lit {
        syn::Lit::Str(path) if meta.path.is_ident("path") => Some(path.value()),
        _ => None,
    }
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
