//! Two devices in a process of its own meet in a mailbox on WebDAV: `visitor URL USER FOLDER`, with the password in
//! `KITH_MAILBOX_PASSWORD`. For tests of what a process is told by its environment, such as which certificates to trust.
//!
//! Says that both are alike, or why the mailbox cannot be used.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;
use std::process::ExitCode;

use kith_core::Result;
use kith_core::sync::carrier::{Mailbox, Place, open, try_out};
use tests::{Device, assert_alike, let_in_through};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, user, folder] = arguments.as_slice() else { panic!("visitor URL USER FOLDER") };
    match opened(url, user).map(|mailbox| meet(mailbox.as_ref(), Path::new(folder))) {
        Ok(()) => {
            println!("alike");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The mailbox, tried out as for a person who names it for the first time.
fn opened(url: &str, user: &str) -> Result<Box<dyn Mailbox>> {
    let password = std::env::var("KITH_MAILBOX_PASSWORD").unwrap();
    let place = Place::WebDav { url: url.into(), user: user.into(), plain_http: false };
    let mailbox = open(&place, Some(&password))?;
    try_out(mailbox.as_ref(), &[7; 16])?;
    Ok(mailbox)
}

fn meet(mailbox: &dyn Mailbox, folder: &Path) {
    let (phone, laptop) = (Device::new(folder, "phone", 1), Device::new(folder, "laptop", 2));
    phone.notebook.jot_line("Dana Ruiz, Acme !send her the contact").unwrap();
    let_in_through((&phone.notebook, &phone.keys), (&laptop.notebook, &laptop.keys), mailbox);
    laptop.notebook.jot_line("Ann Lee, Novabank").unwrap();
    for device in [&phone, &laptop, &phone] {
        device.notebook.sync(mailbox, &device.keys, &mut |_, _| Ok(())).unwrap();
    }
    assert_alike(&phone, &laptop);
}
