//! Who keeps a mailbox, or finds what a device keeps beside its notebook, reads no name, no mail address and no id.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use kith_core::model::{Channel, Contact};
use tests::{Device, Seeded, quick_folder};

/// How much of a planted string is looked for.
const PART: usize = 10;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn word(random: &mut Seeded, length: usize) -> String {
    (0..length).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
}

#[test]
fn none_of_a_thousand_planted_names_mails_and_ids_lies_open() {
    let folder = quick_folder();
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let (phone, laptop) = (Device::new(folder.path(), "phone", 1), Device::new(folder.path(), "laptop", 2));
    phone.lets_in(&laptop, &shared);
    let mut random = Seeded(1000);
    let mut planted: HashSet<Vec<u8>> = HashSet::new();
    let mut plant = |bytes: &[u8]| assert!(planted.insert(bytes[..PART].to_vec()), "drawn twice");
    for at in 0..250 {
        let (name, mail) = (word(&mut random, 12), format!("{}@mail.example", word(&mut random, 12)));
        let mut contact = Contact { name: name.clone(), ..Contact::default() };
        contact.channels.push(Channel { value: mail.clone(), ..Channel::default() });
        let device = if at % 2 == 0 { &phone } else { &laptop };
        let id = device.notebook.put(contact).unwrap().raw();
        [name.as_bytes(), mail.as_bytes(), &id.0, id.to_string().as_bytes()].into_iter().for_each(&mut plant);
        if at % 25 == 24 {
            device.pass(&shared).unwrap();
        }
    }
    for device in [&phone, &laptop, &phone] {
        device.pass(&shared).unwrap();
    }
    assert_eq!((planted.len(), laptop.notebook.people(0, 1).unwrap().total), (1000, 250));
    // They are in the notebook, or looking for them would show nothing.
    let holds = |bytes: &[u8]| bytes.to_ascii_lowercase().windows(PART).any(|part| planted.contains(part));
    assert!(laptop.notebook.dump().unwrap().iter().any(|line| holds(line.as_bytes())));
    let outside =
        [&phone, &laptop].map(|device| [device.folder().join("keys"), device.folder().join("handed-out.json")]);
    let outside = outside.into_iter().flatten().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    let mut bytes = 0;
    for file in files(&shared).into_iter().chain(outside) {
        let there = std::fs::read(&file).unwrap();
        bytes += there.len();
        let name = file.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
        assert!(
            !holds(&there) && !there.windows(PART).any(|part| planted.contains(part)),
            "something planted lies in {name}"
        );
        assert!(!holds(name.as_bytes()), "something planted is in the name {name}");
    }
    assert!(bytes > 20_000, "only {bytes} bytes were looked through");
}
