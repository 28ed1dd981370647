//! Making a failing story shorter, and telling it in words.

use super::{Story, live};

/// Leaves out events as long as the story still fails: halves first, single ones in the end.
pub fn minimised(story: &Story) -> Story {
    let mut story = story.clone();
    let mut size = story.events.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < story.events.len() {
            let mut shorter = story.clone();
            shorter.events.drain(from..(from + size).min(story.events.len()));
            if live(&shorter).is_err() {
                story = shorter;
            } else {
                from += size;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    story
}

/// A failing story in words: as short as it gets, and what is wrong in the end.
pub fn told(story: &Story, why: &str) -> String {
    let short = minimised(story);
    let why = live(&short).err().unwrap_or_else(|| why.into());
    let places: Vec<String> = short
        .places
        .iter()
        .enumerate()
        .map(|(at, place)| {
            format!("place {at}, {}: {:?}", if place.is_carried { "carried" } else { "one" }, place.devices)
        })
        .collect();
    let events: Vec<String> = short.events.iter().map(|event| format!("  {event}")).collect();
    let (count, of) = (short.events.len(), story.events.len());
    format!(
        "{why}\nThe story of seed {} with {} devices ({}), {count} of {of} events:\n{}",
        short.seed,
        short.devices,
        places.join("; "),
        events.join("\n")
    )
}
