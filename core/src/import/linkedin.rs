//! `Connections.csv` of LinkedIn: one row a connection, most of them without a mail address.

use chrono::NaiveDate;

use super::identify::normalise_link;
use super::table::{Columns as TableColumns, Row};
use super::values::one_line;
use super::vcard::name_from;
use super::{Card, Item};
use crate::model::{Affiliation, Channel, ChannelKind, Contact, LifeDate};

/// Where each column is; older files have no link, and people delete columns.
pub(super) struct Columns {
    first_name: usize,
    last_name: usize,
    link: Option<usize>,
    mail: Option<usize>,
    company: Option<usize>,
    position: Option<usize>,
    connected_on: Option<usize>,
}

impl TableColumns for Columns {
    fn find(header: &[String]) -> Option<Self> {
        let column = |name: &str| header.iter().position(|header| header.eq_ignore_ascii_case(name));
        let columns = Self {
            first_name: column("First Name")?,
            last_name: column("Last Name")?,
            link: column("URL"),
            mail: column("Email Address"),
            company: column("Company"),
            position: column("Position"),
            connected_on: column("Connected On"),
        };
        // Outlook and Google have first and last names too.
        let own = columns.link.or(columns.mail).or(columns.position).or(columns.connected_on);
        own.map(|_| columns)
    }

    fn item(&self, row: &Row<'_>) -> Item {
        let mut contact = self.named(row);
        let mail = one_line(row.cell(self.mail));
        let link = one_line(row.cell(self.link));
        let is_nameless = contact.name.is_empty();
        if is_nameless && mail.is_empty() {
            return Item::Skipped { line: row.line, reason: "a closed account, without a name".into() };
        }
        contact.channels.extend(channel(ChannelKind::Mail, "", mail));
        let key = normalise_link(&link).unwrap_or_default();
        contact.channels.extend(channel(ChannelKind::Link, "LinkedIn", link));
        let (company, role) = (one_line(row.cell(self.company)), one_line(row.cell(self.position)));
        let mut organisations = Vec::new();
        if !company.is_empty() || !role.is_empty() {
            organisations.push(company);
            contact.affiliations.push(Affiliation { role, ..Affiliation::default() });
        }
        if is_nameless {
            contact.name = name_from(&contact, &[]);
        }
        let connected_on = day(row.cell(self.connected_on));
        contact.dates.extend(connected_on.map(|day| LifeDate {
            label: "connected on LinkedIn".into(),
            date: Some(day.into()),
            ..LifeDate::default()
        }));
        let kept = row.kept(|at| self.is_used(at, connected_on.is_some()));
        Item::Card(Box::new(Card { line: row.line, contact, organisations, key, kept, ..Card::default() }))
    }
}

impl Columns {
    /// The name of a row. Degrees stand behind the surname, after a comma: "Levi, MBA".
    fn named(&self, row: &Row<'_>) -> Contact {
        let last = one_line(row.cell(Some(self.last_name)));
        let (family, suffix) = last.split_once(',').unwrap_or((&last, ""));
        let mut contact = Contact {
            given_name: one_line(row.cell(Some(self.first_name))),
            family_name: family.trim().to_owned(),
            ..Contact::default()
        };
        contact.name = name_from(&contact, &[]);
        contact.name_suffix = suffix.trim().to_owned();
        contact
    }

    fn is_used(&self, at: usize, has_day: bool) -> bool {
        let columns = [Some(self.first_name), Some(self.last_name), self.link, self.mail, self.company, self.position];
        columns.contains(&Some(at)) || (has_day && self.connected_on == Some(at))
    }
}

fn channel(kind: ChannelKind, label: &str, value: String) -> Option<Channel> {
    (!value.is_empty()).then(|| Channel { kind, label: label.into(), value, ..Channel::default() })
}

/// `09 Mar 2021`; `5-Mar-21` after Excel; `4/11/18, 9:05 AM` in files of 2018, the month first.
fn day(text: &str) -> Option<NaiveDate> {
    let day = text.split(',').next().unwrap_or_default().trim();
    ["%d %b %Y", "%d-%b-%y", "%d-%b-%Y", "%m/%d/%y", "%m/%d/%Y", "%d/%m/%Y", "%Y-%m-%d"]
        .iter()
        .filter_map(|form| NaiveDate::parse_from_str(day, form).ok())
        .find(|day| (2000..=2100).contains(&chrono::Datelike::year(day)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cards, items};
    use super::*;

    const HEADER: &str = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n";

    #[test]
    fn a_connection_is_a_contact_with_its_profile_company_and_day() {
        let file = format!(
            "{HEADER}Dana,\"Levi, MBA, PMP\",https://www.linkedin.com/in/Dana-L%C3%A9vi?trk=x,dana@acme.com,Acme,CTO,09 Mar 2021\n"
        );
        let card = &cards(file)[0];
        let contact = &card.contact;
        assert_eq!((contact.name.as_str(), contact.family_name.as_str()), ("Dana Levi", "Levi"));
        assert_eq!((contact.name_suffix.as_str(), card.key.as_str()), ("MBA, PMP", "linkedin.com/in/dana-lévi"));
        assert_eq!((contact.affiliations[0].role.as_str(), card.organisations[0].as_str()), ("CTO", "Acme"));
        assert_eq!(contact.dates[0].date.map(|day| day.to_string()).as_deref(), Some("2021-03-09"));
        assert_eq!((card.line, card.kept.as_str()), (2, ""));
    }

    #[test]
    fn the_header_is_found_after_every_wording_of_the_notes() {
        let row = "Dana,Levi,,,,,\n";
        for notes in [
            "",
            "Notes:\n\"When exporting, some addresses are missing. Learn \"\"more\"\".\"\n\n",
            "Notes:\r\n\"When exporting, addresses are missing\"\r\n\r\n",
            "Notes:\nWhen exporting, addresses are missing\n",
            "\u{feff}",
        ] {
            let cards = cards(format!("{notes}{HEADER}{row}"));
            assert_eq!(cards[0].contact.name, "Dana Levi", "{notes}");
        }
    }

    #[test]
    fn closed_accounts_are_counted_and_nobody_else_is_skipped() {
        let items = items(format!("{HEADER},,,,,,20 Mar 2022\n,,,dana@acme.com,,,\n\n🦊 Zoë,,,,,,\n"));
        assert!(matches!(&items[0], Item::Skipped { line: 2, reason } if reason.contains("closed account")));
        let names = items.iter().filter_map(|item| match item {
            Item::Card(card) => Some((card.line, card.contact.name.as_str())),
            _ => None,
        });
        assert_eq!(names.collect::<Vec<_>>(), [(3, "dana@acme.com"), (5, "🦊 Zoë")]);
    }

    #[test]
    fn a_file_without_links_and_with_deleted_columns_is_read() {
        let cards = cards("First Name;Last Name;Position;Connected On;Level\nDana;Levi;CTO;soon;2\n".into());
        assert_eq!((cards[0].key.as_str(), cards[0].organisations[0].as_str()), ("", ""));
        assert_eq!(cards[0].kept, r#"{"Connected On":"soon","Level":"2"}"#);
    }

    #[test]
    fn days_of_every_year_of_linkedin_are_understood() {
        for text in ["09 Mar 2021", "9-Mar-21", "3/9/21, 9:05 AM", "3/9/2021", "2021-03-09"] {
            assert_eq!(day(text).map(|day| day.to_string()).as_deref(), Some("2021-03-09"), "{text}");
        }
        assert_eq!(day("31/12/2021").map(|day| day.to_string()).as_deref(), Some("2021-12-31"));
        assert_eq!(day("soon"), None);
    }
}
