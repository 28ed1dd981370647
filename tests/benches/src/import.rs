//! An address book of vCards, read twice (dry run, then for good) and durable.

use std::fmt::Write as _;
use std::time::Instant;

use crate::{Section, crowd};

pub(crate) fn measure(cards: usize) -> Section {
    let mut section = Section::new(
        "Importing",
        "vCards of version 3.0 with name, organisation, role, mail, phone, address, birthday and a note, into an empty \
         notebook: recognised, read through once before anything is written, then written, durable.",
        &["cards", "time", "cards a second", "the same file again"],
    );
    let folder = tempfile::tempdir_in(crowd::folder()).unwrap();
    let file = folder.path().join("book.vcf");
    std::fs::write(&file, book(cards)).unwrap();
    let notebook = crowd::open(&folder.path().join("notebook.kith"));
    let start = Instant::now();
    let report = notebook.import(&file, &mut |_, _| Ok(())).unwrap();
    let time = start.elapsed();
    assert_eq!(report.new as usize, cards);
    let start = Instant::now();
    assert_eq!(notebook.import(&file, &mut |_, _| Ok(())).unwrap().new, 0);
    let again = start.elapsed();
    section.row(&[
        cards.to_string(),
        format!("{:.1} s", time.as_secs_f64()),
        format!("{:.0}", cards as f64 / time.as_secs_f64()),
        format!("{:.1} s", again.as_secs_f64()),
    ]);
    section
}

fn book(cards: usize) -> String {
    let mut text = String::new();
    for n in 0..cards {
        let (year, month, day) = (1950 + n % 50, 1 + n % 12, 1 + n % 28);
        write!(
            text,
            "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:card-{n}\r\nFN:Given{n} Family{}\r\nN:Family{};Given{n};;;\r\n\
             ORG:Company {}\r\nTITLE:Role {}\r\nEMAIL;TYPE=WORK:person{n}@company.example\r\nTEL;TYPE=CELL:+44 7700 9{n:05}\r\n\
             ADR;TYPE=WORK:;;{n} Quay Street;Port;;1000;Sarn\r\nBDAY:{year}-{month:02}-{day:02}\r\n\
             NOTE:Met beside the kiln\\, talked about ropes and the price of oak.\r\nEND:VCARD\r\n",
            n / 3,
            n / 3,
            n / 12,
            n % 40,
        )
        .unwrap();
    }
    text
}
