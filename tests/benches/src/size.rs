//! What a contact with its five meetings takes on the disk, and where the bytes are.

use crate::{Section, crowd};

pub(crate) fn measure(sizes: &[usize]) -> Section {
    let mut section = Section::new(
        "Bytes on the disk",
        "The whole file for each contact with its five meetings: history of every record, rows, search. What waits in the \
         outbox for the first meeting with another device is counted apart. Every long text stands three times in the file: as \
         history, as a row, and as words of the search; packing at a higher level gains 5 %.",
        &[
            "N",
            "a contact",
            "history",
            "rows and their indexes",
            "search",
            "documents' names and versions",
            "outbox, apart",
        ],
    );
    for n in sizes {
        let (_folder, path) = crowd::notebook(*n);
        let connection = rusqlite::Connection::open(&path).unwrap();
        let mut statement = connection.prepare("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, f64>(1)?))).unwrap();
        let mut parts = [0.0; 5];
        for (name, bytes) in rows.map(|row| row.unwrap()) {
            let part = match name.as_str() {
                "chunk" => 0,
                name if name.starts_with("fts")
                    || ["vocabulary", "vocabulary_backwards", "stale", "name_word"].contains(&name) =>
                {
                    2
                }
                name if name.contains("document") => 3,
                "outbox" => 4,
                _ => 1,
            };
            parts[part] += bytes / *n as f64;
        }
        let kb = |bytes: f64| format!("{:.2} KB", bytes / 1000.0);
        section.row(&[
            n.to_string(),
            kb(parts[..4].iter().sum()),
            kb(parts[0]),
            kb(parts[1]),
            kb(parts[2]),
            kb(parts[3]),
            kb(parts[4]),
        ]);
    }
    section
}
