//! Who changed which field when, read from the Automerge history of one document.

use std::collections::HashMap;

use automerge::legacy::{Key, ObjectId, OpType};
use serde_json::Value;

use super::{Document, KIND, json_of};

/// One change of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryChange {
    /// Which change.
    pub hash: [u8; 32],
    /// When, by the clock of the device that made it, in seconds since 1970. Shown only; nothing merges by it.
    pub unix_seconds: i64,
    /// Who wrote it: an actor, which the store knows as a device.
    pub actor: Vec<u8>,
    /// What it did, field by field.
    pub steps: Vec<HistoryStep>,
}

/// What one change did to one field.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryStep {
    /// The key: a field, `field/member` of a set, or `field/entry/field` of an entry.
    pub key: String,
    /// The value written; none for a text.
    pub value: Option<Value>,
    /// The letters added to a text, in the order in which they were written.
    pub added: String,
    /// How many letters of a text were taken away.
    pub removed: u64,
}

impl Document {
    /// Its history, oldest first; the change that only made the empty record is left out.
    pub fn history(&self) -> Vec<HistoryChange> {
        let mut texts: HashMap<ObjectId, String> = HashMap::new();
        let mut history = Vec::new();
        for change in self.auto.get_changes(&[]) {
            let expanded = change.decode();
            let mut steps: Vec<HistoryStep> = Vec::new();
            for (index, op) in expanded.operations.iter().enumerate() {
                match (&op.obj, &op.key, &op.action) {
                    (ObjectId::Root, Key::Map(key), OpType::Make(_)) => {
                        let counter = expanded.start_op.get() + index as u64;
                        let id = ObjectId::Id(automerge::legacy::OpId(counter, expanded.actor_id.clone()));
                        texts.insert(id, key.to_string());
                    }
                    (ObjectId::Root, Key::Map(key), OpType::Put(value)) if key.as_str() != KIND => {
                        steps.push(step(key, Some(json_of(value))));
                    }
                    (object, _, action) => {
                        if let Some(field) = texts.get(object) {
                            note_letters(&mut steps, field, op.insert, action);
                        }
                    }
                }
            }
            if !steps.is_empty() {
                let (unix_seconds, actor) = (change.timestamp(), change.actor_id().to_bytes().to_vec());
                history.push(HistoryChange { hash: change.hash().0, unix_seconds, actor, steps });
            }
        }
        history
    }
}

fn step(key: &str, value: Option<Value>) -> HistoryStep {
    HistoryStep { key: key.into(), value, added: String::new(), removed: 0 }
}

fn note_letters(steps: &mut Vec<HistoryStep>, field: &str, insert: bool, action: &OpType) {
    let position = steps.iter().position(|step| step.key == field && step.value.is_none());
    let position = position.unwrap_or_else(|| {
        steps.push(step(field, None));
        steps.len() - 1
    });
    let step = &mut steps[position];
    match action {
        OpType::Put(value) if insert => step.added.push_str(json_of(value).as_str().unwrap_or_default()),
        OpType::Delete => step.removed += 1,
        _ => {}
    }
}
