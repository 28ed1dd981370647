//! A WebDAV server with a certificate: whom the system trusts is synced with, and nobody else hears a word. What the system
//! trusts is told to a process of its own, `visitor`.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use kith_core::sync::carrier::Place;
use tests::certificates::Authority;
use tests::ear::Ear;

use super::servers::{Kind, SECRET, Server, USER};

/// Two devices of a process that trusts these certificates meet there: what they say, and whether they met.
fn visit(server: &Server, ear: &Ear, trusts: &str, folder: &Path) -> (String, bool) {
    let Place::WebDav { url, .. } = server.place(ear.door.port()) else { panic!("no WebDAV") };
    let roots = folder.join("roots");
    std::fs::write(&roots, trusts).unwrap();
    let mut visitor = Command::new(env!("CARGO_BIN_EXE_visitor"));
    visitor.args([&url, USER]).arg(folder).env("KITH_MAILBOX_PASSWORD", SECRET);
    let output = visitor.env("SSL_CERT_FILE", &roots).env_remove("SSL_CERT_DIR").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&said).into_owned(), output.status.success())
}

#[test]
fn devices_sync_through_a_server_that_proves_who_it_is_and_say_no_word_to_one_that_cannot() {
    let test = "devices_sync_through_a_server_that_proves_who_it_is_and_say_no_word_to_one_that_cannot";
    let (ours, others) = (Authority::of("ours"), Authority::of("others"));
    let Some(mut server) = Server::start_showing(test, Kind::Apache, &ours.signs("127.0.0.1")) else { return };
    let ear = Ear::before((Ipv4Addr::LOCALHOST, server.port).into());
    let folder = tempfile::tempdir().unwrap();
    let (said, met) = visit(&server, &ear, &ours.root, folder.path());
    assert!(met && said.contains("alike"), "{said}");
    assert!(server.is_visited(), "the files lie there");
    let heard = ear.transcript().said.len();
    for (shown, trusts, why) in [
        (ours.signs("127.0.0.1"), &others.root, "UnknownIssuer"),
        (ours.signed("127.0.0.1"), &ours.root, "expired"),
        (ours.signs("files.example"), &ours.root, "not valid for"),
    ] {
        server.show(&shown);
        let folder = tempfile::tempdir().unwrap();
        let (said, met) = visit(&server, &ear, trusts, folder.path());
        assert!(!met && said.contains("this device does not trust the certificate of https://127.0.0.1"), "{said}");
        assert!(said.contains(why), "{why}: {said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    let passed = ear.transcript();
    assert!(passed.said.len() > heard, "they did call");
    for word in ["Host:", "PROPFIND", "Authorization", SECRET] {
        assert!(!passed.holds(word.as_bytes()), "{word} was said in clear");
    }
}
