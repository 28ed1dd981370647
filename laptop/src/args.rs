//! The tree of commands, with the help a newcomer reads. What each takes is in `args/forms.rs`, what it does in the
//! file of its area.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;
use crate::layout;
use crate::out::Out;

/// The lines of examples under a command's help.
macro_rules! examples {
    ($($line:literal),+ $(,)?) => { concat!("Examples:" $(, "\n  ", $line)+) };
}

mod devices;
mod forms;

pub(crate) use devices::*;
pub(crate) use forms::*;

/// A notebook for the people you meet.
#[derive(Parser)]
#[command(
    name = "kith",
    version,
    about = "A notebook for the people you meet: what you promised, what they need, whom to introduce",
    long_about = "A notebook for the people you meet: what you promised, what they need, whom to introduce.\n\nIt stays on \
                  this computer; once another device is let in with `kith invite` and `kith join`, `kith sync` \
                  brings the two together. Without a command it shows today.",
    help_template = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}Options:\n{options}{after-help}",
    after_help = concat!(include_str!("args/marks.txt"), "\n\n", include_str!("args/naming.txt"), "\n\n", include_str!("args/codes.txt")),
    after_long_help = concat!(include_str!("args/marks.txt"), "\n\n", include_str!("args/naming.txt"), "\n\n", include_str!("args/codes.txt"))
)]
pub(crate) struct Cli {
    /// The notebook's file, instead of KITH_NOTEBOOK or this device's own
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) notebook: Option<PathBuf>,
    /// Answer as JSON, for other programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use bold and dim
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Say nothing but answers and failures
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// When to use bold and dim.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// The commands, by what a person does.
const GROUPS: &[(&str, &[&str])] = &[
    ("Every day", &["today", "jot", "find"]),
    ("People", &["people", "show", "edit", "photo", "same", "not-same"]),
    ("Events and meetings", &["event", "debrief", "meet", "met", "note"]),
    ("Promises", &["promise", "keep", "release"]),
    ("Giving and asking", &["need", "offer", "ask", "give", "got", "intro"]),
    ("Changing your mind", &["delete", "undelete", "undo", "history", "conflicts", "purge", "rewrite"]),
    ("Bringing and taking along", &["import", "imports", "export", "backup", "restore"]),
    ("Devices", &["sync", "invite", "join", "devices", "recovery", "mailbox", "relay", "quarantine", "renew"]),
    ("You", &["me", "settings"]),
    ("The program", &["demo", "doctor", "completions", "man", "help"]),
];

/// The tree of commands with its help: the list of commands is grouped, which clap does not do by itself.
pub(crate) fn command() -> clap::Command {
    let command = Cli::command();
    let mut list = String::new();
    for (title, names) in GROUPS {
        list.push_str(&format!("{}\n", layout::styled(layout::STRONG, &format!("{title}:"))));
        for name in *names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map_or_else(|| "Print this, or the help of a command".into(), ToString::to_string);
            list.push_str(&format!("  {name:12} {about}\n"));
        }
        list.push('\n');
    }
    command.before_help(list.clone()).before_long_help(list)
}

/// What a person can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show today: what you promised, what is planned, whom to call
    ///
    /// What you promised comes first, what is late at its top; the numbers are those `kith keep` takes.
    #[command(after_help = examples!("kith", "kith today --all", "kith today --json"))]
    Today {
        /// Show everything, not only the first twenty of each part
        #[arg(long)]
        all: bool,
    },
    /// Write down one line about somebody you met
    ///
    /// Name, organisation, role; then whatever you remember, in any order. Without text it takes line after line until
    /// Ctrl-D, each of them safe on the disk before the next. While an event runs, every line belongs to it.
    #[command(after_help = concat!(examples!(
        "kith jot 'Dana Ruiz, Acme Logistics, hiring ops !send her the Lyon contact by tue #lyon *'",
        "kith jot 'Ben ?a quieter office +knows customs brokers'",
        "kith jot --dry-run '?, Blue Freight, driver #lyon'",
        "kith jot < lines.txt"
    ), "\n\n", include_str!("args/marks.txt")))]
    Jot {
        /// The line; in quotes, so that the shell leaves the marks alone
        #[arg(value_name = "TEXT")]
        text: Vec<String>,
        /// Only show what would be written
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
    /// Start, stop and list events: while one runs, every jot belongs to it
    #[command(after_help = examples!("kith event start Chamber breakfast --place 'Hotel Bristol'", "kith event stop", "kith event list"))]
    Event {
        #[command(subcommand)]
        step: EventStep,
    },
    /// Five questions about each new person, while it is fresh
    ///
    /// One person at a time, those met last first. An empty answer skips the question, five of them leave the person
    /// for later. Ctrl-D stops; who was asked about last counts as done if there was an answer, which is kept.
    #[command(after_help = examples!("kith debrief", "kith debrief < answers.txt", "kith debrief --json"))]
    Debrief,
    /// List people by name
    #[command(after_help = examples!("kith people", "kith people --tag lyon", "kith people --event 'Chamber breakfast' --limit 20"))]
    People(PeopleList),
    /// Show everything about one person, or any other record whole
    ///
    /// What is no person is found by its id, as `kith find` shows it, and organisations, groups, events and goals by their
    /// names too, where no person has them.
    #[command(after_help = examples!("kith show dana", "kith show Dana Ruiz", "kith show dana@acme.com --json", "kith show Acme Logistics", "kith show 3fa91c02"))]
    Show {
        /// Who or what: words of the name, a mail address, or the beginning of the id
        #[arg(required = true, value_name = "WHO")]
        what: Vec<String>,
    },
    /// Find any word of any record, typos forgiven
    #[command(after_help = examples!("kith find warehouse", "kith find customs lyon", "kith find warehuose", "kith find --all lyon"))]
    Find {
        /// Words, the last may be unfinished
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
        /// Show at most so many
        #[arg(long, value_name = "N", default_value_t = 30)]
        limit: u32,
        /// Show all, up to 1000
        #[arg(long, conflicts_with = "limit")]
        all: bool,
    },
    /// Change what is known of a person
    ///
    /// FIELD=VALUE sets a field, FIELD= empties it. `+topic` adds a topic, `-topic` takes one away. Of phones, mails,
    /// links, languages, interests, categories, dates, family, reminders and those they know somebody may have several:
    /// FIELD+=VALUE adds one, FIELD-=VALUE takes one away.
    #[command(after_help = concat!(examples!(
        "kith edit dana name='Dana Ruiz' phone=+33612345678 role='head of operations'",
        "kith edit dana +lyon -chess cadence=60",
        "kith edit ben moved='Blue Freight' role=founder"
    ), "\n\n", include_str!("args/fields.txt")))]
    Edit {
        /// Who, then what: FIELD=VALUE, +topic, -topic
        #[arg(required = true, value_name = "WHO FIELD=VALUE")]
        what: Vec<String>,
    },
    /// Give a person a photo, or take it away
    ///
    /// A JPEG, PNG or WebP; it is made small, and goes to your other devices with the next sync.
    #[command(after_help = examples!("kith photo dana dana.jpg", "kith photo 'Dana Ruiz' --remove"))]
    Photo {
        /// Who
        #[arg(value_name = "WHO")]
        who: String,
        /// The picture
        #[arg(value_name = "FILE", required_unless_present = "remove", conflicts_with = "remove")]
        file: Option<PathBuf>,
        /// Take the photo away
        #[arg(long)]
        remove: bool,
    },
    /// Show your own card, change it, or draw it for the camera of a phone
    ///
    /// FIELD=VALUE sets a field, FIELD= empties it. Of phones, mails, links and fields of work there may be several:
    /// FIELD+=VALUE adds one, FIELD-=VALUE takes one away. With --card it is drawn as a code: a vCard of fewer than 300
    /// bytes, with as much of the card as fits.
    #[command(after_help = concat!(examples!(
        "kith me",
        "kith me name='Ann Berg' organisation='Blue Freight' role=planner mail=ann@blue.example",
        "kith me brand_line='I get warehouses to open on the day that was said' fields+=logistics",
        "kith me --card"
    ), "\n\nFields:\n  name organisation role brand_line fields phone mail link address messenger"))]
    Me {
        /// What to change: FIELD=VALUE
        #[arg(value_name = "FIELD=VALUE", conflicts_with = "card")]
        changes: Vec<String>,
        /// Draw it as a code
        #[arg(long)]
        card: bool,
    },
    /// Show what all your devices agree on, such as zone and first day of the week, or set it
    ///
    /// One setting is of this device alone: in `backup_folder` a backup is made by itself, once on each day on which
    /// something was written, and the newest 14 stay. They are not sealed: name a folder that nobody else can read.
    #[command(after_help = concat!(examples!(
        "kith settings",
        "kith settings zone=Europe/Paris week_start=sunday",
        "kith settings currency=EUR weekly_floor_minutes=60 mode='in transition'",
        "kith settings backup_folder=~/Backups",
        "kith settings zone="
    ), "\n\nFields:\n  zone (empty: that of each device) week_start currency weekly_floor_minutes mode\n  \
        backup_folder (of this device; empty: no backup by itself)"))]
    Settings {
        /// What to set: KEY=VALUE
        #[arg(value_name = "KEY=VALUE")]
        changes: Vec<String>,
    },
    /// Say that two records are one person; without names, list who may be, and why
    #[command(after_help = examples!("kith same", "kith same 'Dana Ruiz' 'D. Ruiz'", "kith same 3fa91c02 77b0e1d4"))]
    Same {
        /// One
        #[arg(value_name = "A", requires = "b")]
        a: Option<String>,
        /// The other
        #[arg(value_name = "B")]
        b: Option<String>,
    },
    /// Say that two records are different people; also takes back `kith same`, on any device
    ///
    /// Each is named by its own name, also while the two are shown as one.
    #[command(after_help = examples!("kith not-same 'Dana Ruiz' 'D. Ruiz'", "kith not-same 3fa91c02 77b0e1d4"))]
    NotSame(Pair),
    /// Write down a meeting, held or planned
    ///
    /// A meeting with one person notes a thank-you for the day after.
    #[command(after_help = examples!(
        "kith meet dana --kind coffee --takeaway 'Acme moves to Lyon in March'",
        "kith meet dana ben --on yesterday --mode video --could-help 'an intro to Chi'",
        "kith meet dana --planned --on tue --at 9:30 --ask 'whom should I meet at Acme?' --offer 'the customs guide'"
    ))]
    Meet(Box<Meet>),
    /// Write up a meeting that was planned
    #[command(after_help = examples!("kith met dana --takeaway 'she decides in May'", "kith met dana --cancelled", "kith met"))]
    Met(Met),
    /// Write a note, about people or about nobody
    #[command(after_help = examples!("kith note The chamber moves to Thursdays", "kith note 'Plays chess on Sundays' --about dana --about ben"))]
    Note(Note),
    /// Write down a promise in the exact words it was made
    #[command(after_help = examples!(
        "kith promise send her the Lyon contact --to dana --by tue",
        "kith promise 'the price list' --from ben --by 2026-12-01",
        "kith promise order cards --myself --by 'next week'"
    ))]
    Promise(Promise),
    /// Say that a promise was kept; without words, list what is open
    #[command(after_help = examples!("kith keep", "kith keep 2", "kith keep lyon contact", "kith keep 2 --on yesterday"))]
    Keep(Close),
    /// Let go of a promise that nobody waits for any more
    #[command(after_help = examples!("kith release 2", "kith release price list", "kith release 3 --broken"))]
    Release(Release),
    /// Write down what somebody needs; without words, list it
    #[command(after_help = examples!(
        "kith need a warehouse near Lyon --of dana",
        "kith need 'choose a broker' --of ben --kind decision --by 'in 3 weeks'",
        "kith need --closed warehouse"
    ))]
    Need(Need),
    /// Write down what somebody can offer; without words, list it
    #[command(after_help = examples!("kith offer knows customs brokers --of dana", "kith offer 'a desk for a day'", "kith offer --closed desk"))]
    Offer(Offer),
    /// Write down what you asked of somebody, and how it was answered
    #[command(after_help = examples!(
        "kith ask 'whom should I meet at Acme?' --to dana",
        "kith ask",
        "kith ask --answer yes acme --said 'Chi, next week'"
    ))]
    Ask(Ask),
    /// Write down what you gave somebody
    #[command(after_help = examples!("kith give the customs guide --to dana", "kith give 'an hour on her pitch' --to ben --kind advice --on yesterday"))]
    Give(Give),
    /// Write down what you got; a promise to tell a person what came of it is noted
    #[command(after_help = examples!("kith got the name of a broker --from dana", "kith got 'a review of my offer' --from ben --kind advice"))]
    Got(Got),
    /// Introduce two people, step by step; without names, list what is under way
    #[command(args_conflicts_with_subcommands = true, after_help = examples!(
        "kith intro dana ben --why 'both move goods through Lyon'",
        "kith intro agreed dana",
        "kith intro made ben",
        "kith intro outcome ben 'they share a warehouse now'"
    ))]
    Intro(Intro),
    /// Delete a person or another record; it can be brought back
    #[command(after_help = examples!("kith delete dana", "kith delete 3fa91c02", "kith undo"))]
    Delete {
        /// What: a person, words that find one record, or the beginning of an id
        #[arg(required = true, value_name = "WHAT")]
        what: Vec<String>,
    },
    /// Bring back what was deleted, here or on another device; without words, list it
    #[command(after_help = examples!("kith undelete", "kith undelete dana", "kith undelete 3fa91c02"))]
    Undelete {
        /// What: words of it, a number of the list, or the beginning of an id
        #[arg(value_name = "WHAT")]
        what: Vec<String>,
    },
    /// Take back the last deletion, merge, import or closed promise of this device
    #[command(after_help = examples!("kith undo", "kith undo --json"))]
    Undo,
    /// Show who changed what when
    #[command(after_help = examples!("kith history dana", "kith history 3fa91c02 --json"))]
    History {
        /// Who or what: a person, words that find one record, or the beginning of an id
        #[arg(required = true, value_name = "WHO")]
        what: Vec<String>,
    },
    /// List fields in which two devices disagree, and settle on a value
    ///
    /// Also what was deleted on one device and changed on another at the same time: it stays deleted until you say so.
    #[command(after_help = examples!("kith conflicts", "kith conflicts choose 1 2"))]
    Conflicts {
        #[command(subcommand)]
        step: Option<ConflictStep>,
    },
    /// Delete a person for good, history included
    ///
    /// Shows first what goes and what stays, and asks for the name. There is no way back but a backup. Your other devices do
    /// the same when they sync. What was synced stays in the mailboxes, sealed, until `kith renew`.
    #[command(after_help = examples!("kith purge dana", "kith purge 'Dana Ruiz' --yes"))]
    Purge {
        /// Who
        #[arg(required = true, value_name = "WHO")]
        who: Vec<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Put other words in place of some, and forget the old ones for good
    ///
    /// An edit keeps the old words in the record's history. This writes the record anew, without a history, and takes the
    /// old one out of the file: for a name that shall not stand in your notes any more. Capital letters count. Your other
    /// devices do the same when they sync. What was synced stays in the mailboxes, sealed, until `kith renew`.
    #[command(after_help = examples!("kith rewrite 3fa91c02 'Dana Ruiz' 'a friend'", "kith rewrite 3fa91c02 Dana D."))]
    Rewrite {
        /// Which record: words that find one, or the beginning of an id
        #[arg(value_name = "WHAT")]
        what: String,
        /// The words to take out, everywhere in the record
        old: String,
        /// The words to put in; \"\" for none
        new: String,
    },
    /// Bring in people from a file: vCard, Google, LinkedIn, or an export of Kith
    ///
    /// Shows first what would happen, then asks. The same file again changes nothing, and `kith undo` takes it back.
    #[command(after_help = examples!("kith import contacts.vcf", "kith import Connections.csv --dry-run", "kith import kith.json --yes"))]
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only show what would happen
        #[arg(short = 'n', long)]
        dry_run: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// List what was imported, and undo an import
    #[command(after_help = examples!("kith imports", "kith imports undo 3fa91c02"))]
    Imports {
        #[command(subcommand)]
        step: Option<ImportStep>,
    },
    /// Write everything, or the people, for another program
    #[command(after_help = examples!("kith export vcard people.vcf", "kith export json everything.json", "kith export json --without-private | jq"))]
    Export {
        /// Which form
        form: Form,
        /// The file; without one, standard output
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Leave out what is nobody else's business
        ///
        /// What goes: people with their names, phones, mails, links and addresses, roles, birthdays and other dates,
        /// languages, interests, topics and photos; organisations with their news; groups with their members; events with
        /// time and place; your own card. What stays: notes and every remark about a person (how you met, what ties you,
        /// how to recognise them, family), meetings, promises, needs, offers, asks, gives and gets, introductions, goals,
        /// weeks, time and money, and what was deleted. A vCard leaves out the note, the family, and what an imported card
        /// held that Kith has no field for.
        #[arg(long)]
        without_private: bool,
    },
    /// Write the whole notebook into one file, also while it is in use
    #[command(after_help = examples!("kith backup monday.kithbak", "kith backup monday.kithbak --passphrase", "KITH_PASSPHRASE=… kith backup monday.kithbak"))]
    Backup {
        /// The new file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Seal it; the passphrase is asked for. With KITH_PASSPHRASE set it is sealed with that, asked or not
        #[arg(long)]
        passphrase: bool,
    },
    /// Make a notebook from a backup, where there is none yet
    #[command(after_help = examples!("kith restore monday.kithbak", "kith --notebook old.kith restore monday.kithbak"))]
    Restore {
        /// The backup
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Bring this notebook together with your other devices
    ///
    /// The devices have to know each other first: `kith invite` here, `kith join` there, once for each new one.
    ///
    /// They meet in a mailbox: any folder that they share, in a cloud drive, on a network disk or on a stick, or a place
    /// on a server (`kith mailbox`). Everything in it is sealed; whoever keeps it cannot read a name. Devices that are
    /// awake on one network meet directly: one of them runs `kith sync --watch`, or has Kith open; on two networks they
    /// meet through a relay (`kith relay`).
    #[command(after_help = examples!("kith sync ~/Dropbox", "kith sync", "kith sync --watch", "kith sync --at laptop.local:40404"))]
    Sync(Sync),
    /// Let another device into this notebook
    ///
    /// Shows a code to be typed on the other device, waits until it asks, and lets it in when both show the same six
    /// digits and somebody said yes on each. A code is good for one device, until it is used or taken back with --cancel; a
    /// new one voids it. With --near it is good for 120 seconds.
    #[command(after_help = examples!("kith invite", "kith invite --folder ~/Dropbox", "kith invite --near", "kith invite --no-wait", "kith invite --agree-to 481516"))]
    Invite(Invite),
    /// Join the notebook of another device, with the code it shows
    ///
    /// Shows whose notebook that is, and six digits that the other device must show as well, and asks before anything is
    /// taken or given. People and notes that are here already are added to that notebook, for all of its devices to read.
    #[command(after_help = examples!("kith join KITHJ-2M4X-… --folder ~/Dropbox", "kith join KITHJ-2M4X-… --near", "kith join", "kith join --recovery --folder ~/Dropbox"))]
    Join(Join),
    /// List the devices of this notebook, remove one, or say where the keys of this one are
    #[command(args_conflicts_with_subcommands = true, after_help = examples!("kith devices", "kith devices remove tablet", "kith devices keys"))]
    Devices {
        #[command(subcommand)]
        step: Option<DeviceStep>,
    },
    /// Make a recovery key, to be written on paper
    ///
    /// With it, and a mailbox, `kith join --recovery` lets a device in when all others are lost, and `kith devices remove
    /// --recovery` shuts out a stolen one, whatever it says. It is shown once and kept nowhere.
    #[command(after_help = examples!("kith recovery", "kith recovery --replace"))]
    Recovery {
        /// Make a new one in the place of the one you have, which is asked for, or taken from KITH_RECOVERY_KEY
        #[arg(long)]
        replace: bool,
        /// The folder in which the devices meet, instead of the first mailbox
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// List the places in which devices meet, add one or forget one
    #[command(args_conflicts_with_subcommands = true, after_help = examples!(
        "kith mailbox",
        "kith mailbox add folder ~/Dropbox",
        "kith mailbox add webdav https://cloud.example/remote.php/dav/files/ann/kith --user ann",
        "kith mailbox add s3 https://s3.example my-bucket --access-key AK123",
        "kith mailbox forget 2"
    ))]
    Mailbox {
        #[command(subcommand)]
        step: Option<MailboxStep>,
    },
    /// Show the relay through which devices meet that share no network, set it or forget it
    ///
    /// A relay is a server of your own, the program `iroh-relay`, that passes on what your devices say to each other while
    /// both are awake. It cannot read it; it sees the keys and addresses of the devices, and how much they say when. Each
    /// device has to be told of it. Without one, which is so until you set it, nothing goes to any relay.
    #[command(args_conflicts_with_subcommands = true, after_help = examples!(
        "kith relay set https://relay.example",
        "kith relay",
        "kith relay forget"
    ))]
    Relay {
        #[command(subcommand)]
        step: Option<RelayStep>,
    },
    /// List what is kept back until you decide, and decide
    ///
    /// What a device wrote after it was removed, or a device that nobody let in, is not part of your notes until somebody
    /// says so. And when another device deletes more than a few people for good, they stay here until you agree.
    #[command(args_conflicts_with_subcommands = true, after_help = examples!(
        "kith quarantine",
        "kith quarantine keep tablet",
        "kith quarantine drop tablet",
        "kith quarantine agree"
    ))]
    Quarantine {
        #[command(subcommand)]
        step: Option<QuarantineStep>,
    },
    /// Seal everything anew, so that what you deleted for good is forgotten everywhere
    ///
    /// A purge takes a person out of the notebook on each of your devices as they sync, but what was synced before stays
    /// in the mailboxes, sealed. This seals the whole notebook under a new key and takes the old files away, here at once
    /// and on other devices when they sync. When all have followed, your devices forget the old keys: copies of old files,
    /// as a cloud keeps them in its bin, open to nobody then but the recovery key on paper.
    #[command(after_help = examples!("kith renew", "kith renew --yes"))]
    Renew {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Fill an empty notebook with forty made-up people, to look around
    #[command(after_help = examples!("kith --notebook demo.kith demo", "kith --notebook demo.kith today"))]
    Demo,
    /// Look whether the file is sound, and mend what can be mended
    #[command(after_help = examples!("kith doctor", "kith doctor --rescue-into mended.kith"))]
    Doctor {
        /// Take what can still be read out of a damaged notebook into a new one
        #[arg(long, value_name = "FILE")]
        rescue_into: Option<PathBuf>,
    },
    /// Print a script with which your shell completes commands
    #[command(after_help = examples!("kith completions bash > ~/.local/share/bash-completion/completions/kith", "kith completions fish | source"))]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of the program or of one command
    #[command(after_help = examples!("kith man | man -l -", "kith man jot > kith-jot.1", "kith man event start"))]
    Man {
        /// Which command, with its step
        command: Vec<String>,
    },
}

/// `-topic` after `edit` takes a topic away; to the parser it would be a row of short options.
fn spelled_out(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut at = 1;
    while arguments.get(at).is_some_and(|word| word.to_string_lossy().starts_with('-')) {
        at += if arguments[at] == "--notebook" || arguments[at] == "--color" { 2 } else { 1 };
    }
    if arguments.get(at).is_some_and(|word| word == "edit") {
        for word in &mut arguments[at + 1..] {
            let topic = word.to_str().and_then(|word| word.strip_prefix('-')).filter(|topic| topic.chars().count() > 1);
            if let Some(topic) = topic.filter(|topic| !topic.starts_with('-')) {
                *word = format!("tags-={}", topic.trim_start_matches('#')).into();
            }
        }
    }
    arguments
}

/// Reads what was typed; help and mistakes are printed here, and end with this code.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    let typed = command()
        .try_get_matches_from(spelled_out(std::env::args_os()))
        .and_then(|matches| Cli::from_arg_matches(&matches));
    typed.map_err(|error| {
        // A reader of the help who closes the pipe has had enough.
        let _ = error.print();
        if let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) =
            (error.kind(), error.get(ContextKind::InvalidSubcommand))
        {
            let _ = writeln!(std::io::stderr(), "\nTo look somebody up: kith show {word}");
        }
        ExitCode::from(error.exit_code().clamp(0, 2) as u8)
    })
}

/// Prints what a shell needs to complete commands.
pub(crate) fn completions(shell: clap_complete::Shell, out: &Out) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "kith", &mut script);
    out.raw(&script);
    Ok(())
}

/// Prints the manual page of the program, or of one command.
pub(crate) fn man(names: &[String], out: &Out) -> Result<(), Failure> {
    let mut tree = Cli::command();
    tree.build();
    // A page refers to another as `kith-event-start`.
    let words = names.iter().flat_map(|name| match tree.find_subcommand(name) {
        Some(_) => vec![name.as_str()],
        None => name.trim_start_matches("kith-").split('-').collect(),
    });
    let mut command = Some(&tree);
    for word in words {
        command = command.and_then(|command| command.find_subcommand(word));
    }
    let Some(command) = command.cloned() else {
        return Err(Failure::NotFound("there is no such command; `kith help` lists them".into()));
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::Wrong(format!("the manual page cannot be made ({error})")))?;
    out.raw(unfilled(&String::from_utf8_lossy(&page)).as_bytes());
    Ok(())
}

/// The page with its examples and tables kept line by line, which a reader of manual pages would run together.
fn unfilled(page: &str) -> String {
    let Some((before, after)) = page.split_once(".SH EXTRA\n") else { return page.into() };
    let (examples, rest) = after.find(".SH ").map_or((after, ""), |at| after.split_at(at));
    format!("{before}.SH EXAMPLES AND NOTES\n.nf\n{examples}.fi\n{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_stands_in_one_group_of_the_help() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let tree = Cli::command();
        let mut all: Vec<&str> = tree.get_subcommands().map(clap::Command::get_name).collect();
        all.push("help");
        grouped.sort_unstable();
        all.sort_unstable();
        assert_eq!(grouped, all);
    }

    #[test]
    fn a_topic_can_be_taken_away_whatever_it_is_called() {
        let typed = ["kith", "-q", "--color", "never", "edit", "dana", "-history", "-#quality", "-q", "--json"];
        let spelled: Vec<OsString> = spelled_out(typed.map(OsString::from));
        assert_eq!(spelled[6..], ["tags-=history", "tags-=quality", "-q", "--json"].map(OsString::from));
        let other = ["kith", "find", "-history"].map(OsString::from);
        assert_eq!(spelled_out(other.clone()), other);
    }

    #[test]
    fn the_tree_of_commands_holds_together() {
        command().debug_assert();
    }
}
