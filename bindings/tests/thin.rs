//! The bindings forward and never decide. Measured in their own sources: no function branches, loops or chooses in any other
//! way, and none is long, but for those that are listed here with a reason.

use std::collections::BTreeMap;
use std::path::Path;

use syn::visit::{self, Visit};

/// Most statements of a function, those of its closures included.
const MOST: usize = 5;

/// Functions that branch, and why that is no decision about a notebook.
const BRANCHES: &[(&str, &str)] = &[
    ("nearby.rs: shows_code", "what is no announcement shows no code, and core has both questions"),
    ("notebook.rs: Notebook: open", "who brings no clock gets the one that core brings"),
    ("notebook.rs: guarded", "the words of a panic come in one of two types"),
    ("notebook.rs: told_by", "a clock on the other side that fails is no reason to stop"),
    ("run.rs: Run: goes_on", "a flag becomes the error that ends the work"),
    ("shell.rs: ShellFailure as carrier::ShellFailure: from", "an enum of the boundary in the core's own words"),
];

/// Methods that choose: between two values, how many of them and in which order, or whether something is done at all. `find`
/// and its like are not among them, for the notebook's own questions are called so; nor is the `take` that takes no number.
const CHOOSING: &[&str] = &[
    "all",
    "and_then",
    "any",
    "clamp",
    "cmp",
    "contains",
    "dedup",
    "dedup_by",
    "dedup_by_key",
    "eq",
    "filter",
    "filter_map",
    "find_map",
    "first",
    "is_err",
    "is_err_and",
    "is_none",
    "is_none_or",
    "is_ok",
    "is_ok_and",
    "is_some",
    "is_some_and",
    "last",
    "map_or",
    "map_or_else",
    "map_while",
    "max",
    "max_by",
    "max_by_key",
    "min",
    "min_by",
    "min_by_key",
    "ne",
    "nth",
    "or",
    "or_else",
    "partition",
    "position",
    "retain",
    "rev",
    "skip",
    "skip_while",
    "sort",
    "sort_by",
    "sort_by_key",
    "sort_unstable",
    "sort_unstable_by",
    "sort_unstable_by_key",
    "starts_with",
    "step_by",
    "take_while",
    "then",
    "then_some",
    "truncate",
    "unwrap_or",
    "unwrap_or_default",
    "unwrap_or_else",
];

/// What stands in a lock that somebody panicked over is as good as before: a way through, and no choice.
const UNPOISONED: &str = "PoisonError :: into_inner";

#[test]
fn the_bindings_forward_and_never_decide() {
    let functions = functions();
    assert!(functions.len() > 120, "only {} functions were found: is this still the place?", functions.len());
    let mut wrong = Vec::new();
    for (name, found) in &functions {
        let is_argued = BRANCHES.iter().any(|(argued, _)| argued == name);
        if found.branches > 0 && !is_argued {
            wrong.push(format!("{name} decides: `if`, `match`, loops and whatever else chooses belong into core"));
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
    let found = found("if true { }");
    assert_eq!(found.branches, 1);
    assert!(found.is_exported && !found.answers_result);
}

#[test]
fn a_rule_without_an_if_is_seen_all_the_same() {
    for slipped in [
        "a.then_some(b)",
        "a.map_or(b, c)",
        "a.or_else(b)",
        "a.is_some_and(b)",
        "a.iter().filter(b).count()",
        "a.unwrap_or(b)",
        "a && b",
        "a || b",
        "a == b",
        "a < b",
        "!a",
        "a + b",
        "-a",
        "a += b",
        "a.min(b)",
        "a.clamp(b, c)",
        "a.is_some()",
        "a.iter().take(b).count()",
        "a.iter().find_map(b)",
        "a.sort_by_key(b)",
        "matches!(a, B)",
        "let Some(b) = a else { return };",
        "g(|c| match c { _ => 1 })",
        "while a { }",
    ] {
        assert_eq!(found(slipped).branches, 1, "{slipped}");
    }
    for forwarding in [
        "self.ask(|notebook| notebook.find(&a, b))",
        "a.lock().unwrap_or_else(PoisonError::into_inner)",
        "drop(a.take())",
        "f(&*a)",
    ] {
        assert_eq!(found(forwarding).branches, 0, "{forwarding}");
    }
}

/// What is seen of a function with this body.
fn found(body: &str) -> Found {
    let file = format!("#[uniffi::export] impl A {{ pub fn f(&self) {{ {body} }} }}");
    let mut seen = Seen::new("x.rs");
    seen.visit_file(&syn::parse_file(&file).expect("it is Rust"));
    seen.found.remove("x.rs: A: f").expect("it was seen")
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

    fn chooses(&mut self, does: bool) {
        if let Some(found) = self.here() {
            found.branches += usize::from(does);
        }
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
        use syn::Expr::{Binary, ForLoop, If, Loop, Match, MethodCall, Unary, While};
        let chooses = match expression {
            // To compare and to compute is to know a rule.
            If(_) | Match(_) | Loop(_) | While(_) | ForLoop(_) | Binary(_) => true,
            Unary(unary) => !matches!(unary.op, syn::UnOp::Deref(_)),
            MethodCall(call) if call.method == "take" => !call.args.is_empty(),
            MethodCall(call) => CHOOSING.contains(&call.method.to_string().as_str()) && words(&call.args) != UNPOISONED,
            _ => false,
        };
        self.chooses(chooses);
        visit::visit_expr(self, expression);
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        self.chooses(local.init.as_ref().is_some_and(|init| init.diverge.is_some()));
        visit::visit_local(self, local);
    }

    fn visit_macro(&mut self, used: &'a syn::Macro) {
        self.chooses(used.path.is_ident("matches"));
        visit::visit_macro(self, used);
    }
}

fn exported(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| words(attribute.path()) == "uniffi :: export")
}

fn words(of: &impl quote::ToTokens) -> String {
    of.to_token_stream().to_string()
}
