//! Search as one types, in the largest notebook, beside tantivy with the same text.

use kith_core::notebook::Notebook;
use kith_core::store::pack::{self, Dictionary};
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, FuzzyTermQuery, Occur, Query, TermQuery};
use tantivy::schema::{IndexRecordOption, STORED, Schema, TEXT, Value};
use tantivy::{Index, ReloadPolicy, TantivyDocument, Term};

use crate::{Section, crowd, ms, quantiles, ratio, times};

const RUNS: usize = 500;
/// Different words of each sort.
const WORDS: usize = 50;

pub(crate) fn measure(n: usize) -> Section {
    let mut section = Section::new(
        "Finding",
        "20 hits for what was typed so far, with titles and passages. The peer is tantivy with the same words of the same \
         records, its 20 best-ranked hits with the stored text; the last word is a prefix in both, a typo is two letters \
         in the wrong order. Fifty words of each sort, ten times each.",
        &["N", "query", "typed", "kith, median", "kith, p99", "tantivy, median", "tantivy, p99", "ratio of medians"],
    );
    let (folder, path) = crowd::notebook(n);
    let notebook = crowd::open(&path);
    let (index, field) = tantivy_index(&notebook, folder.path());
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().unwrap();
    let searcher = tantivy::IndexReader::searcher(&reader);
    let words = vocabulary(&notebook);
    let (frequent, rare) = (&words[..WORDS], &words[words.len() - WORDS..]);
    let middle = &words[words.len() / 2..][..WORDS];
    for (what, typed) in [
        ("a frequent word", frequent.to_vec()),
        ("a rare word", rare.to_vec()),
        ("two frequent words", frequent.windows(2).map(|two| two.join(" ")).collect()),
        ("two letters", frequent.iter().map(|word| word[..2].to_string()).collect()),
        ("a typo", middle.iter().map(|word| misspelt(word)).collect()),
    ] {
        let ours = times(RUNS, |run| drop(notebook.find(&typed[run % typed.len()], 20).unwrap()));
        let theirs = times(RUNS, |run| {
            let query = tantivy_query(field, &typed[run % typed.len()], what == "a typo");
            let found = searcher.search(&query, &TopDocs::with_limit(20).order_by_score()).unwrap();
            for (_, address) in found {
                let document: TantivyDocument = searcher.doc(address).unwrap();
                assert!(document.get_first(field).and_then(|value| value.as_str().map(str::len)).is_some());
            }
        });
        let ((a, a99), (b, b99)) = (quantiles(ours), quantiles(theirs));
        section.row(&[
            n.to_string(),
            what.into(),
            format!("`{}` and others", typed[0]),
            ms(a),
            ms(a99),
            ms(b),
            ms(b99),
            ratio(a, b),
        ]);
    }
    section
}

/// Words of the notebook, those of most records first.
fn vocabulary(notebook: &Notebook) -> Vec<String> {
    let connection = rusqlite::Connection::open(notebook.path()).unwrap();
    connection.execute_batch("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, fts, row)").unwrap();
    let mut statement =
        connection.prepare("SELECT term FROM temp.words WHERE length(term) > 4 ORDER BY doc DESC, term").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(|row| row.unwrap()).filter(|term: &String| term.chars().all(|c| c.is_ascii_lowercase())).collect()
}

fn misspelt(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    letters.swap(2, 3);
    letters.into_iter().collect()
}

fn tantivy_index(notebook: &Notebook, folder: &std::path::Path) -> (Index, tantivy::schema::Field) {
    let mut schema = Schema::builder();
    let field = schema.add_text_field("words", TEXT | STORED);
    let place = folder.join("tantivy");
    std::fs::create_dir(&place).unwrap();
    let index = Index::create_in_dir(&place, schema.build()).unwrap();
    let mut writer = index.writer(100_000_000).unwrap();
    let connection = rusqlite::Connection::open(notebook.path()).unwrap();
    let mut statement = connection.prepare("SELECT kind, value FROM record WHERE state = 0").unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (kind, packed): (i64, Vec<u8>) = (row.get(0).unwrap(), row.get(1).unwrap());
        let mut value = Vec::new();
        pack::unpack(Dictionary::Rows, &packed, &mut value).unwrap();
        let map: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&value).unwrap();
        let record = kith_core::model::AnyRecord::from_map(kith_core::model::Kind::from_number(kind).unwrap(), map);
        let mut document = TantivyDocument::default();
        document.add_text(field, record.facts().texts.join("\n"));
        writer.add_document(document).unwrap();
    }
    writer.commit().unwrap();
    (index, field)
}

fn tantivy_query(field: tantivy::schema::Field, typed: &str, fuzzy: bool) -> Box<dyn Query> {
    let words: Vec<&str> = typed.split(' ').collect();
    let (last, finished) = words.split_last().unwrap();
    let term = |word: &str| Term::from_field_text(field, word);
    let mut parts: Vec<(Occur, Box<dyn Query>)> = finished
        .iter()
        .map(|word| {
            let query: Box<dyn Query> = Box::new(TermQuery::new(term(word), IndexRecordOption::WithFreqs));
            (Occur::Must, query)
        })
        .collect();
    let distance = u8::from(fuzzy);
    let open: Box<dyn Query> = if fuzzy {
        Box::new(FuzzyTermQuery::new(term(last), distance, true))
    } else {
        Box::new(FuzzyTermQuery::new_prefix(term(last), 0, true))
    };
    parts.push((Occur::Must, open));
    Box::new(BooleanQuery::new(parts))
}
