//! Lines typed one after the other: edited on a terminal, read as they are from a file or another program.

use std::io::{self, BufRead, IsTerminal};

use console::Term;
use kith_core::import::line_of;
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};

use crate::app::App;
use crate::failure::Failure;
use crate::layout::{self, clean};

/// Where lines come from.
pub(crate) struct Lines {
    editor: Option<DefaultEditor>,
}

impl Lines {
    /// The terminal, or standard input.
    pub(crate) fn open() -> Result<Self, Failure> {
        if !io::stdin().is_terminal() {
            return Ok(Self { editor: None });
        }
        let config = Config::builder().max_history_size(0).map_err(unreadable)?.auto_add_history(false).build();
        Ok(Self { editor: Some(DefaultEditor::with_config(config).map_err(unreadable)?) })
    }

    /// Whether somebody types.
    pub(crate) fn is_typed(&self) -> bool {
        self.editor.is_some()
    }

    /// The next line without its end; none at the end of input, after Ctrl-D or Ctrl-C.
    pub(crate) fn next(&mut self, app: &App, question: &str) -> Result<Option<String>, Failure> {
        let Some(editor) = &mut self.editor else { return from_input(app) };
        match editor.readline(question) {
            Ok(line) => Ok(Some(line)),
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(None),
            Err(error) => Err(unreadable(error)),
        }
    }
}

/// A secret typed on a terminal, without showing it; `otherwise` says what to do where nobody types.
pub(crate) fn secret(question: &str, otherwise: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::Usage(format!("nobody is here to type it; {otherwise}")));
    }
    let terminal = Term::stderr();
    let read = terminal.write_str(question).and_then(|()| terminal.read_secure_line());
    read.map_err(|error| Failure::Wrong(format!("what was typed cannot be read ({error}); nothing was changed")))
}

fn from_input(app: &App) -> Result<Option<String>, Failure> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().read_until(b'\n', &mut bytes).map_err(unreadable)?;
    let (line, guessed) = line_of(bytes);
    let line = line.trim_end_matches(['\n', '\r']);
    if guessed {
        let hint = format!("\"{}\" was not UTF-8; it was read as Windows-1252.", clean(line));
        app.out.aside(layout::wrap(&hint, "", app.width));
    }
    Ok((read > 0).then(|| line.to_string()))
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::Wrong(format!("the input cannot be read ({error}). What was typed before is saved."))
}
