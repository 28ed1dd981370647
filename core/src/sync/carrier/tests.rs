//! Mailboxes without a server: names, folders as people and sync programs leave them, and a shell that lies.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use super::folder::Folder;
use super::mailbox::{Item, MAX_DEPTH, MAX_ITEMS, Mailbox, NOTE, is_ours, is_safe};
use super::{Place, open, try_out};
use crate::error::{Error, Result};

fn folder_at(path: &Path) -> Folder {
    let folder = Folder::at(path);
    folder.prepare().unwrap();
    folder
}

fn names(mailbox: &dyn Mailbox) -> Vec<String> {
    mailbox.list().unwrap().into_iter().map(|item| item.name).collect()
}

#[test]
fn a_name_cannot_lead_out_of_the_mailbox() {
    for good in ["l/00ff/0000000000000001-89ab-0.kiths", "a", "a/b/c/d", NOTE] {
        assert!(is_ours(good) && is_safe(good), "{good}");
    }
    let long = "a".repeat(201);
    let never = [
        "",
        "/",
        "/etc/x",
        "..",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        "a\\b",
        "c:/x",
        "a/./b",
        "a\0b",
        "a\nb",
        "a/b/c/d/e/f/g/h",
    ];
    for bad in never {
        assert!(!is_ours(bad) && !is_safe(bad), "{bad:?}");
    }
    for found in ["L/x (conflicted copy).kiths", "é", "a/b/c/d/e", "x.tmp", long.as_str()] {
        assert!(!is_ours(found) && is_safe(found), "{found:?}");
    }
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("outside"), "mine").unwrap();
    let folder = folder_at(place.path());
    for bad in never {
        assert!(matches!(folder.get(bad, 9), Err(Error::Invalid(_))), "{bad:?}");
        assert!(matches!(folder.put_new(bad, b"x"), Err(Error::Invalid(_))), "{bad:?}");
        assert!(matches!(folder.delete(bad), Err(Error::Invalid(_))), "{bad:?}");
    }
    assert_eq!(fs::read(place.path().join("outside")).unwrap(), b"mine");
}

#[test]
fn a_folder_gives_what_was_put_into_it() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder_at(place.path());
    assert!(folder.list().unwrap().is_empty());
    assert!(matches!(folder.put_new("l/ab/01.kiths", b""), Err(Error::Invalid(_))));
    folder.put_new("l/ab/01.kiths", b"one").unwrap();
    folder.put_new("l/ab/01.kiths", b"one").unwrap();
    folder.put_new(NOTE, b"for people").unwrap();
    assert_eq!(folder.list().unwrap()[1], Item { name: "l/ab/01.kiths".into(), bytes: 3 });
    let other = Folder::at(place.path());
    assert_eq!(other.get("l/ab/01.kiths", 3).unwrap().unwrap(), b"one");
    assert!(matches!(other.get("l/ab/01.kiths", 2), Err(Error::Unreadable(_))));
    assert!(matches!(other.put_new("l/ab/01.kiths", b"two"), Err(Error::Unreadable(_))));
    assert_eq!(other.get("l/ab/01.kiths", u64::MAX).unwrap().unwrap(), b"one");
    assert_eq!(other.get("l/ab/02.kiths", 9).unwrap(), None);
    other.delete("l/ab/01.kiths").unwrap();
    other.delete("l/ab/01.kiths").unwrap();
    assert_eq!(names(&folder), [NOTE]);
    let left: Vec<_> = fs::read_dir(place.path().join("kith/l/ab")).unwrap().collect();
    assert!(left.is_empty(), "nothing temporary stays: {left:?}");
}

#[test]
fn a_drive_that_is_not_plugged_in_does_not_look_like_an_empty_mailbox() {
    let mount = tempfile::tempdir().unwrap();
    let gone = Folder::at(&mount.path().join("stick"));
    assert!(matches!(gone.prepare(), Err(Error::NotFound(_))));
    // The mount point is there, and empty, when nothing is mounted on it.
    for folder in [gone, Folder::at(mount.path())] {
        for result in
            [folder.list().map(drop), folder.get("x", 1).map(drop), folder.put_new("x", b"x"), folder.delete("x")]
        {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::NotFound(_)), "{error}");
            assert!(error.to_string().contains(&mount.path().display().to_string()), "{error}");
        }
    }
    assert_eq!(fs::read_dir(mount.path()).unwrap().count(), 0, "and nothing was written into it");
}

#[test]
fn what_is_only_half_there_is_not_there_yet() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder_at(place.path());
    folder.put_new("l/whole.kiths", b"whole").unwrap();
    let inside = place.path().join("kith/l");
    let half = [".whole2.kiths.icloud", "whole3.kiths.nextcloud", "~syncthing~whole4.kiths.tmp", "whole5.kiths.part"];
    half.iter().for_each(|name| fs::write(inside.join(name), "placeholder").unwrap());
    fs::write(inside.join("empty.kiths"), "").unwrap();
    assert_eq!(names(&folder), ["l/whole.kiths"]);
    assert_eq!(folder.get("l/empty.kiths", 9).unwrap(), None);
    for name in half {
        assert_eq!(folder.get(&format!("l/{name}"), 99).unwrap(), None, "{name}");
    }
}

#[test]
fn copies_and_doubled_folders_of_sync_programs_are_looked_into() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder_at(place.path());
    let strange = [
        "l/ab/01 (Ann's conflicted copy).kiths",
        "l/ab/01.sync-conflict-20261122-090000-ABCDEFG.kiths",
        "l 2/ab/01.KITHS",
        "kith (1)/l/ab/01.kiths",
    ];
    for name in strange {
        let path = place.path().join("kith").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    let mut found = names(&folder);
    found.sort();
    let mut wanted = strange;
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    for name in strange {
        assert_eq!(folder.get(name, 99).unwrap().unwrap(), name.as_bytes());
        folder.delete(name).unwrap();
    }
    assert!(names(&folder).is_empty());
    let deep = place.path().join("kith").join("a/".repeat(MAX_DEPTH + 3));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("x"), "x").unwrap();
    assert!(names(&folder).is_empty(), "there is an end to looking");
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let (place, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = folder_at(place.path());
    fs::write(elsewhere.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), place.path().join("kith/l")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("secret"), place.path().join("kith/file")).unwrap();
    assert!(names(&folder).is_empty());
    assert_eq!(folder.get("l/secret", 99).unwrap(), None);
    assert_eq!(folder.get("file", 99).unwrap(), None);
    folder.delete("l/secret").unwrap();
    folder.delete("file").unwrap();
    for name in ["l/new", "l/new/deep"] {
        assert!(folder.put_new(name, b"x").is_err());
    }
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    assert_eq!(fs::read(elsewhere.path().join("secret")).unwrap(), b"secret");
}

#[test]
fn many_who_write_at_once_leave_whole_files_only() {
    let place = tempfile::tempdir().unwrap();
    folder_at(place.path());
    std::thread::scope(|threads| {
        for writer in 0..8u8 {
            let place = place.path();
            threads.spawn(move || {
                let folder = Folder::at(place);
                for n in 0..20 {
                    folder.put_new(&format!("l/{writer}/{n}.kiths"), &[writer; 3000]).unwrap();
                    // One name that all of them take: one of them wins, the others are told.
                    let shared = folder.put_new(&format!("l/all/{n}.kiths"), &[writer; 3000]);
                    assert!(matches!(shared, Ok(()) | Err(Error::Unreadable(_))), "{shared:?}");
                }
            });
        }
    });
    let folder = Folder::at(place.path());
    let items = folder.list().unwrap();
    assert_eq!(items.len(), 8 * 20 + 20);
    for item in items {
        let bytes = folder.get(&item.name, 3000).unwrap().unwrap();
        assert!(bytes.len() == 3000 && bytes.iter().all(|byte| *byte == bytes[0]), "{}", item.name);
    }
}

#[test]
fn a_place_is_remembered_without_its_secret() {
    let folder = Place::Folder { path: "somewhere".into() };
    let dav = Place::WebDav { url: "https://cloud.example/dav".into(), user: "ann".into(), plain_http: false };
    let s3 = Place::S3 {
        endpoint: "https://s3.example".into(),
        bucket: "kith".into(),
        region: String::new(),
        prefix: "ann".into(),
        access_key: "AK".into(),
        plain_http: false,
    };
    for place in [folder, dav, s3] {
        let json = serde_json::to_string(&place).unwrap();
        assert_eq!(serde_json::from_str::<Place>(&json).unwrap(), place);
        assert!(!open(&place, Some("hunter2")).unwrap().words().contains("hunter2"));
    }
    let short = r#"{"kind":"web_dav","url":"https://cloud.example/dav"}"#;
    assert!(open(&serde_json::from_str::<Place>(short).unwrap(), None).is_ok());
}

#[test]
fn an_address_that_would_give_the_password_away_is_refused() {
    let dav = |url: &str, plain_http| {
        open(&Place::WebDav { url: url.into(), user: "ann".into(), plain_http }, Some("hunter2")).map(drop)
    };
    for good in ["https://cloud.example/dav", "http://127.0.0.1:8080/", "http://192.168.1.4/dav", "http://[::1]:80/"] {
        dav(good, false).unwrap();
    }
    dav("http://cloud.example/dav", true).unwrap();
    for bad in [
        "http://cloud.example/dav",
        "http://8.8.8.8/",
        "http://localhost.example/",
        "ftp://cloud.example",
        "cloud.example/dav",
        "https://ann:hunter2@cloud.example/",
        "https://cloud.example/?password=hunter2",
        "https://cloud.example/a%2f..%2fb",
        "",
    ] {
        let error = dav(bad, false).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{bad}: {error}");
        assert!(!error.to_string().contains(":hunter2"), "{error}");
    }
    let without = Place::WebDav { url: "https://cloud.example".into(), user: "ann".into(), plain_http: false };
    assert!(matches!(open(&without, None), Err(Error::Denied(_))));
}

#[test]
fn nobody_at_the_address_is_said_and_is_not_an_empty_mailbox() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/dav", free.local_addr().unwrap());
    drop(free);
    let mailbox = open(&Place::WebDav { url: url.clone(), user: String::new(), plain_http: false }, None).unwrap();
    let error = mailbox.list().unwrap_err().to_string();
    assert!(error.contains("cannot be reached") && error.contains(&url), "{error}");
}

/// What a shell hands in: the trait itself, over whatever the phone offers. This one lies in every way it can.
#[derive(Default)]
struct Hostile {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    fails_after_writing: bool,
    shortens: bool,
    lists_ghosts: bool,
    forgets_to_delete: bool,
    looks_empty: bool,
}

impl Mailbox for Hostile {
    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn list(&self) -> Result<Vec<Item>> {
        let kept = self.kept.lock().unwrap();
        let mut items: Vec<Item> =
            kept.iter().map(|(name, bytes)| Item { name: name.clone(), bytes: bytes.len() as u64 }).collect();
        items.extend(items.clone());
        if self.lists_ghosts {
            items.push(Item { name: "l/ghost.kiths".into(), bytes: u64::MAX });
        }
        Ok(if self.looks_empty { Vec::new() } else { items })
    }

    fn get(&self, name: &str, _most: u64) -> Result<Option<Vec<u8>>> {
        if self.looks_empty {
            return Ok(None);
        }
        let bytes = self.kept.lock().unwrap().get(name).cloned();
        Ok(bytes.map(|bytes| if self.shortens { bytes[..bytes.len() / 2].to_vec() } else { bytes }))
    }

    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.kept.lock().unwrap().insert(name.into(), bytes.into());
        if self.fails_after_writing { Err(Error::Unreachable("the phone says no".into())) } else { Ok(()) }
    }

    fn delete(&self, name: &str) -> Result<()> {
        if !self.forgets_to_delete {
            self.kept.lock().unwrap().remove(name);
        }
        Ok(())
    }

    fn words(&self) -> String {
        "the phone's folder".into()
    }
}

#[test]
fn a_place_that_lies_is_found_out_when_it_is_tried() {
    let honest_enough = Hostile { lists_ghosts: true, ..Hostile::default() };
    try_out(&honest_enough, &[1; 16]).unwrap();
    let liars = [
        Hostile { fails_after_writing: true, ..Hostile::default() },
        Hostile { shortens: true, ..Hostile::default() },
        Hostile { forgets_to_delete: true, ..Hostile::default() },
        Hostile { looks_empty: true, ..Hostile::default() },
    ];
    for liar in liars {
        let error = try_out(&liar, &[1; 16]).unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)), "{error}");
        if !liar.forgets_to_delete {
            assert!(liar.kept.lock().unwrap().is_empty(), "the probe is taken away again");
        }
    }
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::at(place.path());
    try_out(&folder, &[1; 16]).unwrap();
    assert!(names(&folder).is_empty());
    assert!(names(&folder).len() < MAX_ITEMS);
}

/// A server that gives every request the same answer, and closes.
fn answers(answer: impl Into<Vec<u8>>) -> (Box<dyn Mailbox>, u16) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = answer.into();
    let text = String::from_utf8_lossy(&answer).replace("PORT_", &port.to_string());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.read(&mut [0; 65536]);
            let _ = stream.write_all(text.as_bytes());
        }
    });
    let place = Place::WebDav { url: format!("http://127.0.0.1:{port}/dav"), user: "ann".into(), plain_http: false };
    (open(&place, Some("hunter2")).unwrap(), port)
}

fn with_body(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn listing(hrefs: &[&str]) -> String {
    let one = |href: &&str| {
        let kind =
            if href.ends_with('/') { "<D:resourcetype><D:collection/></D:resourcetype>" } else { "<D:resourcetype/>" };
        format!(
            "<D:response><D:href>{href}</D:href><D:propstat><D:prop><D:getcontentlength>5</D:getcontentlength>\
             <D:getlastmodified>Sun, 22 Nov 2026 09:00:00 GMT</D:getlastmodified>{kind}</D:prop>\
             <D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
        )
    };
    let all: String = hrefs.iter().map(one).collect();
    with_body(
        "207 Multi-Status",
        &format!("<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">{all}</D:multistatus>"),
    )
}

#[test]
fn what_a_server_says_is_said_to_the_person_and_never_an_empty_mailbox() {
    let moved = "HTTP/1.1 301 Moved\r\nLocation: https://ann:pw@elsewhere.example/dav\r\nContent-Length: 0\r\n\r\n";
    let endless = "HTTP/1.1 207 Multi-Status\r\nContent-Length: 99999999999\r\n\r\n<?xml";
    let cases = [
        (moved.to_owned(), "has moved to https://elsewhere.example/dav"),
        (with_body("401 Unauthorized", ""), "password"),
        (with_body("403 Forbidden", ""), "does not let this user"),
        (with_body("404 Not Found", ""), "was not found"),
        (with_body("405 Method Not Allowed", ""), "no"),
        (with_body("507 Insufficient Storage", ""), "is full"),
        (with_body("418 Teapot", ""), "answers 418"),
        (with_body("200 OK", "<html>Please log in</html>"), "nobody understands"),
        (endless.to_owned(), "more than"),
        (listing(&["/dav/kith/", "/etc/passwd"]), "lists what lies elsewhere"),
        (listing(&["/dav/kith/", "http://elsewhere.example/dav/kith/x"]), "lists what lies elsewhere"),
    ];
    for (answer, wanted) in cases {
        let (mailbox, _) = answers(answer.clone());
        let error = mailbox.list().expect_err(&answer).to_string();
        assert!(error.contains(wanted) && !error.contains("hunter2"), "{answer}\n{error}");
        // What is written is refused as well, or said not to be kept; a listing of other things proves no size.
        assert!(mailbox.put_new("l/x", b"a longer one").is_err(), "{answer}");
    }
}

#[test]
fn what_a_server_breaks_off_or_makes_too_large_is_no_file() {
    let (short, _) = answers("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf of it");
    assert!(short.get("l/x", 99).unwrap_err().to_string().contains("cut off"));
    let (large, _) = answers(with_body("200 OK", &"x".repeat(5000)));
    assert!(matches!(large.get("l/x", 4999), Err(Error::Unreadable(_))));
    assert_eq!(large.get("l/x", 5000).unwrap().unwrap().len(), 5000);
    let endless = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "x".repeat(200_000));
    assert!(matches!(answers(endless).0.get("l/x", 1000), Err(Error::Unreadable(_))));
}

#[test]
fn a_server_may_list_whole_addresses_and_strange_names() {
    let (mailbox, port) = answers(listing(&[
        "http://127.0.0.1:PORT_/dav/kith/",
        "http://127.0.0.1:PORT_/dav/kith/one.kiths",
        "/dav/kith/two%20(Ann%27s%20copy).kiths",
        "/dav/kith/../../out",
        "/dav/kith/a%5cb",
        "/dav/kith/.hidden",
    ]));
    assert_eq!(names(mailbox.as_ref()), ["one.kiths", "two (Ann's copy).kiths"], "at {port}");
}

#[test]
fn what_a_killed_writer_left_is_swept_after_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder_at(folder.path());
    place.put_new("l/00/1.kiths", b"one").unwrap();
    let inside = folder.path().join("kith/l/00");
    let file = |name: &str, hours: u64| {
        let path = inside.join(name);
        fs::write(&path, b"half").unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3600)).unwrap();
        path
    };
    let left = file("~syncthing~Ab3xYz.tmp", 25);
    let stays = [
        ("~syncthing~Ab3xYz2.tmp", 25),
        ("~syncthing~1.kiths.tmp", 25),
        ("~syncthing~abcdef.tmp", 23),
        ("2.kiths", 99),
    ];
    let stays = stays.map(|(name, hours)| file(name, hours));
    assert_eq!(place.list().unwrap().len(), 2);
    assert!(!left.exists() && stays.iter().all(|path| path.exists()));
}
