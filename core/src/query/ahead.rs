//! Records told by a checkpoint, before their changes have come: which are told, and how one is shown.

use rusqlite::{Connection, params};
use serde_json::{Map, Value};

use super::project::{Aftermath, State, Stored, project};
use crate::document::Reading;
use crate::error::Result;
use crate::model::{Kind, RecordId};

/// Longest word of a kind, in bytes.
pub const MAX_KIND: usize = 64;
/// Longest record that is told, as JSON, in bytes.
pub const MAX_FIELDS: usize = 128 * 1024;

/// What a checkpoint says of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which record.
    pub id: RecordId,
    /// The word of its kind.
    pub kind: String,
    /// Its fields as JSON.
    pub fields: String,
}

impl Told {
    /// What it takes in a part, about.
    pub fn size(&self) -> usize {
        self.fields.len() + 40
    }

    /// Whether it may stand in a part at all.
    pub fn fits(&self) -> bool {
        self.fields.len() <= MAX_FIELDS && self.kind.len() <= MAX_KIND
    }
}

/// In this order records are told, as far as there is room: people first, then what belongs to them, what is looked for
/// by day, and the rest. Of a kind there is one record of, a device begins its own.
const ORDER: &[Kind] = &[
    Kind::Contact,
    Kind::Organisation,
    Kind::Promise,
    Kind::Event,
    Kind::Need,
    Kind::Offer,
    Kind::Goal,
    Kind::Introduction,
    Kind::Ask,
    Kind::Meeting,
    Kind::Note,
    Kind::Exchange,
    Kind::Group,
    Kind::Pitch,
    Kind::Accomplishment,
    Kind::Benefit,
];

/// What a checkpoint tells: the newest living records, up to about this many bytes, of each kind the oldest first.
pub fn to_tell(connection: &Connection, most: usize) -> Result<Vec<Told>> {
    let (mut all, mut room) = (Vec::new(), most);
    for kind in ORDER {
        let mut statement = connection.prepare_cached(
            "SELECT id, value FROM record JOIN named USING (n) WHERE kind = ? AND state IN (?, ?) ORDER BY n DESC",
        )?;
        let mut rows = statement.query(params![kind.number(), State::Living as i64, State::Member as i64])?;
        let mut of_kind = Vec::new();
        while let Some(row) = rows.next()? {
            let value: Stored = row.get(1)?;
            let told = Told { id: RecordId(row.get(0)?), kind: kind.word().into(), fields: value.as_str().to_owned() };
            let Some(left) = room.checked_sub(told.size()) else { break };
            if told.fits() {
                room = left;
                of_kind.push(told);
            }
        }
        all.extend(of_kind.into_iter().rev());
    }
    Ok(all)
}

/// Shows a record as it was told; says whether it could be read.
pub fn show(connection: &Connection, n: i64, told: &Told, after: &mut Aftermath) -> Result<bool> {
    let Ok(mut fields) = serde_json::from_str::<Map<String, Value>>(&told.fields) else { return Ok(false) };
    fields.shift_remove("id");
    let reading = Reading { kind: Some(told.kind.clone()), fields, conflicts: Default::default() };
    project(connection, n, told.id, &reading, after)?;
    Ok(true)
}
