//! People: the list, and finding any record. One person is in `person.rs`.

use kith_core::model::RecordId;
use kith_core::query::pages::MAX_ROWS;
use kith_core::query::{PeopleFilter, PersonRow};

use crate::app::App;
use crate::args::PeopleList;
use crate::failure::Failure;
use crate::layout::{self, FAINT, STRONG, clean, styled};
use crate::show;

/// The list of people.
pub(crate) fn list(app: &App, list: &PeopleList) -> Result<(), Failure> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let filter = PeopleFilter {
        tag: text(&list.tag).trim_start_matches('#').into(),
        organisation: text(&list.org),
        event: text(&list.event),
        deleted: list.deleted,
    };
    let people = app.notebook.people_where(&filter, list.from, list.limit)?;
    if app.json {
        return app.print_json(&people);
    }
    let rows: Vec<(String, String, RecordId)> = people.rows.iter().map(|row| row_of(app, row)).collect();
    show::table(app, &rows);
    match (people.rows.len() as u64, people.next) {
        _ if people.total > 0 && people.rows.is_empty() => app.out.aside(format!("{} in all.", people.total)),
        (0, _) if filter == PeopleFilter::default() => {
            app.out.aside("Nobody yet. Try: kith jot 'Dana Ruiz, Acme #lyon'")
        }
        (0, _) => app.out.aside("Nobody fits."),
        (shown, Some(next)) => app.out.aside(format!("{shown} of {}; more with --from {next}", people.total)),
        _ => {}
    }
    Ok(())
}

fn row_of(app: &App, row: &PersonRow) -> (String, String, RecordId) {
    let name = match row.name.trim() {
        "" => app.notebook.names(&[row.id]).unwrap_or_default(),
        name => clean(name),
    };
    let tags: Vec<String> = row.tags.iter().map(|tag| format!("#{}", clean(tag))).collect();
    let spark = if row.spark { "*" } else { "" };
    let parts = [show::work(row), tags.join(" "), spark.into()];
    (name, parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  "), row.id.raw())
}

/// Finds records by their words, and says when there are more than are shown.
pub(crate) fn find(app: &App, words: &[String], limit: u32, all: bool) -> Result<(), Failure> {
    let typed = words.join(" ");
    let limit = if all { MAX_ROWS } else { limit.clamp(1, MAX_ROWS) };
    // A person who is several records is found once, so some more are looked at than are shown.
    let mut hits = app.notebook.find(&typed, 2 * limit + 1)?;
    // All of them only where it matters: to find many takes longer.
    let found = if hits.len() > limit as usize { app.notebook.find(&typed, MAX_ROWS)?.len() } else { hits.len() };
    hits.truncate(limit as usize);
    if app.json {
        if found > hits.len() {
            app.out.aside(left_out(found, hits.len(), &typed));
        }
        return app.print_json(&hits);
    }
    if hits.is_empty() {
        return Err(Failure::NotFound(format!("nothing has the words \"{}\", also with a typo", clean(&typed))));
    }
    for hit in &hits {
        let kind = hit.kind.replace('_', " ");
        let (title, id) = (styled(STRONG, &clean(&hit.title)), show::short_id(hit.id));
        let about = if hit.about.is_empty() { String::new() } else { format!(", {}", clean(&hit.about)) };
        let line = format!("{title}  {}", styled(FAINT, &format!("{kind}{about}  {id}")));
        app.line(layout::wrap(&line, "    ", app.width));
        if !hit.passage.is_empty() {
            app.line(layout::paragraph(&hit.passage, "    ", "    ", app.width));
        }
    }
    if found > hits.len() {
        app.line(left_out(found, hits.len(), &typed));
    }
    if hits.len() == MAX_ROWS as usize {
        app.out.aside(format!("{MAX_ROWS} are the most that are shown; with another word there are fewer."));
    }
    Ok(())
}

fn left_out(found: usize, shown: usize, typed: &str) -> String {
    let at_least = if found >= MAX_ROWS as usize { "at least " } else { "" };
    format!("and {at_least}{} more: kith find --all {}", found - shown, clean(typed))
}
