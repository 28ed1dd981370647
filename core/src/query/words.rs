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

/// A word with each of its letters left out in turn, and the word itself: two words one typo apart share one of these.
pub fn with_one_letter_less(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    if letters.len() < 4 {
        return Vec::new();
    }
    let mut rests: Vec<String> = (0..letters.len())
        .map(|skip| letters.iter().enumerate().filter(|(at, _)| *at != skip).map(|(_, c)| c).collect())
        .collect();
    rests.push(word.into());
    rests.sort();
    rests.dedup();
    rests
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
    fn one_typo_leaves_a_common_rest() {
        for (a, b) in
            [("warehouse", "warehuose"), ("warehouse", "warehose"), ("warehouse", "warehousse"), ("dana", "dano")]
        {
            let (a, b) = (with_one_letter_less(a), with_one_letter_less(b));
            assert!(a.iter().any(|rest| b.contains(rest)));
        }
    }
}
