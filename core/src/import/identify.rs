//! What tells that two records may be one person: addresses, written so that the same one is the same text.

use crate::model::{Channel, ChannelKind, Contact};

/// A mail address in lower case, without `mailto:` and angle brackets; nothing when it is none.
pub fn normalise_mail(mail: &str) -> Option<String> {
    let mail = mail.trim().to_lowercase();
    let mail = mail.strip_prefix("mailto:").unwrap_or(&mail);
    let mail = mail.rsplit_once('<').map_or(mail, |(_, address)| address.trim_end_matches('>')).trim();
    let (name, host) = mail.rsplit_once('@')?;
    let is_address = !name.is_empty() && !host.is_empty() && !mail.contains(char::is_whitespace);
    is_address.then(|| mail.to_owned())
}

/// The digits of a phone number, after `+` when it begins with `+` or `00`; nothing when there are fewer than five,
/// because short numbers are services that many people share.
///
/// An extension stays, after an `x`: colleagues share the number before it. No country is guessed, so a number with
/// its country code and one without are not the same.
pub fn normalise_phone(phone: &str) -> Option<String> {
    let phone = phone.trim().to_lowercase();
    let phone = phone.trim_start_matches(|c: char| c != '+' && digit(c).is_none());
    let (number, extension) = phone.find(['x', 'e', ';', ',', '#']).map_or((phone, ""), |at| phone.split_at(at));
    let international = number.starts_with('+');
    // "+33 (0)6 …": the zero is dialled inside the country only.
    let digits = digits_of(&if international { number.replace("(0)", "") } else { number.to_owned() });
    let digits = match (international, digits.strip_prefix("00")) {
        (true, _) => format!("+{digits}"),
        (false, Some(rest)) => format!("+{rest}"),
        (false, None) => digits,
    };
    let extension = digits_of(extension);
    let whole = if extension.is_empty() { digits } else { format!("{digits}x{extension}") };
    (whole.chars().filter(char::is_ascii_digit).count() >= 5).then_some(whole)
}

fn digits_of(text: &str) -> String {
    text.chars().filter_map(digit).collect()
}

/// Western, full-width, Arabic and Persian digits.
fn digit(c: char) -> Option<char> {
    let value = match c {
        '0'..='9' => return Some(c),
        '\u{ff10}'..='\u{ff19}' => c as u32 - 0xff10,
        '\u{660}'..='\u{669}' => c as u32 - 0x660,
        '\u{6f0}'..='\u{6f9}' => c as u32 - 0x6f0,
        _ => return None,
    };
    char::from_digit(value, 10)
}

/// A link in lower case without scheme, `www.`, fragment and final slashes, percent-encoding undone; nothing when it
/// is empty. Of a LinkedIn link, neither the country (`fr.linkedin.com`) nor the query (`?trk=`) matters.
pub fn normalise_link(link: &str) -> Option<String> {
    let link = percent_decoded(link.trim()).to_lowercase();
    let link = link.split_once("://").map_or(link.as_str(), |(_, rest)| rest);
    let link = link.split_once('#').map_or(link, |(link, _)| link);
    let link = link.strip_prefix("www.").unwrap_or(link);
    let host = link.split(['/', '?']).next().unwrap_or_default();
    if host == "linkedin.com" || host.ends_with(".linkedin.com") {
        let page = link[host.len()..].split('?').next().unwrap_or_default();
        return Some(format!("linkedin.com{}", page.trim_end_matches('/')));
    }
    let link = link.trim_end_matches('/');
    (!link.is_empty()).then(|| link.to_owned())
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let decoded = (first == b'%').then(|| after.get(..2).and_then(hex)).flatten();
        bytes.push(decoded.unwrap_or(first));
        rest = if decoded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Two hexadecimal digits as a byte.
pub(super) fn hex(digits: &[u8]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    match digits {
        [high, low] => u8::try_from(value(*high)? << 4 | value(*low)?).ok(),
        _ => None,
    }
}

/// What a contact can be recognised by: `mail:dana@acme.com`, `phone:+33612345678`, `link:linkedin.com/in/dana`.
///
/// Sorted, each once. Names are not among them: nobody is matched by name alone.
pub fn identities(contact: &Contact) -> Vec<String> {
    let mut identities: Vec<String> = contact.channels.iter().filter_map(identity).collect();
    identities.sort();
    identities.dedup();
    identities
}

fn identity(channel: &Channel) -> Option<String> {
    let address = match channel.kind {
        ChannelKind::Mail => normalise_mail(&channel.value),
        ChannelKind::Phone => normalise_phone(&channel.value),
        ChannelKind::Link => normalise_link(&channel.value),
        _ => None,
    };
    address.map(|address| format!("{}:{address}", channel.kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_phone_number_written_in_many_ways_is_one() {
        for number in ["+33 6 12 34 56 78", "0033612345678", "+33 (0)6.12.34.56.78", "tel:+33-6-12-34-56-78"] {
            assert_eq!(normalise_phone(number).as_deref(), Some("+33612345678"), "{number}");
        }
        assert_eq!(normalise_phone("\u{202a}+33 6 12 34 56 78\u{202c}").as_deref(), Some("+33612345678"));
        assert_eq!(normalise_phone("٠٦١٢٣٤٥٦٧٨").as_deref(), Some("0612345678"));
        assert_eq!(normalise_phone("(905) 555-1234").as_deref(), Some("9055551234"));
        assert_eq!(normalise_phone("Office: 9055551234").as_deref(), Some("9055551234"));
    }

    #[test]
    fn colleagues_behind_one_number_stay_two() {
        assert_eq!(normalise_phone("tel:+1-418-656-9254;ext=102").as_deref(), Some("+14186569254x102"));
        assert_eq!(normalise_phone("+1 418 656 9254 ext. 103").as_deref(), Some("+14186569254x103"));
    }

    #[test]
    fn short_numbers_and_words_identify_nobody() {
        for number in ["", "112", "BusinessPhone", "+", "0800", "ext. 12"] {
            assert_eq!(normalise_phone(number), None, "{number}");
        }
    }

    #[test]
    fn a_mail_address_is_the_same_in_capitals_and_brackets() {
        for mail in ["Dana@Acme.com ", "mailto:dana@acme.com", "Dana Levi <dana@acme.com>"] {
            assert_eq!(normalise_mail(mail).as_deref(), Some("dana@acme.com"), "{mail}");
        }
        for mail in ["", "dana", "@acme.com", "dana@", "dana at@acme.com"] {
            assert_eq!(normalise_mail(mail), None, "{mail}");
        }
    }

    #[test]
    fn a_profile_link_is_the_same_however_it_was_copied() {
        let links = [
            "https://www.linkedin.com/in/Zo%C3%AB-levi",
            "linkedin.com/in/zoë-levi/",
            "http://fr.linkedin.com/in/zoë-levi?trk=abc",
            "HTTPS://WWW.LINKEDIN.COM/in/zo%c3%ab-levi//#about",
        ];
        for link in links {
            assert_eq!(normalise_link(link).as_deref(), Some("linkedin.com/in/zoë-levi"), "{link}");
        }
        assert_eq!(normalise_link("https://a.org/p?id=1").as_deref(), Some("a.org/p?id=1"));
        assert_eq!(normalise_link("https://a.org/%E9%zz/").as_deref(), Some("a.org/%e9%zz"));
        assert_eq!(normalise_link(" "), None);
    }

    #[test]
    fn identities_are_sorted_and_named_once() {
        let channel = |kind, value: &str| Channel { kind, value: value.into(), ..Channel::default() };
        let contact = Contact {
            name: "Dana".into(),
            channels: vec![
                channel(ChannelKind::Phone, "+33 6 12 34 56 78"),
                channel(ChannelKind::Mail, "dana@acme.com"),
                channel(ChannelKind::Mail, "DANA@acme.com"),
                channel(ChannelKind::Address, "Paris"),
                channel(ChannelKind::Link, "https://linkedin.com/in/dana/"),
            ],
            ..Contact::default()
        };
        assert_eq!(identities(&contact), ["link:linkedin.com/in/dana", "mail:dana@acme.com", "phone:+33612345678"]);
    }
}
