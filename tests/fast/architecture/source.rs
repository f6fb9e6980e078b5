//! The modules of the library and what each uses of the others, read from its source.
//!
//! A name that a module only passes on (`pub use`) counts as a use of the module that defines
//! it. Code for tests is left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, UseTree};

use super::graph::{Arrow, Place};

/// The source, by paths such as `src/cli/table.rs`.
pub(crate) enum Files {
    Directory(PathBuf),
    Given(BTreeMap<&'static str, &'static str>),
}

impl Files {
    fn read(&self, path: &str) -> Option<String> {
        match self {
            Self::Directory(root) => fs::read_to_string(root.join(path)).ok(),
            Self::Given(files) => files.get(path).map(ToString::to_string),
        }
    }
}

/// All modules of the library.
pub(crate) struct Crate {
    modules: Vec<Module>,
    arrows: Vec<Arrow>,
}

struct Module {
    place: Place,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// The names that `use` brings into the module, and the paths that they stand for.
    imports: BTreeMap<String, Vec<String>>,
    uses: Vec<Use>,
}

/// A path as it is written.
struct Use {
    path: Vec<String>,
    line: usize,
}

impl Crate {
    pub(crate) fn read(files: &Files) -> Self {
        let mut library = Self {
            modules: Vec::new(),
            arrows: Vec::new(),
        };
        let text = files
            .read("src/lib.rs")
            .expect("a library has a src/lib.rs");
        let place = Place {
            module: "crate".to_owned(),
            file: "src/lib.rs".to_owned(),
        };
        let items = parse(&place, &text);
        library.add(files, None, place, &items);
        library.arrows = library.find_arrows();
        library
    }

    pub(crate) fn arrows(&self) -> &[Arrow] {
        &self.arrows
    }

    /// The names of a module's child modules.
    pub(crate) fn children(&self, module: &str) -> impl Iterator<Item = &str> {
        let modules = self.modules.iter();
        modules
            .filter(move |other| other.place.module == module)
            .flat_map(|module| module.children.keys())
            .map(String::as_str)
    }

    fn add(&mut self, files: &Files, parent: Option<usize>, place: Place, items: &[Item]) -> usize {
        let index = self.modules.len();
        self.modules.push(Module {
            place: place.clone(),
            parent,
            children: BTreeMap::new(),
            imports: BTreeMap::new(),
            uses: Vec::new(),
        });
        for item in items {
            if let Item::Mod(child) = item
                && !is_for_tests(&child.attrs)
            {
                let name = child.ident.to_string();
                let child = self.add_child(files, index, &place, child);
                self.modules[index].children.insert(name, child);
            }
        }
        let mut finder = Finder {
            children: self.modules[index].children.keys().cloned().collect(),
            imports: BTreeMap::new(),
            uses: Vec::new(),
        };
        items.iter().for_each(|item| finder.visit_item(item));
        self.modules[index].imports = finder.imports;
        self.modules[index].uses = finder.uses;
        index
    }

    fn add_child(&mut self, files: &Files, parent: usize, place: &Place, child: &ItemMod) -> usize {
        let module = format!("{}::{}", place.module, child.ident);
        if let Some((_, items)) = &child.content {
            let file = place.file.clone();
            return self.add(files, Some(parent), Place { module, file }, items);
        }
        let path = module.trim_start_matches("crate::").replace("::", "/");
        let (file, text) = [format!("src/{path}.rs"), format!("src/{path}/mod.rs")]
            .into_iter()
            .find_map(|file| Some((file.clone(), files.read(&file)?)))
            .unwrap_or_else(|| panic!("{module} has no file"));
        let place = Place { module, file };
        let items = parse(&place, &text);
        self.add(files, Some(parent), place, &items)
    }

    fn find_arrows(&self) -> Vec<Arrow> {
        let mut arrows = Vec::new();
        for (index, module) in self.modules.iter().enumerate() {
            for Use { path, line } in &module.uses {
                let Some(target) = self.resolve(index, path) else {
                    continue;
                };
                let to = &self.modules[target].place;
                if to.file != module.place.file {
                    arrows.push(Arrow {
                        from: module.place.clone(),
                        to: to.clone(),
                        path: path.join("::"),
                        line: *line,
                    });
                }
            }
        }
        arrows
    }

    /// Finds the module that defines what `path` names in the module `from`; `None` for what
    /// belongs to another crate.
    fn resolve(&self, from: usize, path: &[String]) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        let module = &self.modules[from];
        match first.as_str() {
            "crate" => self.descend(0, rest),
            "self" => self.descend(from, rest),
            "super" => match rest.first().map(String::as_str) {
                Some("super") => self.resolve(module.parent?, rest),
                _ => self.descend(module.parent?, rest),
            },
            name => {
                if let Some(&child) = module.children.get(name) {
                    return self.descend(child, rest);
                }
                let import = module.imports.get(name)?;
                // `use name::Item` for a crate of that name.
                if import.first() == Some(first) {
                    return None;
                }
                self.resolve(from, &[import, rest].concat())
            }
        }
    }

    fn descend(&self, module: usize, path: &[String]) -> Option<usize> {
        let Some((name, rest)) = path.split_first() else {
            return Some(module);
        };
        if let Some(&child) = self.modules[module].children.get(name) {
            return self.descend(child, rest);
        }
        match self.modules[module].imports.get(name) {
            // What is passed on from another crate belongs to who passes it on.
            Some(import) => self
                .resolve(module, &[import, rest].concat())
                .or(Some(module)),
            None => Some(module),
        }
    }
}

fn parse(place: &Place, text: &str) -> Vec<Item> {
    match syn::parse_file(text) {
        Ok(file) => file.items,
        Err(error) => panic!("{}: {error}", place.file),
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let tokens = attribute
            .meta
            .require_list()
            .map(|list| list.tokens.to_string());
        attribute.path().is_ident("cfg") && tokens.is_ok_and(|tokens| tokens == "test")
    })
}

/// Collects the paths in the code of one module.
struct Finder {
    children: Vec<String>,
    imports: BTreeMap<String, Vec<String>>,
    uses: Vec<Use>,
}

impl Finder {
    fn import(&mut self, tree: &UseTree, prefix: &[String], line: usize) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        let (path, name) = match tree {
            UseTree::Path(path) => {
                return self.import(&path.tree, &with(&path.ident), line);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    let line = syn::spanned::Spanned::span(tree).start().line;
                    self.import(tree, prefix, line);
                }
                return;
            }
            UseTree::Name(name) if name.ident == "self" => {
                (prefix.to_vec(), prefix.last().cloned())
            }
            UseTree::Name(name) => (with(&name.ident), Some(name.ident.to_string())),
            UseTree::Rename(rename) if rename.ident == "self" => {
                (prefix.to_vec(), Some(rename.rename.to_string()))
            }
            UseTree::Rename(rename) => (with(&rename.ident), Some(rename.rename.to_string())),
            // The names come from the module itself.
            UseTree::Glob(_) => (prefix.to_vec(), None),
        };
        if let Some(name) = name {
            self.imports.insert(name, path.clone());
        }
        self.uses.push(Use { path, line });
    }

    /// Looks for paths in the words of a macro, which have no grammar.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let mut path = vec![first.to_string()];
                    while let (true, true, Some(TokenTree::Ident(next))) =
                        (is_colon(at + 1), is_colon(at + 2), tokens.get(at + 3))
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    self.path(path, first.span().start().line);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
    }

    fn path(&mut self, path: Vec<String>, line: usize) {
        let begins_here = ["crate", "self", "super"].contains(&path[0].as_str());
        if path.len() > 1 && (begins_here || self.children.contains(&path[0])) {
            self.uses.push(Use { path, line });
        }
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            // They are modules of their own.
            Item::Mod(_) => return,
            Item::Const(item) => &item.attrs,
            Item::Enum(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Macro(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Trait(item) => &item.attrs,
            Item::Type(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let line = item.use_token.span.start().line;
        self.import(&item.tree, &[], line);
    }

    /// `pub(in path)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        let line = path
            .segments
            .first()
            .map(|first| first.ident.span().start().line);
        self.path(names.collect(), line.unwrap_or_default());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, macro_call: &'ast Macro) {
        self.tokens(macro_call.tokens.clone());
        visit::visit_macro(self, macro_call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Ok(list) = attribute.meta.require_list() {
            self.tokens(list.tokens.clone());
        }
    }
}

#[test]
fn every_way_to_name_another_module_is_an_arrow_to_its_file() {
    let library = Crate::read(&Files::Given(BTreeMap::from([
        (
            "src/lib.rs",
            "mod a; mod b; mod inline { pub use super::b::Passed; }",
        ),
        (
            "src/a.rs",
            "pub mod inner; pub use inner::Item; pub const HERE: u8 = 0;",
        ),
        ("src/a/inner.rs", "pub struct Item; pub fn call() {}"),
        (
            "src/b.rs",
            "use std::{fmt, io::{self, Read as _}};
             use crate::{a::{self, inner::{self as deep, call}}, b};
             pub use serde::Passed;
             mod child;
             use super::a::Item as Renamed;
             #[cfg(test)] mod tests { use crate::a::HERE; }
             fn code() {
                 crate::a::inner::call();
                 let _ = [child::VALUE];
                 let _ = format!(\"{}\", crate::a::HERE);
             }
             #[error(\"{}\", super::a::Item)]
             struct Marked;",
        ),
        (
            "src/b/child.rs",
            "use super::super::inline::Passed; use super::Marked;",
        ),
    ])));
    let found: Vec<String> = library.arrows().iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "src/a.rs:1 uses inner::Item of src/a/inner.rs",
            "src/b.rs:2 uses crate::a of src/a.rs",
            "src/b.rs:2 uses crate::a::inner of src/a/inner.rs",
            "src/b.rs:2 uses crate::a::inner::call of src/a/inner.rs",
            "src/b.rs:5 uses super::a::Item of src/a/inner.rs",
            "src/b.rs:8 uses crate::a::inner::call of src/a/inner.rs",
            "src/b.rs:9 uses child::VALUE of src/b/child.rs",
            "src/b.rs:10 uses crate::a::HERE of src/a.rs",
            "src/b.rs:12 uses super::a::Item of src/a/inner.rs",
            "src/b/child.rs:1 uses super::super::inline::Passed of src/b.rs",
            "src/b/child.rs:1 uses super::Marked of src/b.rs",
            "src/lib.rs:1 uses super::b::Passed of src/b.rs",
        ]
    );
}
