//! What a word is: a run of letters and digits, in lower case. The index, the text search and the narrowing of
//! substring searches all ask here, so that they agree.
//!
//! Case is folded letter by letter, without regard to the neighbours, so that a word folds alike wherever it stands.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// The index keeps no more than this many bytes of a word; longer ones are found by their beginning and checked
/// in the text.
pub(crate) const MAX_INDEXED_BYTES: usize = 64;

/// The words of a text as byte ranges, unfolded.
pub(crate) fn ranges(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = text.get(from..)?;
        let start = from + rest.find(char::is_alphanumeric)?;
        let word = text.get(start..)?;
        let end = start + word.find(|c: char| !c.is_alphanumeric()).unwrap_or(word.len());
        from = end;
        Some((start, end))
    })
}

/// Writes a word in lower case over `into`.
pub(crate) fn fold(word: &str, into: &mut String) {
    into.clear();
    if word.is_ascii() {
        into.push_str(word);
        into.make_ascii_lowercase();
    } else {
        into.extend(word.chars().flat_map(char::to_lowercase));
    }
}

/// The part of an unfolded word that the index sees.
fn indexed_part(word: &str) -> &str {
    let mut end = word.len().min(MAX_INDEXED_BYTES);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    &word[..end]
}

/// The whole words of a search text, folded, each once.
pub(crate) fn search_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (start, end) in ranges(text) {
        let mut word = String::new();
        fold(&text[start..end], &mut word);
        words.push(word);
    }
    words.sort();
    words.dedup();
    words
}

/// A search text's words as the index has them.
pub(crate) fn index_terms_of_text(text: &str) -> Vec<String> {
    ranges(text)
        .map(|(start, end)| index_term(&text[start..end]))
        .collect()
}

/// The words, as the index has them, that every text containing `needle` must have: those that end within the
/// needle on both sides. A word at the needle's edge may be a part of a longer one and says nothing.
pub(crate) fn index_terms_of_needle(needle: &str) -> Vec<String> {
    ranges(needle)
        .filter(|&(start, end)| start > 0 && end < needle.len())
        .map(|(start, end)| index_term(&needle[start..end]))
        .collect()
}

fn index_term(word: &str) -> String {
    let mut term = String::new();
    fold(indexed_part(word), &mut term);
    term
}

/// Strikes the words of `text` off `missing`; `scratch` is reused between calls.
pub(crate) fn strike_off(text: &str, missing: &mut Vec<&str>, scratch: &mut String) {
    for (start, end) in ranges(text) {
        if missing.is_empty() {
            return;
        }
        fold(&text[start..end], scratch);
        missing.retain(|word| word != scratch);
    }
}

/// The same rules as a tantivy tokenizer.
#[derive(Clone, Default)]
pub(crate) struct WordTokenizer {
    token: Token,
}

/// The words of one text.
pub(crate) struct WordStream<'a> {
    text: &'a str,
    from: usize,
    token: &'a mut Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream {
            text,
            from: 0,
            token: &mut self.token,
        }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let rest = &self.text[self.from..];
        let Some((start, end)) = ranges(rest).next() else {
            return false;
        };
        fold(indexed_part(&rest[start..end]), &mut self.token.text);
        self.token.offset_from = self.from + start;
        self.token.offset_to = self.from + end;
        self.token.position = self.token.position.wrapping_add(1);
        self.from += end;
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_at_the_edge_of_a_needle_say_nothing() {
        assert_eq!(index_terms_of_needle("nection refused by pe"), ["refused", "by"]);
        assert_eq!(index_terms_of_needle(" refused "), ["refused"]);
        assert!(index_terms_of_needle("refused").is_empty());
        assert!(index_terms_of_needle("").is_empty());
    }

    #[test]
    fn the_tokenizer_agrees_with_the_search() {
        let text = "GET /Straße?id=ΟΔΟΣ-42_x İ 日本語 ".to_owned() + &"Ä".repeat(100);
        let mut tokenizer = WordTokenizer::default();
        let mut stream = tokenizer.token_stream(&text);
        let mut tokens = Vec::new();
        while stream.advance() {
            tokens.push(stream.token().text.clone());
        }
        assert_eq!(tokens, index_terms_of_text(&text));
        assert!(tokens.contains(&"straße".to_owned()));
        assert_eq!(tokens.last().unwrap().chars().count(), 32);
    }
}
