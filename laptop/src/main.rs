//! The program `kith`: reads what was typed, opens the notebook, hands over to the area, and ends with an exit code.

mod app;
mod args;
mod choose;
mod days;
mod failure;
mod layout;
mod meetings;
mod mistake;
mod out;
mod people;
mod person;
mod places;
mod promises;
mod show;
mod sync;
mod today;

use std::process::ExitCode;

use clap::Parser;

use app::App;
use args::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    mistake::stay_quiet();
    mistake::at_the_top(|| {
        let cli = Cli::parse();
        let out = out::Out::new(cli.color, cli.quiet);
        match run(&cli, &out).and_then(|()| out.finish()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.tell(&out),
        }
    })
}

fn run(cli: &Cli, out: &out::Out) -> Result<(), Failure> {
    match &cli.command {
        Some(Command::Completions { shell }) => return args::completions(*shell, out),
        Some(Command::Man) => return args::man(out),
        _ => {}
    }
    let app = App::open(cli, out)?;
    match cli.command.as_ref().unwrap_or(&Command::Today) {
        Command::Today => today::today(&app),
        Command::People(list) => people::list(&app, list),
        Command::Show { who } => person::show(&app, who),
        Command::Find { words } => people::find(&app, words),
        Command::Note(note) => meetings::note(&app, note),
        Command::Promise(promise) => promises::promise(&app, promise),
        Command::Sync { folder } => sync::sync(&app, folder.as_deref()),
        Command::Completions { .. } | Command::Man => Ok(()),
    }?;
    app.tidy();
    Ok(())
}
