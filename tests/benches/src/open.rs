//! A cold process that shows Today and the first fifty people, beside one that runs the same SELECTs on bare SQLite.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{Section, crowd, ms, quantiles, ratio};

const RUNS: usize = 31;
/// The statements behind the two pages, with the values of today.
const SELECTS: &[&str] = &[
    "SELECT value FROM meta WHERE key = 'read_model'",
    "SELECT value FROM named JOIN record USING (n) WHERE id = zeroblob(16) AND kind = 22",
    "SELECT value FROM agenda JOIN record USING (n) WHERE matter = 1 AND agenda.day >= '' AND agenda.day < '2027' AND state = 0 ORDER BY agenda.day, n LIMIT 20",
    "SELECT value FROM agenda JOIN record USING (n) WHERE matter = 1 AND agenda.day >= '9999' AND state = 0 ORDER BY agenda.day, n LIMIT 20",
    "SELECT value FROM agenda JOIN record USING (n) WHERE matter = 2 AND agenda.day >= '' AND agenda.day < '2027' AND state = 0 ORDER BY agenda.day, n LIMIT 20",
    "SELECT value FROM agenda JOIN record USING (n) WHERE matter = 2 AND agenda.day >= '9999' AND state = 0 ORDER BY agenda.day, n LIMIT 20",
    "SELECT value FROM agenda JOIN record USING (n) WHERE matter = 6 AND agenda.day >= '' AND agenda.day < '2027' AND state = 0 ORDER BY agenda.day, n LIMIT 20",
    "SELECT value FROM agenda JOIN record USING (n) WHERE matter = 3 AND agenda.day >= '2026' AND agenda.day < '2027' AND state = 0 ORDER BY agenda.day, n LIMIT 20",
    "SELECT value FROM agenda JOIN record USING (n) WHERE matter = 7 AND agenda.day >= '' AND agenda.day < '~' AND state = 0 ORDER BY agenda.day, n LIMIT 20",
    "SELECT value FROM agenda JOIN record USING (n) WHERE matter = 9 AND agenda.day >= '' AND agenda.day < '2027' AND state = 0 ORDER BY agenda.day, n LIMIT 20",
    "SELECT value FROM agenda JOIN record USING (n) WHERE matter = 4 AND agenda.day >= '' AND agenda.day < '2027' AND state = 0 ORDER BY agenda.day, n LIMIT 20",
    "SELECT value FROM agenda JOIN record USING (n) WHERE matter = 10 AND agenda.day >= '11-22' AND agenda.day < '11-29' AND state = 0 ORDER BY agenda.day, n LIMIT 20",
    "SELECT value FROM agenda JOIN record USING (n) WHERE matter = 5 AND agenda.day >= '' AND agenda.day < '2027' AND state = 0 ORDER BY agenda.day, n LIMIT 50",
    "SELECT count(*) FROM (SELECT 1 FROM agenda JOIN record USING (n) WHERE matter = 8 AND state = 0 LIMIT 1000)",
    "SELECT count(*) FROM (SELECT 1 FROM record WHERE conflicts > 0 LIMIT 1000)",
    "SELECT count FROM tally WHERE kind = 1 AND state = 0",
    "WITH first AS MATERIALIZED (
        SELECT sort FROM record WHERE kind = 1 AND state = 0 AND sort IS NOT NULL ORDER BY sort LIMIT 1 OFFSET 0),
    before AS MATERIALIZED (SELECT count(*) AS count FROM record
        WHERE kind = 1 AND state = 0 AND sort IS NOT NULL AND sort < (SELECT sort FROM first))
    SELECT value FROM record JOIN named USING (n)
    WHERE kind = 1 AND state = 0 AND sort IS NOT NULL AND sort >= (SELECT sort FROM first)
    ORDER BY sort, id LIMIT 50 OFFSET 0 - (SELECT count FROM before)",
];

pub(crate) fn measure(sizes: &[usize]) -> Section {
    let mut section = Section::new(
        "Opening",
        "A new process until Today and the first 50 people are read; the peer is a process that runs the same SELECTs on \
         the same file with bare SQLite. Wall time of the whole process; memory is the peak of the process. Most of it is \
         pages of the program's own file, of which the system maps sixteen at each touch, and gives them to others when \
         there is need; what only this process has stands behind it.",
        &[
            "N",
            "kith",
            "bare SQLite",
            "ratio",
            "memory of kith",
            "of it its own",
            "memory of the peer",
            "of it its own",
        ],
    );
    for n in sizes {
        let (_folder, path) = crowd::notebook(*n);
        let (mut kith, mut bare) = (Vec::new(), Vec::new());
        let mut memory = [0.0_f64; 4];
        for run in 0..RUNS + 3 {
            let (ours, theirs) = (process("kith", &path), process("bare", &path));
            // The first runs fill the page cache.
            if run >= 3 {
                kith.push(ours.0);
                bare.push(theirs.0);
            }
            let now = [ours.1, theirs.1].concat();
            memory.iter_mut().zip(now).for_each(|(most, now)| *most = most.max(now));
        }
        let (kith, bare) = (quantiles(kith).0, quantiles(bare).0);
        let times = [n.to_string(), ms(kith), ms(bare), ratio(kith, bare)];
        section.row(&[times, memory.map(|mb| format!("{mb:.1} MB"))].concat());
    }
    section
}

/// Runs a child; its wall time, its peak memory and what of it is its own, in MB.
fn process(who: &str, path: &Path) -> (Duration, [f64; 2]) {
    let start = Instant::now();
    let output = Command::new(std::env::current_exe().unwrap()).args(["child", who]).arg(path).output().unwrap();
    let time = start.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mb: Vec<f64> = text.split_whitespace().map(|kb| kb.parse::<f64>().unwrap() / 1024.0).collect();
    (time, [mb[0], mb[1]])
}

/// What the child process does.
pub(crate) fn child(words: &[&str]) {
    match words {
        ["kith", path] => {
            let notebook = crowd::open(Path::new(path));
            let today = notebook.today_page().unwrap();
            let people = notebook.people(0, 50).unwrap();
            assert!(today.people > 0 && people.rows.len() == 50);
        }
        ["bare", path] => {
            let connection = rusqlite::Connection::open(path).unwrap();
            let mut read = 0;
            for select in SELECTS {
                let mut statement = connection.prepare(select).unwrap();
                let mut rows = statement.query([]).unwrap();
                while let Some(row) = rows.next().unwrap() {
                    let _: rusqlite::types::Value = row.get(0).unwrap();
                    read += 1;
                }
            }
            assert!(read > 50);
        }
        _ => unreachable!("a child is kith or bare"),
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kb = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        value.trim().trim_end_matches(" kB").to_owned()
    };
    println!("{} {}", kb("VmHWM:"), kb("RssAnon:"));
}
