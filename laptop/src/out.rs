//! Where words go: answers to standard output, the rest to standard error. Colours only where they are seen; a reader
//! that closes the pipe ends the program quietly.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::AutoStream;

use crate::args::Color;
use crate::failure::Failure;

/// Standard output and error, with the person's wishes about them.
pub(crate) struct Out {
    out: RefCell<AutoStream<io::Stdout>>,
    err: RefCell<AutoStream<io::Stderr>>,
    /// The first failure to write; a closed pipe is none.
    failed: RefCell<Option<io::Error>>,
    lines: Cell<usize>,
    quiet: bool,
}

impl Out {
    pub(crate) fn new(color: Color, quiet: bool) -> Self {
        Self {
            out: RefCell::new(AutoStream::new(io::stdout(), color.into())),
            err: RefCell::new(AutoStream::new(io::stderr(), color.into())),
            failed: RefCell::new(None),
            lines: Cell::new(0),
            quiet,
        }
    }

    /// A line of an answer.
    pub(crate) fn line(&self, line: impl AsRef<str>) {
        self.lines.set(self.lines.get() + 1);
        self.raw(format!("{}\n", line.as_ref()).as_bytes());
    }

    /// How many lines were answered so far.
    pub(crate) fn lines(&self) -> usize {
        self.lines.get()
    }

    /// Hands over what was answered so far, for a reader who waits for each line.
    pub(crate) fn flush(&self) {
        let _ = self.out.borrow_mut().flush();
    }

    /// Bytes of an answer, as they are.
    pub(crate) fn raw(&self, bytes: &[u8]) {
        let mut failed = self.failed.borrow_mut();
        if failed.is_none() {
            *failed = self.out.borrow_mut().write_all(bytes).err();
        }
    }

    /// A line that confirms what was done; left out when the person wants it quiet.
    pub(crate) fn confirm(&self, line: impl AsRef<str>) {
        if !self.quiet {
            self.line(line);
        }
    }

    /// A line beside the answer, on standard error; left out when the person wants it quiet.
    pub(crate) fn aside(&self, line: impl AsRef<str>) {
        if !self.quiet {
            let _ = writeln!(self.err.borrow_mut(), "{}", line.as_ref());
        }
    }

    /// Whether the person wants answers and failures only.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A line that belongs to a question, on standard error, quiet or not.
    pub(crate) fn ask(&self, line: &str) {
        let _ = writeln!(self.err.borrow_mut(), "{line}");
    }

    /// What went wrong.
    pub(crate) fn error(&self, words: &str) {
        let width = crate::layout::width_of(io::stderr().is_terminal());
        let words = crate::layout::wrap(&format!("kith: {words}"), "", width);
        let _ = writeln!(self.err.borrow_mut(), "{words}");
    }

    /// Whether the reader has gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.failed.borrow().is_some()
    }

    /// Says whether everything was written. A reader who had enough is no failure.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        let flushed = self.out.borrow_mut().flush().err();
        match self.failed.borrow_mut().take().or(flushed) {
            None => Ok(()),
            Some(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Some(error) => Err(Failure::Wrong(format!(
                "the answer could not be written ({error}). The notebook is as it was, or as the command left it."
            ))),
        }
    }
}
