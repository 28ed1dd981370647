//! What is nobody else's business. Named here is what is *not*: a field nobody thought of stays at home.

use serde_json::{Map, Value};

use super::kinds::{AnyRecord, Kind};
use super::people::Contact;
use super::record::Record;

/// Fields that tell which record it is and which others are the same; they say nothing of their own.
const OF_ALL: &[&str] = &["id", "created_at", "same_as", "not_same_as"];

impl Kind {
    /// The fields of a record that others may see; none when all of it is private.
    ///
    /// An address book and a calendar of events: whom one knows and how to reach them. What one thinks of them, what was
    /// said, promised, asked, needed, given and spent is between two people, or one's own.
    pub fn public_fields(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::Contact => &[
                "name",
                "given_name",
                "middle_name",
                "family_name",
                "name_prefix",
                "name_suffix",
                "nickname",
                "say_it",
                "pronouns",
                "languages",
                "channels",
                "birthday",
                "dates",
                "photo",
                "affiliations",
                "interests",
                "tags",
            ],
            Self::Organisation => &["name", "kind", "clips"],
            Self::Group => &["name", "members", "interests"],
            Self::Event => &["title", "place", "starts", "ends", "group"],
            Self::Profile => &["name", "organisation", "role", "brand_line", "fields", "card", "photo"],
            _ => return None,
        })
    }
}

/// What others may see of a record; nothing of a private or a deleted one.
pub fn without_private(record: &AnyRecord) -> Option<Map<String, Value>> {
    let public = record.kind().public_fields().filter(|_| record.deleted_at().is_none())?;
    let mut fields = record.to_map();
    fields.retain(|name, _| OF_ALL.contains(&name.as_str()) || public.contains(&name.as_str()));
    Some(fields)
}

/// A person as others may see them.
pub fn public_contact(contact: Contact) -> Contact {
    let fields = without_private(&AnyRecord::Contact(contact)).unwrap_or_default();
    Contact::from_map(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_others_may_see_is_a_field() {
        for kind in Kind::ALL {
            for name in kind.public_fields().unwrap_or_default() {
                assert!(kind.fields().iter().any(|field| field.name == *name), "{kind:?} {name}");
            }
        }
    }

    #[test]
    fn a_remark_about_somebody_is_private_and_their_number_is_not() {
        let channels = vec![super::super::Channel { value: "+33612345678".into(), ..Default::default() }];
        let dana = Contact { name: "Dana".into(), channels, social_tie: "ex".into(), ..Contact::default() };
        let dana = Contact { about: "talks too much".into(), recognise: "red scarf".into(), ..dana };
        let seen = public_contact(dana.clone());
        assert_eq!((seen.name, seen.channels), (dana.name.clone(), dana.channels.clone()));
        assert_eq!((seen.social_tie.as_str(), seen.about.as_str(), seen.recognise.as_str()), ("", "", ""));
        let gone = Contact { deleted_at: Some(chrono::DateTime::UNIX_EPOCH), ..dana };
        assert_eq!(without_private(&gone.into()), None);
    }
}
