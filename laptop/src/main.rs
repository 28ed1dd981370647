//! The program `kith`: reads what was typed, opens the notebook, hands over to the area, and ends with an exit code.

mod app;
mod args;
mod bring;
mod choose;
mod days;
mod debrief;
mod devices;
mod direct;
mod edit;
mod exchange;
mod failure;
mod far;
mod fields;
mod jot;
mod keep;
mod keychain;
mod layout;
mod mailboxes;
mod me;
mod meetings;
mod mind;
mod mistake;
mod near;
mod out;
mod pair;
mod people;
mod person;
mod places;
mod promises;
mod prompt;
mod quarantine;
mod relay;
mod show;
mod sync;
mod today;
mod typing;
mod watch;
mod whole;

use std::process::ExitCode;

use app::App;
use args::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    mistake::stay_quiet();
    mistake::at_the_top(|| {
        let cli = match args::parse() {
            Ok(cli) => cli,
            Err(code) => return code,
        };
        let out = out::Out::new(cli.color, cli.quiet);
        match run(&cli, &out).and_then(|()| out.finish()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.tell(&out, cli.json),
        }
    })
}

fn run(cli: &Cli, out: &out::Out) -> Result<(), Failure> {
    let command = cli.command.as_ref().unwrap_or(&Command::Today { all: false });
    match command {
        Command::Completions { shell } => return args::completions(*shell, out),
        Command::Man { command } => return args::man(command, out),
        Command::Restore { file } => return keep::restore(out, &places::chosen(cli)?, file, cli.json),
        Command::Doctor { rescue_into: Some(to) } => return keep::rescue(out, &places::chosen(cli)?, to, cli.json),
        _ => {}
    }
    // Bare `kith` is how a notebook is begun; a question by its name is about one that is there.
    if asks(command) || matches!(cli.command, Some(Command::Today { .. })) {
        places::must_be_there(cli)?;
        places::must_not_be_empty(cli)?;
    }
    let app = App::open(cli, out)?;
    let done = dispatch(&app, command);
    // What was written before a command failed half way deserves the same care.
    app.tidy();
    done
}

/// Whether a command only makes sense in a notebook that is there; the others may begin one.
fn asks(command: &Command) -> bool {
    match command {
        Command::Need(need) => need.words.is_empty(),
        Command::Offer(offer) => offer.words.is_empty(),
        Command::Event { step } => !matches!(step, args::EventStep::Start { .. }),
        Command::Debrief | Command::People(_) | Command::Show { .. } | Command::Find { .. } => true,
        Command::Me { changes, .. } | Command::Settings { changes } => changes.is_empty(),
        Command::Edit { .. } | Command::Photo { .. } | Command::Same { .. } | Command::NotSame(_) => true,
        Command::Meet(_) | Command::Met(_) | Command::Keep(_) | Command::Release(_) => true,
        Command::Ask(_) | Command::Give(_) | Command::Got(_) | Command::Intro(_) => true,
        Command::Delete { .. } | Command::Undelete { .. } | Command::Undo | Command::History { .. } => true,
        Command::Conflicts { .. } | Command::Purge { .. } | Command::Rewrite { .. } => true,
        Command::Imports { .. } | Command::Export { .. } | Command::Backup { .. } | Command::Doctor { .. } => true,
        _ => false,
    }
}

fn dispatch(app: &App, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Today { all } => today::today(app, *all),
        Command::Jot { text, dry_run } => jot::jot(app, text, *dry_run),
        Command::Event { step } => meetings::event(app, step),
        Command::Debrief => debrief::debrief(app),
        Command::People(list) => people::list(app, list),
        Command::Show { what } => whole::show(app, what),
        Command::Find { words, limit, all } => people::find(app, words, *limit, *all),
        Command::Edit { what } => edit::edit(app, what),
        Command::Photo { who, file, .. } => me::photo(app, who, file.as_deref()),
        Command::Me { changes, card } => me::me(app, changes, *card),
        Command::Settings { changes } => me::settings(app, changes),
        Command::Same { a, b } => mind::same(app, a.as_deref(), b.as_deref()),
        Command::NotSame(pair) => mind::not_same(app, pair),
        Command::Meet(meet) => meetings::meet(app, meet),
        Command::Met(met) => meetings::met(app, met),
        Command::Note(note) => meetings::note(app, note),
        Command::Promise(promise) => promises::promise(app, promise),
        Command::Keep(close) => promises::keep(app, close),
        Command::Release(release) => promises::release(app, release),
        Command::Need(need) => exchange::need(app, need),
        Command::Offer(offer) => exchange::offer(app, offer),
        Command::Ask(ask) => exchange::ask(app, ask),
        Command::Give(give) => exchange::give(app, give),
        Command::Got(got) => exchange::got(app, got),
        Command::Intro(intro) => exchange::intro(app, intro),
        Command::Delete { what } => mind::delete(app, what),
        Command::Undelete { what } => mind::undelete(app, what),
        Command::Undo => mind::undo(app),
        Command::History { what } => mind::history(app, what),
        Command::Conflicts { step } => mind::conflicts(app, step.as_ref()),
        Command::Purge { who, yes } => mind::purge(app, who, *yes),
        Command::Rewrite { what, old, new } => mind::rewrite(app, what, old, new),
        Command::Import { file, dry_run, yes } => bring::import(app, file, *dry_run, *yes),
        Command::Imports { step } => bring::imports(app, step.as_ref()),
        Command::Export { form, file, without_private } => bring::export(app, *form, file.as_deref(), *without_private),
        Command::Backup { file, passphrase } => keep::backup(app, file, *passphrase),
        Command::Sync(options) => sync::sync(app, options),
        Command::Invite(invite) => devices::invite(app, invite),
        Command::Join(join) => devices::join(app, join),
        Command::Devices { step } => devices::devices(app, step.as_ref()),
        Command::Recovery { replace, folder } => devices::recovery(app, *replace, folder.as_deref()),
        Command::Mailbox { step } => mailboxes::mailbox(app, step.as_ref()),
        Command::Relay { step } => relay::relay(app, step.as_ref()),
        Command::Quarantine { step } => quarantine::quarantine(app, step.as_ref()),
        Command::Renew { yes } => quarantine::renew(app, *yes),
        Command::Demo => keep::demo(app),
        Command::Doctor { .. } => keep::doctor(app),
        // These need no open notebook and were answered before.
        Command::Restore { .. } | Command::Completions { .. } | Command::Man { .. } => Ok(()),
    }
}
