//! Words as a search sees them: folded, without accents, of any script.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest word that is indexed, in characters; the rest of a longer one is left out.
const MAX_WORD: usize = 40;

/// The words of a text: lower case, without accents; scripts written without spaces are cut into pairs of characters.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut letters = 0;
    let mut pair: Option<char> = None;
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        let c = match c {
            'ß' => 's', // as in "strasse", with the letter before it left alone
            'ø' => 'o',
            'ł' => 'l',
            'đ' => 'd',
            'ı' => 'i',
            c => c,
        };
        if is_unspaced(c) {
            flush(&mut word, &mut letters, &mut words);
            match pair.replace(c) {
                Some(before) => words.push([before, c].iter().collect()),
                None => words.push(c.to_string()),
            }
            continue;
        }
        pair = None;
        if c.is_alphanumeric() {
            if letters < MAX_WORD {
                word.push(c);
            }
            letters += 1;
        } else if !matches!(c, '\'' | '’') {
            flush(&mut word, &mut letters, &mut words);
        }
    }
    flush(&mut word, &mut letters, &mut words);
    words
}

fn flush(word: &mut String, letters: &mut usize, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
    *letters = 0;
}

/// A name folded for comparing: its words, one space between them.
pub fn folded(text: &str) -> String {
    words(text).join(" ")
}

/// Scripts in which words are not set apart: Han, kana, Thai, Lao, Khmer, Burmese.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF
        | 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x2FA1F)
        && c.is_alphanumeric()
}

/// A word from its end to its beginning.
pub fn backwards(word: &str) -> String {
    word.chars().rev().collect()
}

/// The beginning and the end of a word of which one is still there when one letter is wrong, missing, too many, or has
/// changed places with the next; none for words so short that a typo makes another word of them.
pub fn sound_parts(word: &str) -> Option<(String, String)> {
    let letters = word.chars().count();
    let part = letters.saturating_sub(1) / 2;
    let end = || word.chars().skip(letters - part).collect();
    (letters >= 4).then(|| (word.chars().take(part).collect(), end()))
}

/// Whether two words differ by one letter that is wrong, missing or too many, or by two that changed places.
pub fn one_typo_apart(a: &str, b: &str) -> bool {
    a.chars().count().abs_diff(b.chars().count()) <= 1 && strsim::osa_distance(a, b) <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_apostrophes_are_forgiven() {
        assert_eq!(folded("Jürgen  O’Neill, ÉCOLE"), "jurgen oneill ecole");
        assert_eq!(folded("İstanbul Łódź Ørsted"), "istanbul lodz orsted");
    }

    #[test]
    fn scripts_without_spaces_are_found_by_pairs() {
        assert_eq!(words("東京都 Tokyo"), ["東", "東京", "京都", "tokyo"]);
    }

    #[test]
    fn one_typo_leaves_the_beginning_or_the_end_of_a_word_sound() {
        let letters: Vec<char> = "abcdefghij".chars().collect();
        for length in 4..=letters.len() {
            let word = &letters[..length];
            let mut typed: Vec<Vec<char>> = Vec::new();
            for at in 0..=length {
                typed.push([&word[..at], &['x'], &word[at..]].concat());
                if at < length {
                    typed.push([&word[..at], &word[at + 1..]].concat());
                    typed.push([&word[..at], &['x'], &word[at + 1..]].concat());
                }
                if at + 1 < length {
                    typed.push([&word[..at], &[word[at + 1], word[at]], &word[at + 2..]].concat());
                }
            }
            let word: String = word.iter().collect();
            for typed in typed.into_iter().map(String::from_iter).filter(|typed| typed.len() >= 4) {
                assert!(one_typo_apart(&typed, &word), "{typed} {word}");
                let sound = sound_parts(&typed).is_some_and(|(a, b)| word.starts_with(&a) || word.ends_with(&b));
                assert!(sound, "{typed} {word}");
            }
        }
        assert!(!one_typo_apart("warehouse", "warhorse") && !one_typo_apart("dana", "daniel"));
        assert_eq!((sound_parts("ann"), backwards("łódź").as_str()), (None, "źdół"));
    }
}
