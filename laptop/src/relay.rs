//! The relay of this device: shown, set, forgotten.

use crate::app::App;
use crate::args::RelayStep;
use crate::failure::Failure;
use crate::layout::clean;

/// Shows the relay, sets or forgets it.
pub(crate) fn relay(app: &App, step: Option<&RelayStep>) -> Result<(), Failure> {
    match step {
        None => show(app),
        Some(RelayStep::Set { url }) => set(app, url),
        Some(RelayStep::Forget) => forget(app),
    }
}

fn show(app: &App) -> Result<(), Failure> {
    let relay = app.notebook.relay()?;
    let address = relay.as_ref().map(|relay| relay.address());
    if app.json {
        return app.print_json(&serde_json::json!({ "relay": address }));
    }
    match address {
        Some(address) => app.line(clean(address)),
        None => app.out.aside("No relay. Devices meet on one network, or in a mailbox; see `kith relay --help`"),
    }
    Ok(())
}

fn set(app: &App, url: &str) -> Result<(), Failure> {
    let spinner = app.spinner("asking the relay");
    let set = app.notebook.set_relay(url, &mut || Ok(()));
    spinner.finish_and_clear();
    let relay = set?;
    let words = format!(
        "This device meets the others through {} too, from the next sync on. Set it on each of them: kith relay set {}",
        relay.words(),
        relay.address()
    );
    app.done(relay.address(), &words)
}

fn forget(app: &App) -> Result<(), Failure> {
    let relay = app.notebook.relay()?;
    app.notebook.forget_relay()?;
    let address = relay.as_ref().map(|relay| relay.address()).unwrap_or_default();
    app.done(address, &format!("Forgotten: {address}. A `kith sync --watch` that runs goes on with it until it ends."))
}
