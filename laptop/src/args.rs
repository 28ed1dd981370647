//! The whole tree of commands, with the help a newcomer reads. What they do is in the file of each area.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;
use crate::out::Out;

/// A notebook for the people you meet.
#[derive(Parser)]
#[command(
    name = "kith",
    version,
    about = "A notebook for the people you meet: what you promised, what they need, whom to introduce",
    long_about = "A notebook for the people you meet. It stays on this computer; `kith sync FOLDER` brings it \
                  together with your other devices.\n\nWithout a command it shows today: what you promised, first.",
    disable_help_subcommand = false,
    subcommand_value_name = "COMMAND",
    after_help = AFTER
)]
pub(crate) struct Cli {
    /// The notebook's file, instead of this device's own
    #[arg(long, global = true, value_name = "FILE", env = "KITH_NOTEBOOK", hide_env_values = true)]
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

const AFTER: &str = "\
People are named by any words of their name, a mail address, or the beginning of their id.
Days are written as 2026-11-24, `tue`, `next week`, `in 3 days` or `12 Mar`.";

/// What a person can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show today: what you promised, what is planned, whom to call
    #[command(after_help = "Examples:\n  kith\n  kith today --json")]
    Today,
    /// List people by name
    #[command(
        after_help = "Examples:\n  kith people\n  kith people --tag lyon\n  kith people --event \"Chamber breakfast\""
    )]
    People(PeopleList),
    /// Show everything about one person
    #[command(after_help = "Examples:\n  kith show dana\n  kith show \"Dana Ruiz\"\n  kith show dana@acme.com --json")]
    Show {
        /// Who: words of the name, a mail address, or the beginning of the id
        #[arg(required = true, value_name = "WHO")]
        who: Vec<String>,
    },
    /// Find any word of any record, typos forgiven
    #[command(after_help = "Examples:\n  kith find warehouse\n  kith find customs lyon")]
    Find {
        /// Words, the last may be unfinished
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
    },
    /// Write a note, about people or about nobody
    #[command(
        after_help = "Examples:\n  kith note \"The chamber moves to Thursdays\"\n  kith note \"Plays chess on Sundays\" --about dana"
    )]
    Note(Note),
    /// Write down a promise in the exact words it was made
    #[command(after_help = "Examples:\n  kith promise send her the Lyon contact --to dana --by tue\n  \
                      kith promise \"the price list\" --from ben --by 2026-12-01\n  kith promise order cards --myself")]
    Promise(Promise),
    /// Bring this notebook together with your other devices through a folder
    #[command(after_help = "Examples:\n  kith sync ~/Dropbox/kith\n  kith sync            the folder of last time")]
    Sync {
        /// The folder; may be left out once it was named
        #[arg(value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// Print a script with which your shell completes commands
    #[command(
        after_help = "Examples:\n  kith completions bash > ~/.local/share/bash-completion/completions/kith\n  kith completions fish | source"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = "Examples:\n  kith man > kith.1\n  kith man | man -l -")]
    Man,
}

/// Which people.
#[derive(Args)]
pub(crate) struct PeopleList {
    /// Only those with this topic
    #[arg(long, value_name = "TOPIC")]
    pub(crate) tag: Option<String>,
    /// Only those of this organisation
    #[arg(long, value_name = "NAME")]
    pub(crate) org: Option<String>,
    /// Only those met at this event
    #[arg(long, value_name = "TITLE")]
    pub(crate) event: Option<String>,
    /// Deleted people instead
    #[arg(long)]
    pub(crate) deleted: bool,
    /// Leave out so many at the beginning
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) from: u32,
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) limit: u32,
}

/// A note.
#[derive(Args)]
pub(crate) struct Note {
    /// The text
    #[arg(required = true, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// Whom it is about; may be given several times
    #[arg(long, value_name = "WHO")]
    pub(crate) about: Vec<String>,
}

/// A promise.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("whose").multiple(false))]
pub(crate) struct Promise {
    /// The exact words
    #[arg(required = true, value_name = "WORDS")]
    pub(crate) words: Vec<String>,
    /// You promised it to them
    #[arg(long, value_name = "WHO", group = "whose")]
    pub(crate) to: Option<String>,
    /// They promised it to you
    #[arg(long, value_name = "WHO", group = "whose")]
    pub(crate) from: Option<String>,
    /// A promise to yourself
    #[arg(long, group = "whose")]
    pub(crate) myself: bool,
    /// The day by which
    #[arg(long, value_name = "DAY")]
    pub(crate) by: Option<String>,
}

/// Prints what a shell needs to complete commands.
pub(crate) fn completions(shell: clap_complete::Shell, out: &Out) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "kith", &mut script);
    out.raw(&script);
    Ok(())
}

/// Prints the manual page.
pub(crate) fn man(out: &Out) -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| Failure::Wrong(format!("the manual page cannot be made ({error})")))?;
    out.raw(&page);
    Ok(())
}
