//! The gate: what a change must be like before Automerge sees it. A pure function of the bytes.
//!
//! Automerge trusts what it parses: 104 bytes can claim a million operations, and a mutated change can make it
//! panic or allocate gigabytes. The limits here are frozen and numbered, and hold for our own changes too, so that
//! what one device admits every device admits. The layout read here is that of the change chunk of Automerge's binary
//! format specification.

/// Which set of limits this is. A new set needs a new number and a newer minimum reader.
pub const VERSION: u16 = 1;
/// Most bytes of one change.
pub const MAX_BYTES: usize = 128 * 1024;
/// Most operations of one change, and rows of each of its columns.
pub const MAX_ROWS: u64 = 16_384;
const MAX_DEPS: u64 = 256;
/// Each start of the program is an actor, and clearing a text names all who wrote in it: 4,096 take up half of a change.
const MAX_ACTORS: u64 = 4096;
const MAX_ACTOR_BYTES: u64 = 64;
const MAX_SEQ: u64 = 1 << 32;
const MAX_OP: u64 = 1 << 31;
const MAX_TIME: i64 = 1 << 40;
const MAX_MESSAGE: u64 = 4096;
const MAX_COLUMNS: u64 = 32;
const MAX_EXTRA: usize = 1024;
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHANGE_CHUNK: u8 = 1;

/// Why a change was refused, in words for a person who looks into the matter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("change refused: {0}")]
pub struct Refused(pub String);

fn refuse<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(why.into()))
}

/// Lets a change pass and says how many operations it has, or why it may not pass.
///
/// # Errors
/// [`Refused`] when a length, a count or a number is beyond the limits, or the bytes are no change.
pub fn check(bytes: &[u8]) -> Result<u64, Refused> {
    if bytes.len() > MAX_BYTES {
        return refuse(format!("{} bytes, at most {MAX_BYTES} are taken", bytes.len()));
    }
    let mut reader = Reader { bytes };
    if reader.take(4)? != MAGIC {
        return refuse("no Automerge chunk");
    }
    reader.take(4)?; // the checksum is compared with the hash once the change is parsed
    if reader.take(1)? != [CHANGE_CHUNK] {
        return refuse("not an uncompressed change");
    }
    if reader.unsigned()? != reader.bytes.len() as u64 {
        return refuse("its length is wrong");
    }
    let deps = reader.at_most(MAX_DEPS, "dependencies")?;
    reader.take(deps as usize * 32)?;
    reader.actor()?;
    within(reader.unsigned()?, 1, MAX_SEQ, "sequence number")?;
    within(reader.unsigned()?, 1, MAX_OP, "first operation")?;
    if reader.signed()?.abs() > MAX_TIME {
        return refuse("its time is out of range");
    }
    let message = reader.at_most(MAX_MESSAGE, "bytes of message")?;
    reader.take(message as usize)?;
    for _ in 0..reader.at_most(MAX_ACTORS, "actors")? {
        reader.actor()?;
    }
    let rows = columns(&mut reader)?;
    if reader.bytes.len() > MAX_EXTRA {
        return refuse("too many trailing bytes");
    }
    Ok(rows)
}

/// Who wrote a change that passed the gate.
pub fn actor_of(bytes: &[u8]) -> Result<&[u8], Refused> {
    let mut reader = Reader { bytes };
    reader.take(9)?;
    reader.unsigned()?;
    let deps = reader.at_most(MAX_DEPS, "dependencies")?;
    reader.take(deps as usize * 32)?;
    reader.actor()
}

fn within(number: u64, least: u64, most: u64, what: &str) -> Result<(), Refused> {
    if (least..=most).contains(&number) { Ok(()) } else { refuse(format!("its {what} is out of range")) }
}

/// The columns of operations: their kinds and lengths first, then their bytes. Returns the rows of the longest.
fn columns(reader: &mut Reader<'_>) -> Result<u64, Refused> {
    let count = reader.at_most(MAX_COLUMNS, "columns")?;
    let mut columns = Vec::new();
    let mut total = 0_u64;
    for _ in 0..count {
        let (spec, length) = (reader.unsigned()?, reader.unsigned()?);
        if spec & 0b1000 != 0 {
            return refuse("a compressed column");
        }
        total = total.saturating_add(length);
        columns.push((spec, length));
    }
    if total > reader.bytes.len() as u64 {
        return refuse("columns longer than the change");
    }
    let (mut value_bytes, mut longest) = (None, 0);
    for (spec, length) in columns {
        let bytes = reader.take(length as usize)?;
        match spec & 0b111 {
            0..=2 => longest = longest.max(rows(bytes, |reader| reader.unsigned())?.0),
            3 => longest = longest.max(rows(bytes, |reader| reader.signed().map(i64::unsigned_abs))?.0),
            4 => longest = longest.max(booleans(bytes)?),
            5 => {
                let word = |reader: &mut Reader<'_>| {
                    let length = reader.at_most(MAX_BYTES as u64, "bytes in a word")?;
                    reader.take(length as usize).map(|_| 0)
                };
                longest = longest.max(rows(bytes, word)?.0);
            }
            6 => {
                let (count, sum) = rows(bytes, |reader| reader.unsigned().map(|meta| meta >> 4))?;
                (value_bytes, longest) = (Some(sum), longest.max(count));
            }
            _ if value_bytes.take().is_some_and(|announced| announced != length) => {
                return refuse("values longer or shorter than announced");
            }
            _ => {}
        }
    }
    Ok(longest)
}

/// Walks a run-length encoded column; returns its rows, and the sum over them of what `value` reads.
fn rows(bytes: &[u8], value: impl Fn(&mut Reader<'_>) -> Result<u64, Refused>) -> Result<(u64, u64), Refused> {
    let mut reader = Reader { bytes };
    let (mut rows, mut sum) = (0_u64, 0_u64);
    while !reader.bytes.is_empty() {
        let run = reader.signed()?;
        let length = if run == 0 { reader.unsigned()? } else { run.unsigned_abs() };
        rows = rows.saturating_add(length);
        if rows > MAX_ROWS {
            return refuse(format!("more than {MAX_ROWS} rows in a column"));
        }
        let values = match run {
            0 => 0,
            run if run > 0 => {
                sum = sum.saturating_add(value(&mut reader)?.saturating_mul(length));
                0
            }
            _ => length,
        };
        for _ in 0..values {
            sum = sum.saturating_add(value(&mut reader)?);
        }
    }
    Ok((rows, sum))
}

fn booleans(bytes: &[u8]) -> Result<u64, Refused> {
    let mut reader = Reader { bytes };
    let mut rows = 0_u64;
    while !reader.bytes.is_empty() {
        rows = rows.saturating_add(reader.unsigned()?);
        if rows > MAX_ROWS {
            return refuse(format!("more than {MAX_ROWS} rows in a column"));
        }
    }
    Ok(rows)
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Refused> {
        match self.bytes.split_at_checked(length) {
            Some((taken, rest)) => {
                self.bytes = rest;
                Ok(taken)
            }
            None => refuse("cut short"),
        }
    }

    fn at_most(&mut self, most: u64, what: &str) -> Result<u64, Refused> {
        match self.unsigned()? {
            number if number <= most => Ok(number),
            number => refuse(format!("{number} {what}, at most {most} are taken")),
        }
    }

    fn actor(&mut self) -> Result<&'a [u8], Refused> {
        let length = self.at_most(MAX_ACTOR_BYTES, "bytes of an actor")?;
        self.take(length as usize)
    }

    /// Unsigned LEB128 of at most 64 bits.
    fn unsigned(&mut self) -> Result<u64, Refused> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        refuse("a number of more than 64 bits")
    }

    /// Signed LEB128 of at most 64 bits.
    fn signed(&mut self) -> Result<i64, Refused> {
        let mut number = 0_i64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let unused = 64 - (shift + 7).min(64);
                let negative = byte & 0x40 != 0 && unused > 0;
                return Ok(if negative { number | (-1_i64 << (shift + 7)) } else { number });
            }
        }
        refuse("a number of more than 64 bits")
    }
}
