//! The house is in order: layers, reasons, tables that tell the truth, nothing unfinished.
//!
//! It reads the sources as text, so it holds for a file the compiler never sees on this machine. What the code does is
//! for the other tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

// ---- the layers -----------------------------------------------------------------------------------------------------

/// The modules of `core` from the ground up. A module may use those of a lower number, and itself.
const LAYERS: &[(&str, u32)] = &[
    ("error", 0),
    ("files", 0),
    ("model", 1),
    // These know `model` and nothing else, not even each other: that is why they share one number.
    ("jot", 2),
    ("import", 2),
    ("export", 2),
    ("photo", 2),
    ("demo", 2),
    ("document", 3),
    ("store", 4),
    ("query", 5),
    ("sync", 6),
    ("notebook", 7),
    // Only turns values into text and back, for `bindings`.
    ("bridge", 8),
];

/// Modules outside `store` and `query` that may name a type of rusqlite, and why. They speak no SQL.
const KNOWS_RUSQLITE: &[(&str, &str)] = &[
    ("core/src/error.rs", "sorts what the file refused by what the caller can do"),
    ("core/src/notebook/mod.rs", "hands the transaction that store opened to query"),
    ("core/src/notebook/commit.rs", "the one transaction in which store and query both write"),
    ("core/src/notebook/purge.rs", "asks query, inside the transaction that erases, who else names the person"),
];

#[test]
fn layers_use_only_what_lies_below_them() {
    let files = files();
    let doors = files.iter().find(|file| file.path == "core/src/lib.rs").map(reexports).unwrap_or_default();
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| file.is_rust_of("core/src/") && file.path != "core/src/lib.rs") {
        let Some(layer) = layer_of(&file.path) else {
            wrong.push(format!("{}: give it a place in LAYERS, and on the map in ARCHITECTURE.md", file.path));
            continue;
        };
        wrong.extend(layers_above(&file.path, layer, &file.product_code(), &doors));
    }
    none(wrong);
}

#[test]
fn automerge_is_named_under_document_only() {
    none(
        product_files()
            .filter(|file| !file.is_under(&["core/src/document"]))
            .flat_map(|file| file.lines_with_word("automerge"))
            .collect(),
    );
}

#[test]
fn sql_is_spoken_under_store_and_query_only() {
    let mut wrong = Vec::new();
    for file in product_files().filter(|file| !file.is_under(&["core/src/store", "core/src/query"])) {
        if !KNOWS_RUSQLITE.iter().any(|(path, _)| *path == file.path) {
            wrong.extend(file.lines_with_word("rusqlite"));
        }
        let strings = file.product_strings();
        wrong.extend(strings.iter().filter(|text| is_sql(text)).map(|text| format!("{}: {text:?}", file.path)));
    }
    none(wrong);
}

#[test]
fn the_model_knows_no_file_and_no_crdt() {
    const OUTSIDE: &[&str] = &["env", "fs", "io", "net", "os", "process", "thread"];
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| file.is_rust_of("core/src/model/")) {
        for word in ["automerge", "rusqlite", "getrandom", "SystemTime", "Instant"] {
            wrong.extend(file.lines_with_word(word));
        }
        let code = file.product_code();
        for (at, path) in paths(&code, "std").into_iter().chain(paths(&code, "chrono")) {
            if path.iter().any(|part| *part == "now" || OUTSIDE.contains(part)) {
                wrong.push(format!("{}:{}: {}", file.path, line_of(&code, at), path.join("::")));
            }
        }
        for word in ["now", "today"] {
            wrong.extend(file.lines_with(&format!("::{word}(")));
        }
    }
    none(wrong);
}

#[test]
fn the_core_neither_prints_nor_exits() {
    let mut wrong = Vec::new();
    for file in product_files().filter(|file| file.is_rust_of("core/src/")) {
        for loud in
            ["println!", "eprintln!", "print!", "eprint!", "dbg!", "process::exit", "process::abort", ".unwrap()"]
        {
            wrong.extend(file.lines_with(loud));
        }
    }
    for file in files().iter().filter(|file| file.is("Cargo.toml")) {
        wrong.extend(file.lines_with("panic = \"abort\""));
        if file.text.contains("[package]") && !file.text.contains("[lints]\nworkspace = true") {
            wrong.push(format!("{}: begins without the lints of the workspace", file.path));
        }
    }
    none(wrong);
}

// ---- what phones have -----------------------------------------------------------------------------------------------

/// Functions of the notebook that Kotlin, Swift and Python do not have, and why they need none.
const NOT_FOR_PHONES: &[(&str, &str)] = &[
    ("admit", "admit_who_shows takes the digits that a screen shows"),
    ("ask_for_roster", "a step of visit_chosen"),
    ("call", "visit does it, and remembers where the other device answered"),
    ("call_chosen", "visit_chosen does it, and remembers where the other device answered"),
    ("certain_match", "a step of jotting; a screen has contacts_meant"),
    ("check_file", "a part of check_up"),
    ("commit", "below write_down, put and save"),
    ("device", "whoever opened the notebook said it"),
    ("digest", "a part of check_up"),
    ("dump", "for tests"),
    ("edit", "draft and save keep what others wrote meanwhile"),
    ("exchange", "write_down does it for this kind"),
    ("export_json", "export_file, into a file"),
    ("export_vcards", "export_file, into a file"),
    ("get", "record, of whatever kind"),
    ("get_any", "get_as_shown has a person who is several records as one"),
    ("guests", "a step of serve"),
    ("history", "history_page has that of all that is shown as one"),
    ("history_as_shown", "history_page has it page by page"),
    ("import_json", "import_export, from a file"),
    ("is_behind", "go_on_the_network says so"),
    ("is_only_told", "who would change such a record is told"),
    ("kind_of", "record says it"),
    ("meet", "write_down does it for this kind"),
    ("member", "holds the keys of the device"),
    ("newest", "records, of whatever kind"),
    ("now", "a phone has a clock"),
    ("path", "whoever opened the notebook said it"),
    ("people", "people_where, with a filter or without"),
    ("people_named", "contacts_meant and find"),
    ("put", "put_any, of whatever kind"),
    ("read_for_edit", "draft, of whatever kind"),
    ("record_count", "what a program says before it joins; sizes has it"),
    ("remembered", "a phone remembers for itself what is its own"),
    ("restore", "bring_back, with all that belongs together"),
    ("serve", "a step of serve_next"),
    ("sync_over", "a step of visit and serve"),
    ("word_of_guest", "admit waits for it"),
    ("write", "several records at once; each kind of work has a function of its own"),
    ("zone", "today says which day it is"),
];

#[test]
fn every_function_of_the_notebook_is_there_for_phones_or_says_why_not() {
    let files = files();
    let code_of = |folder: &str| {
        let of_folder = files.iter().filter(move |file| file.is_rust_of(folder) && !file.is_test());
        of_folder.map(File::product_code).collect::<Vec<_>>()
    };
    let core = code_of("core/src/notebook/");
    let own: BTreeSet<&str> = core.iter().flat_map(|code| public_functions(code, "impl Notebook {")).collect();
    assert!(own.len() > 140, "only {} functions were found: is this still the place?", own.len());
    let bindings = code_of("bindings/src/").concat();
    let calls = |name: &str| {
        [".", "Notebook::"].iter().any(|before| {
            let call = format!("{before}{name}");
            let follows = |at: usize| bindings[at + call.len()..].chars().next();
            bindings.match_indices(&call).any(|(at, _)| follows(at).is_some_and(|next| "()".contains(next)))
        })
    };
    let mut wrong = Vec::new();
    for name in &own {
        let is_argued = NOT_FOR_PHONES.iter().any(|(argued, _)| argued == name);
        if !is_argued && !calls(name) {
            wrong.push(format!("Notebook::{name}: let phones have it, or say in NOT_FOR_PHONES why they need none"));
        }
    }
    let gone = NOT_FOR_PHONES.iter().filter(|(argued, _)| !own.contains(argued));
    wrong.extend(gone.map(|(argued, _)| format!("{argued} is argued for and is no function of the notebook")));
    none(wrong);
}

/// The public functions in all blocks of a file that begin so.
fn public_functions<'a>(code: &'a str, block: &str) -> Vec<&'a str> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(block) {
        let block = &code[at..];
        let block = &block[..block.find("\n}").unwrap_or(block.len())];
        let after = |line: &'a str| line.strip_prefix("    pub fn ")?.split(['(', '<']).next();
        names.extend(block.lines().filter_map(after));
    }
    names
}

// ---- the tables -----------------------------------------------------------------------------------------------------

/// How many practices each group has, from group 0 on.
const PRACTICES: [u32; 5] = [30, 47, 18, 18, 22];

#[test]
fn every_practice_has_its_row_and_every_named_test_exists() {
    let tests = tests_of(&files());
    let page = read("docs/practices.md");
    let rows: Vec<Vec<&str>> = table_rows(&page).filter(|row| row[0].contains('.')).collect();

    let expected: Vec<String> =
        (0..).zip(PRACTICES).flat_map(|(group, count)| (1..=count).map(move |n| format!("{group}.{n}"))).collect();
    assert_eq!(expected.len(), 135);
    let ids: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let missing: Vec<_> = expected.iter().filter(|id| !ids.contains(&id.as_str())).collect();
    assert!(missing.is_empty(), "docs/practices.md lacks {missing:?}");
    assert!(ids == expected, "docs/practices.md has a row too many, or one out of order: {ids:?}");

    let wrong: Vec<String> = rows.iter().flat_map(|row| practice_row(row, &tests)).collect();
    none(wrong);
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let tests = tests_of(&files());
    let page = read("ARCHITECTURE.md");
    let table = page.split("| no | invariant | test |").nth(1).expect("the table of invariants has its header");
    let rows: Vec<Vec<&str>> = table_rows(table).collect();
    let numbers: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"], "the invariants of ARCHITECTURE.md");
    let mut wrong = Vec::new();
    for row in rows {
        let [number, _, test] = row[..] else {
            wrong.push(format!("invariant {}: three columns, please", row[0]));
            continue;
        };
        wrong.extend(named_tests(test, &tests).err().map(|why| format!("invariant {number}: {why}")));
    }
    none(wrong);
}

/// What is wrong with one row of the practices.
fn practice_row(row: &[&str], tests: &BTreeSet<String>) -> Option<String> {
    let [id, words, place, test] = row[..] else {
        return Some(format!("{}: four columns, please", row[0]));
    };
    if words.len() < 10 {
        return Some(format!("{id}: says nothing"));
    }
    if (place == "–") != (test == "–") || place.is_empty() {
        return Some(format!("{id}: a place and a test, or a dash for both"));
    }
    let prefix = format!("practice_{}_", id.replace('.', "_"));
    match named_tests(test, tests) {
        Err(why) => Some(format!("{id}: {why}")),
        Ok(names) if !names.is_empty() && !names.iter().any(|name| name.starts_with(&prefix)) => {
            Some(format!("{id}: none of its tests begins with {prefix}"))
        }
        Ok(_) => None,
    }
}

/// The tests a cell names in backticks, if all of them exist; none for a dash.
fn named_tests<'a>(cell: &'a str, tests: &BTreeSet<String>) -> Result<Vec<&'a str>, String> {
    if cell == "–" {
        return Ok(Vec::new());
    }
    let names: Vec<&str> =
        cell.split('`').skip(1).step_by(2).map(|name| name.rsplit("::").next().unwrap_or(name)).collect();
    match names.iter().find(|name| !tests.contains(**name)) {
        Some(missing) => Err(format!("there is no test {missing}")),
        None if names.is_empty() => Err(format!("{cell:?} names no test in backticks")),
        None => Ok(names),
    }
}

/// The body rows of every Markdown table: those that begin with a number.
fn table_rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    page.lines()
        .filter_map(|line| line.trim().strip_prefix('|')?.strip_suffix('|'))
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|row| row[0].starts_with(|c: char| c.is_ascii_digit()))
}

// ---- the files ------------------------------------------------------------------------------------------------------

#[test]
fn nothing_unfinished_or_switched_off_is_committed() {
    // Put together here, so that this file does not accuse itself.
    let marks = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ign", "ore"),
        concat!("@Ign", "ore"),
        concat!("@Dis", "abled"),
        concat!("XCT", "Skip"),
    ];
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("```ign", "ore")];
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| file.is_source()) {
        marks.iter().for_each(|mark| wrong.extend(file.lines_with_mark(mark)));
        words.iter().for_each(|word| wrong.extend(file.lines_with_word_anywhere(word)));
    }
    none(wrong);
}

#[test]
fn no_file_names_a_folder_of_somebodys_machine() {
    let folders = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];
    let mut wrong = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            if folders.iter().any(|folder| names_folder(line, folder)) {
                wrong.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    none(wrong);
}

#[test]
fn every_rust_file_says_first_what_it_is_for() {
    none(
        files()
            .iter()
            .filter(|file| file.is_rust_of("") && !file.text.starts_with("//! "))
            .map(|file| format!("{}: begins without a //! line", file.path))
            .collect(),
    );
}

#[test]
fn every_dependency_says_why_it_is_there() {
    none(
        files()
            .iter()
            .filter(|file| file.is("Cargo.toml"))
            .flat_map(|file| unexplained(&file.text).into_iter().map(|name| format!("{}: {name}", file.path)))
            .collect(),
    );
}

/// The dependencies of a manifest without a `#` comment on one of their lines or on the line above.
fn unexplained(manifest: &str) -> Vec<String> {
    let mut unexplained = Vec::new();
    let (mut in_dependencies, mut above, mut open, mut explained) = (false, false, 0, true);
    for line in manifest.lines().map(str::trim) {
        let (code, comment) = split_comment(line);
        if open == 0 {
            if code.starts_with('[') {
                let table = code.trim_matches(['[', ']']);
                in_dependencies = table.ends_with("dependencies");
                if let Some((_, name)) = table.rsplit_once("dependencies.") {
                    explained = above || !comment.is_empty();
                    unexplained.extend((!explained).then(|| name.to_owned()));
                }
            } else if in_dependencies && code.contains('=') {
                explained = above || !comment.is_empty();
                unexplained.extend((!explained).then(|| code.split('=').next().unwrap_or(code).trim().to_owned()));
            }
        } else if !explained && !comment.is_empty() {
            // The reason stands on a later line of the same entry.
            explained = true;
            unexplained.pop();
        }
        open += code.matches(['[', '{']).count() as i32 - code.matches([']', '}']).count() as i32;
        above = code.is_empty() && !comment.is_empty();
    }
    unexplained
}

fn split_comment(line: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return (line[..at].trim(), line[at + 1..].trim()),
            _ => {}
        }
    }
    (line, "")
}

/// Whether the folder stands there as the beginning of an absolute path, not inside an address or a relative path.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || "._-~/*$})>".contains(c))) || line[..at].ends_with("file://")
    })
}

// ---- what is read ---------------------------------------------------------------------------------------------------

/// A text file of the project.
struct File {
    /// From the root, with `/`.
    path: String,
    text: String,
}

impl File {
    fn is(&self, name: &str) -> bool {
        self.path == name || self.path.ends_with(&format!("/{name}"))
    }

    fn is_rust_of(&self, folder: &str) -> bool {
        self.path.starts_with(folder) && self.path.ends_with(".rs")
    }

    /// Whether it is one of these modules, written as a folder or as a file.
    fn is_under(&self, modules: &[&str]) -> bool {
        modules
            .iter()
            .any(|module| self.path.strip_prefix(module).is_some_and(|rest| rest.starts_with('/') || rest == ".rs"))
    }

    /// Whether it exists for tests or measurements only.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| ["tests", "benches", "tests.rs", "benches.rs"].contains(&part))
    }

    fn is_source(&self) -> bool {
        const ENDINGS: &[&str] =
            &["rs", "kt", "kts", "java", "swift", "py", "sh", "js", "css", "html", "sql", "toml", "yml", "yaml"];
        let ending = Path::new(&self.path).extension().and_then(|ending| ending.to_str());
        ending.map_or(self.text.starts_with("#!"), |ending| ENDINGS.contains(&ending))
    }

    /// The Rust in it without comments, strings and tests; every byte keeps its place.
    fn product_code(&self) -> String {
        let lexed = Lexed::of(&self.text);
        let tests = test_ranges(&lexed.code);
        blank(lexed.code, &tests)
    }

    /// The strings in it that are no part of a test.
    fn product_strings(&self) -> Vec<String> {
        let lexed = Lexed::of(&self.text);
        let tests = test_ranges(&lexed.code);
        let kept = lexed.strings.into_iter().filter(|(at, _)| !tests.iter().any(|range| range.contains(at)));
        kept.map(|(_, text)| text).collect()
    }

    fn lines_with_word(&self, word: &str) -> Vec<String> {
        let code = self.product_code();
        words(&code, word).map(|at| self.line(line_of(&code, at))).collect()
    }

    fn lines_with_word_anywhere(&self, word: &str) -> Vec<String> {
        words(&self.text, word).map(|at| self.line(line_of(&self.text, at))).collect()
    }

    /// Lines of the program that hold this text.
    fn lines_with(&self, wanted: &str) -> Vec<String> {
        let code = if self.is_rust_of("") { self.product_code() } else { self.text.clone() };
        self.lines_of(&code, wanted)
    }

    /// Lines that hold this text, in tests too, but in Rust not where it is only talked about.
    fn lines_with_mark(&self, mark: &str) -> Vec<String> {
        let code = if self.is_rust_of("") { Lexed::of(&self.text).code } else { self.text.clone() };
        self.lines_of(&code, mark)
    }

    fn lines_of(&self, code: &str, wanted: &str) -> Vec<String> {
        let inside_a_word = |at: usize| wanted.starts_with(is_word) && code[..at].ends_with(is_word);
        let found = code.match_indices(wanted).filter(|(at, _)| !inside_a_word(*at));
        found.map(|(at, _)| self.line(line_of(code, at))).collect()
    }

    fn line(&self, number: usize) -> String {
        format!("{}:{number}: {}", self.path, self.text.lines().nth(number - 1).unwrap_or_default().trim())
    }
}

/// Rust that ends up in a program.
fn product_files() -> impl Iterator<Item = File> {
    files().into_iter().filter(|file| file.is_rust_of("") && !file.is_test())
}

/// Every text file that is, or is about to be, committed.
fn files() -> Vec<File> {
    let root = root();
    let mut paths = committed(root).unwrap_or_else(|| walk(root));
    paths.sort();
    let files: Vec<File> = paths
        .into_iter()
        .filter_map(|path| Some(File { text: std::fs::read_to_string(root.join(&path)).ok()?, path }))
        .collect();
    assert!(files.iter().any(|file| file.path == "core/src/lib.rs"), "the sources are not where they should be");
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the root")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the page is part of the project")
}

/// What git tracks or would add.
fn committed(root: &Path) -> Option<Vec<String>> {
    let list = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()?;
    let paths: Vec<String> =
        String::from_utf8(list.stdout).ok()?.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    (list.status.success() && !paths.is_empty()).then_some(paths)
}

/// Every file but what builds leave behind; for a source tree that came without git.
fn walk(root: &Path) -> Vec<String> {
    const LEFT_BEHIND: &[&str] = &[".git", "target", "build", ".build", ".gradle", ".idea", "node_modules", ".venv"];
    let (mut paths, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !LEFT_BEHIND.contains(&name.as_str()) => folders.push(path),
                Ok(kind) if kind.is_file() => paths.push(path),
                _ => {}
            }
        }
    }
    paths
}

#[track_caller]
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

// ---- reading Rust ---------------------------------------------------------------------------------------------------

/// The layer of a file of `core`, if it has one.
fn layer_of(path: &str) -> Option<&'static str> {
    let name = path.strip_prefix("core/src/")?.split('/').next()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    LAYERS.iter().map(|(layer, _)| *layer).find(|layer| *layer == name)
}

fn height(layer: &str) -> Option<u32> {
    LAYERS.iter().find(|(name, _)| *name == layer).map(|(_, height)| *height)
}

/// The paths in this code that lead to a layer it must not know.
fn layers_above(path: &str, layer: &str, code: &str, doors: &BTreeMap<String, String>) -> Vec<String> {
    let depth = path.matches('/').count() - "core/src".matches('/').count() - usize::from(path.ends_with("/mod.rs"));
    let from_the_root = paths(code, "crate").into_iter();
    let climbing = paths(code, "super").into_iter().filter_map(|(at, path)| {
        // The first `super` is the root of the path, so one less stands in it.
        let climbed = path.iter().take_while(|part| **part == "super").count();
        (climbed + 1 >= depth.max(1)).then(|| (at, path[climbed..].to_vec()))
    });
    let mut wrong = Vec::new();
    for (at, path_used) in from_the_root.chain(climbing) {
        let Some(first) = path_used.first() else { continue };
        let used = doors.get(*first).map_or(*first, String::as_str);
        let (Some(mine), Some(theirs)) = (height(layer), height(used)) else { continue };
        if used != layer && theirs >= mine {
            wrong.push(format!(
                "{path}:{}: {layer} must not know {used} ({})",
                line_of(code, at),
                path_used.join("::")
            ));
        }
    }
    wrong
}

/// What the root of the crate gives another name to: `Notebook` is the layer `notebook`.
fn reexports(lib: &File) -> BTreeMap<String, String> {
    let code = lib.product_code();
    let mut doors = BTreeMap::new();
    for (layer, _) in LAYERS {
        for (at, path) in paths(&code, layer) {
            let statement = code[..at].rsplit([';', '}']).next().unwrap_or_default();
            if let (true, Some(name)) = (words(statement, "use").next().is_some(), path.last()) {
                doors.insert((*name).to_owned(), (*layer).to_owned());
            }
        }
    }
    doors
}

/// Every path that begins with this word, one for each leaf of a `{…}` group, without the word itself.
fn paths<'a>(code: &'a str, root: &str) -> Vec<(usize, Vec<&'a str>)> {
    let mut found = Vec::new();
    for at in words(code, root) {
        let inside_a_path = code[..at].trim_end().ends_with("::");
        if let (false, Some(rest)) = (inside_a_path, code[at + root.len()..].trim_start().strip_prefix("::")) {
            let mut leaves = Vec::new();
            branch(rest, &mut Vec::new(), &mut leaves);
            found.extend(leaves.into_iter().map(|leaf| (at, leaf)));
        }
    }
    found
}

/// Reads one branch of a path or a use tree and says what is left behind it.
fn branch<'a>(code: &'a str, trunk: &mut Vec<&'a str>, leaves: &mut Vec<Vec<&'a str>>) -> &'a str {
    let code = code.trim_start();
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = branch(rest, &mut trunk.clone(), leaves).trim_start();
            match rest.strip_prefix(',') {
                Some(more) if !more.trim_start().starts_with('}') => rest = more,
                Some(more) => return more.trim_start().strip_prefix('}').unwrap_or(more),
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
        }
    }
    let end = code.find(|c| !is_word(c)).unwrap_or(code.len());
    let (name, mut rest) = code.split_at(end);
    if !name.is_empty() {
        trunk.push(name);
    }
    let next = rest.trim_start();
    if let Some(deeper) = next.strip_prefix("::").filter(|_| !name.is_empty()) {
        return branch(deeper, trunk, leaves);
    }
    if let Some(renamed) = next.strip_prefix("as ").map(str::trim_start) {
        let end = renamed.find(|c| !is_word(c)).unwrap_or(renamed.len());
        trunk.push(&renamed[..end]);
        rest = &renamed[end..];
    }
    leaves.push(trunk.clone());
    rest.strip_prefix('*').unwrap_or(rest)
}

/// The names of all tests of the project, in whatever language.
fn tests_of(files: &[File]) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for file in files {
        match Path::new(&file.path).extension().and_then(|ending| ending.to_str()) {
            Some("rs") => tests.extend(rust_tests(&file.text)),
            Some("kt") => tests.extend(names_after(&file.text, "fun")),
            Some("swift") => tests.extend(names_after(&file.text, "func")),
            Some("py") => tests.extend(names_after(&file.text, "def")),
            _ => {}
        }
    }
    tests
}

/// Functions with `#[test]`, or an attribute that ends like it, above them.
fn rust_tests(text: &str) -> Vec<String> {
    let code = Lexed::of(text).code;
    let functions = words(&code, "fn").filter(|at| {
        let attributes = code[..*at].rsplit([';', '{', '}']).next().unwrap_or_default();
        attributes.contains("test]")
    });
    functions.filter_map(|at| name_at(&code[at + 2..])).collect()
}

fn names_after(text: &str, keyword: &str) -> Vec<String> {
    words(text, keyword).filter_map(|at| name_at(&text[at + keyword.len()..])).collect()
}

fn name_at(code: &str) -> Option<String> {
    let code = code.strip_prefix([' ', '\n'])?.trim_start().trim_start_matches('`');
    let end = code.find(|c| !is_word(c)).unwrap_or(code.len());
    (end > 0).then(|| code[..end].to_owned())
}

/// Where this word stands as a word of its own.
fn words(text: &str, word: &str) -> impl Iterator<Item = usize> {
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let after = &text[at + word.len()..];
        !text[..*at].ends_with(is_word) && !after.starts_with(is_word)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn is_sql(text: &str) -> bool {
    let has = |part: &str| text.contains(part);
    [
        "INSERT INTO ",
        "INSERT OR ",
        "REPLACE INTO ",
        "DELETE FROM ",
        "CREATE TABLE",
        "CREATE VIRTUAL TABLE",
        "CREATE INDEX",
    ]
    .into_iter()
    .any(has)
        || ["DROP TABLE", "ALTER TABLE", "PRAGMA ", "BEGIN IMMEDIATE"].into_iter().any(has)
        || (has("SELECT ") && has("FROM "))
        || (has("UPDATE ") && has("SET "))
}

/// Rust taken apart: the code with comments and strings blanked out, byte for byte, and the strings with their places.
struct Lexed {
    code: String,
    strings: Vec<(usize, String)>,
}

impl Lexed {
    fn of(text: &str) -> Self {
        let (mut at, mut blanks, mut strings) = (0, Vec::new(), Vec::new());
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            let end = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                comment_end(rest)
            } else if c == '"' {
                string_end(rest)
            } else if c == 'r' && !text[..at].trim_end_matches(['b', 'c']).ends_with(is_word) {
                raw_string_end(rest).unwrap_or(0)
            } else if c == '\'' {
                char_end(rest)
            } else {
                0
            };
            if end > 0 {
                if c == '"' || c == 'r' {
                    strings.push((at, rest[..end].to_owned()));
                }
                blanks.push(at..at + end);
            }
            at += end.max(c.len_utf8());
        }
        Self { code: blank(text.to_owned(), &blanks), strings }
    }
}

fn comment_end(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if rest[at..].starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn string_end(rest: &str) -> usize {
    let mut escaped = true; // the opening quote does not end it
    for (at, c) in rest.char_indices() {
        match c {
            '"' if !escaped => return at + 1,
            '\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    rest.len()
}

fn raw_string_end(rest: &str) -> Option<usize> {
    let hashes = rest[1..].len() - rest[1..].trim_start_matches('#').len();
    let body = rest[1 + hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let inside = body.find(&close).unwrap_or(body.len());
    Some((2 + hashes + inside + close.len()).min(rest.len()))
}

/// Where a character literal ends; 0 for a lifetime.
fn char_end(rest: &str) -> usize {
    let mut inside = rest[1..].chars();
    match inside.next() {
        Some('\\') => rest[3..].find('\'').map_or(0, |at| at + 4),
        Some(c) if inside.next() == Some('\'') => 2 + c.len_utf8(),
        _ => 0,
    }
}

/// What stands behind `#[cfg(test)]`, up to the end of that item.
fn test_ranges(code: &str) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, _) in code.match_indices("#[cfg(test)]") {
        if ranges.last().is_some_and(|range| range.contains(&at)) {
            continue;
        }
        let mut depth = 0;
        let end = code[at..].char_indices().find_map(|(offset, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0 && (c == '}' || c == ';')).then_some(at + offset + 1)
        });
        ranges.push(at..end.unwrap_or(code.len()));
    }
    ranges
}

/// The same text with these ranges turned into spaces; line ends stay, and every byte keeps its place.
fn blank(text: String, ranges: &[std::ops::Range<usize>]) -> String {
    let mut blanked = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        blanked.push_str(&text[from..range.start]);
        blanked.extend(text[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        from = range.end;
    }
    blanked.push_str(&text[from..]);
    blanked
}

// ---- this file keeps its own promises -------------------------------------------------------------------------------

#[test]
fn a_layer_that_looks_up_is_caught_however_it_spells_it() {
    let lib = File {
        path: "core/src/lib.rs".into(),
        text: "//! x\npub mod notebook;\npub use notebook::{Notebook, page::Page as Sheet};".into(),
    };
    let doors = reexports(&lib);
    assert_eq!(doors.get("Sheet").map(String::as_str), Some("notebook"));
    let looks_up = |path: &str, text: &str| {
        let file = File { path: path.into(), text: text.into() };
        let layer = layer_of(path).expect("a layer");
        !layers_above(path, layer, &file.product_code(), &doors).is_empty()
    };
    for wrong in [
        "use crate::notebook::Notebook;",
        "use crate::{\n model::{Id, Contact},\n query,\n};",
        "fn f(notebook: &crate::Notebook) {}",
        "use crate::Sheet;",
        "use super::super::sync::Segment;",
        "fn f() { $crate::store::open() }",
    ] {
        assert!(looks_up("core/src/document/gate.rs", wrong), "{wrong}");
    }
    for right in [
        "use crate::{error::Error, model::{Contact, Id}};",
        "use super::query::Page;",
        "// crate::notebook::Notebook\nconst A: &str = \"crate::notebook\";",
        "#[cfg(test)]\nmod tests { use crate::notebook::Notebook; }",
        "const A: char = '\"'; const B: &str = r#\"\" crate::sync \"#; fn f<'a>(a: &'a str) {}",
        "use crate::document::sync;",
    ] {
        assert!(!looks_up("core/src/document/gate.rs", right), "{right}");
    }
    assert!(looks_up("core/src/jot.rs", "use super::document::Document;"));
    assert!(looks_up("core/src/jot.rs", "use crate::import::Card;"), "jot and import are neighbours");
    assert!(looks_up("core/src/store/mod.rs", "use super::query;"));
    assert!(!looks_up("core/src/store/mod.rs", "mod query_plan; use self::query_plan::Plan;"));
}

#[test]
fn a_row_without_its_test_is_caught() {
    let tests = BTreeSet::from(["practice_1_3_a_job_becomes_advice".to_owned(), "another".to_owned()]);
    let wrong = |row: [&str; 4]| practice_row(&row, &tests).is_some();
    assert!(!wrong(["1.3", "Ask for advice.", "–", "–"]));
    assert!(!wrong(["1.3", "Ask for advice.", "prep card", "`practice_1_3_a_job_becomes_advice`, `another`"]));
    assert!(wrong(["1.3", "Ask for advice.", "prep card", "–"]));
    assert!(wrong(["1.3", "Ask for advice.", "–", "`practice_1_3_a_job_becomes_advice`"]));
    assert!(wrong(["1.3", "Ask for advice.", "prep card", "practice_1_3_a_job_becomes_advice"]));
    assert!(wrong(["1.3", "Ask for advice.", "prep card", "`practice_1_3_nobody_wrote_me`"]));
    assert!(wrong(["1.3", "Ask for advice.", "prep card", "`another`"]));
    assert!(wrong(["1.33", "Ask for advice.", "prep card", "`practice_1_3_a_job_becomes_advice`"]));
}

#[test]
fn only_a_function_marked_as_a_test_counts_as_one() {
    let text = "#[test]\n#[should_panic(expected = \"}\")]\nfn one() {}\nfn helper() {}\n// #[test]\nfn two() {}";
    assert_eq!(rust_tests(text), ["one"]);
}

#[test]
fn a_dependency_without_a_reason_is_caught() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\nb = \"1\" # because\n# because\nc = \"1\"\n\
                    d = { version = \"1\", features = [\n  \"e\", # because\n] }\n[target.'cfg(unix)'.dependencies]\n\
                    f = { git = \"x#y\" }\n[dev-dependencies.g]\nversion = \"1\"\n[features]\nh = []\n";
    assert_eq!(unexplained(manifest), ["a", "f", "g"]);
}

#[test]
fn a_folder_of_a_machine_is_told_from_an_address() {
    let home = concat!("/ho", "me/");
    for wrong in [format!("cd {home}ann"), format!("\"{home}ann\""), format!("{home}ann"), format!("file://{home}ann")]
    {
        assert!(names_folder(&wrong, home), "{wrong}");
    }
    for right in
        [format!("https://example.com{home}ann"), format!("~{home}"), format!("$ROOT{home}"), format!("..{home}")]
    {
        assert!(!names_folder(&right, home), "{right}");
    }
}

#[test]
fn sql_is_told_from_english() {
    for sql in ["SELECT id FROM row", "UPDATE row SET value = ?1", "INSERT INTO row VALUES (?1)", "PRAGMA user_version"]
    {
        assert!(is_sql(sql), "{sql}");
    }
    for english in ["Select a contact from the list", "UPDATE", "Delete from here on?", "in SET form"] {
        assert!(!is_sql(english), "{english}");
    }
}
