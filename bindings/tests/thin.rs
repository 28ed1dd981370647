//! The bindings forward and never decide. Measured in their own sources: no function branches or loops, and none is long,
//! but for those that are listed here with a reason.

use std::collections::BTreeMap;
use std::path::Path;

use syn::visit::{self, Visit};

/// Most statements of a function, those of its closures included.
const MOST: usize = 5;

/// Functions that branch, and why that is no decision about a notebook.
const BRANCHES: &[(&str, &str)] =
    &[("shell.rs: ShellFailure as carrier::ShellFailure: from", "an enum of the boundary in the core's own words")];

#[test]
fn the_bindings_forward_and_never_decide() {
    let functions = functions();
    assert!(functions.len() > 120, "only {} functions were found: is this still the place?", functions.len());
    let mut wrong = Vec::new();
    for (name, found) in &functions {
        let is_argued = BRANCHES.iter().any(|(argued, _)| argued == name);
        if found.branches > 0 && !is_argued {
            wrong.push(format!("{name} decides: `if`, `match` and loops belong into core"));
        }
        if found.statements > MOST {
            wrong.push(format!("{name} has {} statements, and {MOST} are enough to forward", found.statements));
        }
    }
    for (argued, _) in BRANCHES {
        if functions.get(*argued).is_none_or(|found| found.branches == 0) {
            wrong.push(format!("{argued} is argued for and needs no argument any more"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_exported_function_answers_with_a_result() {
    let wrong: Vec<String> = functions()
        .into_iter()
        .filter(|(_, found)| found.is_exported && !found.answers_result)
        .map(|(name, _)| format!("{name}: a panic in it would end a program in Swift"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_rule_that_slips_in_is_seen() {
    let slipped = "#[uniffi::export] impl A { pub fn f(&self) { if true { } } }";
    let mut seen = Seen::new("x.rs");
    seen.visit_file(&syn::parse_file(slipped).expect("it is Rust"));
    assert_eq!(seen.found["x.rs: A: f"].branches, 1);
    assert!(seen.found["x.rs: A: f"].is_exported && !seen.found["x.rs: A: f"].answers_result);
}

/// What was seen of one function.
#[derive(Default)]
struct Found {
    branches: usize,
    statements: usize,
    is_exported: bool,
    answers_result: bool,
}

fn functions() -> BTreeMap<String, Found> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the sources are here") {
        let path = entry.expect("they can be listed").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("they can be read");
        let mut seen = Seen::new(&name);
        seen.visit_file(&syn::parse_file(&text).expect("they compile"));
        all.extend(seen.found);
    }
    all
}

/// Walks a file, and remembers in which function it is.
struct Seen {
    place: Vec<String>,
    is_exported: bool,
    found: BTreeMap<String, Found>,
}

impl Seen {
    fn new(file: &str) -> Self {
        Self { place: vec![file.into()], is_exported: false, found: BTreeMap::new() }
    }

    fn function(&mut self, signature: &syn::Signature, is_exported: bool, walk: impl FnOnce(&mut Self)) {
        self.place.push(signature.ident.to_string());
        let answer = match &signature.output {
            syn::ReturnType::Type(_, answer) => words(answer),
            syn::ReturnType::Default => String::new(),
        };
        let answers_result = answer.starts_with("Result") || answer.starts_with("Told") || answer.contains(":: Result");
        self.found.insert(self.place.join(": "), Found { is_exported, answers_result, ..Found::default() });
        walk(self);
        self.place.pop();
    }

    fn inside(&mut self, name: String, is_exported: bool, walk: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.is_exported, is_exported);
        self.place.push(name);
        walk(self);
        self.place.pop();
        self.is_exported = before;
    }

    fn here(&mut self) -> Option<&mut Found> {
        self.found.get_mut(&self.place.join(": "))
    }
}

impl<'a> Visit<'a> for Seen {
    fn visit_item_impl(&mut self, item: &'a syn::ItemImpl) {
        let who = words(&item.self_ty).replace(" :: ", "::");
        let who = match &item.trait_ {
            Some((_, of, _)) if words(of).starts_with("From") => {
                words(of).trim_start_matches("From < ").trim_end_matches(" >").to_string() + " as " + &who
            }
            _ => who,
        };
        self.inside(who, exported(&item.attrs), |seen| visit::visit_item_impl(seen, item));
    }

    fn visit_item_trait(&mut self, item: &'a syn::ItemTrait) {
        self.inside(item.ident.to_string(), exported(&item.attrs), |seen| visit::visit_item_trait(seen, item));
    }

    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !item.attrs.iter().any(|attribute| words(attribute) == "# [cfg (test)]") {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.function(&item.sig, exported(&item.attrs), |seen| visit::visit_item_fn(seen, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        let is_exported = self.is_exported;
        self.function(&item.sig, is_exported, |seen| visit::visit_impl_item_fn(seen, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        let is_exported = self.is_exported;
        self.function(&item.sig, is_exported, |seen| visit::visit_trait_item_fn(seen, item));
    }

    fn visit_stmt(&mut self, statement: &'a syn::Stmt) {
        if let Some(found) = self.here() {
            found.statements += 1;
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a syn::Expr) {
        use syn::Expr::{ForLoop, If, Loop, Match, While};
        if matches!(expression, If(_) | Match(_) | Loop(_) | While(_) | ForLoop(_))
            && let Some(found) = self.here()
        {
            found.branches += 1;
        }
        visit::visit_expr(self, expression);
    }
}

fn exported(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| words(attribute.path()) == "uniffi :: export")
}

fn words(of: &impl quote::ToTokens) -> String {
    of.to_token_stream().to_string()
}
