//! **Here**: [`Scan`]: one pass over JSON text that checks its grammar, finds where values begin and end, and copies nothing.
//! **Not here**: what the values mean (`envelope`, `aml`).
//! **Reads**: text; `batch` and `envelope` walk it.
//! **Source**: RFC 8259. It accepts what `serde_json` accepts when it skips a value; a property test holds them together.

use std::borrow::Cow;

/// The text is not JSON from somewhere on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NotJson;

/// A JSON string as it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    /// What stands between the quotes.
    pub(crate) inner: &'a str,
    /// Whether there is an escape in it, so that it does not stand for itself.
    pub(crate) escaped: bool,
}

impl<'a> Text<'a> {
    /// The text that it stands for; none where an escape is half of a surrogate pair.
    pub(crate) fn read(self) -> Option<Cow<'a, str>> {
        if !self.escaped {
            return Some(Cow::Borrowed(self.inner));
        }
        serde_json::from_str(&format!("\"{}\"", self.inner))
            .ok()
            .map(Cow::Owned)
    }
}

/// A JSON value as it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    /// Its text, without white space around it.
    pub(crate) json: &'a str,
    /// Whether it is a string with an escape in it.
    escaped: bool,
}

impl<'a> Value<'a> {
    /// Whether it is null, which stands for absent.
    #[inline]
    pub(crate) fn is_null(self) -> bool {
        self.json == "null"
    }

    /// The string that it is, if it is one that stands for itself.
    #[inline]
    pub(crate) fn plain(self) -> Option<&'a str> {
        if self.escaped {
            return None;
        }
        self.json.strip_prefix('"')?.strip_suffix('"')
    }

    /// The string that it is.
    #[inline]
    pub(crate) fn text(self) -> Option<Text<'a>> {
        let inner = self.json.strip_prefix('"')?.strip_suffix('"')?;
        Some(Text {
            inner,
            escaped: self.escaped,
        })
    }
}

/// Marks the high bit of the lowest byte that cannot stand for itself inside a string; higher bytes may be marked in vain.
#[inline]
const fn stops_of(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    let control = word.wrapping_sub(ONES * 0x20);
    // A byte of 0x80 and more marks itself in none of the three: what is exclusive-or-ed leaves its high bit.
    (quote | backslash | control) & !word & (ONES * 0x80)
}

/// After so many words of eight bytes a string counts as long.
const LONG: usize = 3;

/// Whether a text is one JSON value.
pub(crate) fn is_json(text: &str) -> bool {
    let mut scan = Scan::new(text);
    scan.skip().is_ok() && scan.is_at_end()
}

/// Goes on while whole blocks hold nothing that stops a string.
#[inline]
fn skip_blocks(mut rest: &[u8]) -> &[u8] {
    while let Some((block, behind)) = rest.split_first_chunk::<32>() {
        // Without a way out of the loop the compiler makes a few vector instructions of it.
        let stops = block.iter().fold(0, |any, byte| {
            any | u8::from(*byte == b'"') | u8::from(*byte == b'\\') | u8::from(*byte < 0x20)
        });
        if stops != 0 {
            break;
        }
        rest = behind;
    }
    rest
}

/// What cannot stand for itself inside a string.
#[inline]
const fn stops_text(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1f)
}

/// A place in a text.
#[derive(Clone, Debug)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// The most levels of any value so far that began with [`Scan::value`]: 0 for what holds nothing.
    deepest: usize,
}

impl<'a> Scan<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            deepest: 0,
        }
    }

    /// The next byte that is no white space; 0, which begins nothing in JSON, at the end.
    #[inline]
    pub(crate) fn peek(&mut self) -> u8 {
        loop {
            match self.byte() {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return byte,
            }
        }
    }

    /// Goes past the next byte, if it is this one.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == byte;
        self.at += usize::from(there);
        there
    }

    /// Whether nothing but white space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek();
        self.at == self.text.len()
    }

    /// Goes past one value.
    #[inline(always)]
    pub(crate) fn value(&mut self) -> Result<Value<'a>, NotJson> {
        let first = self.peek();
        let from = self.at;
        let mut escaped = false;
        match first {
            b'"' => escaped = self.text()?.escaped,
            b'{' | b'[' => self.nested()?,
            _ => self.scalar()?,
        }
        Ok(Value {
            json: self.since(from),
            escaped,
        })
    }

    /// The most levels of the values since this was asked last.
    pub(crate) fn take_deepest(&mut self) -> usize {
        std::mem::take(&mut self.deepest)
    }

    /// Goes past one value without a look back at it.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<(), NotJson> {
        match self.peek() {
            b'"' => self.skip_text().map(|_| ()),
            b'{' | b'[' => self.nested(),
            _ => self.scalar(),
        }
    }

    #[inline]
    fn skip_key(&mut self) -> Result<(), NotJson> {
        if self.peek() != b'"' {
            return Err(NotJson);
        }
        self.skip_text()?;
        if self.take(b':') { Ok(()) } else { Err(NotJson) }
    }

    /// Where the next byte stands.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub(crate) const fn n_left(&self) -> usize {
        self.text.len() - self.at
    }

    /// The text from a place on to here.
    #[inline]
    pub(crate) fn since(&self, from: usize) -> &'a str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// Goes past a member's key and its colon.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Result<Text<'a>, NotJson> {
        if self.peek() != b'"' {
            return Err(NotJson);
        }
        let key = self.text()?;
        if self.take(b':') { Ok(key) } else { Err(NotJson) }
    }

    #[inline]
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// A string, from its opening quote on.
    #[inline(always)]
    fn text(&mut self) -> Result<Text<'a>, NotJson> {
        let from = self.at + 1;
        let escaped = self.skip_text()?;
        let inner = self.text.get(from..self.at - 1).unwrap_or_default();
        Ok(Text { inner, escaped })
    }

    /// The same; gives only whether there is an escape in it.
    #[inline(always)]
    fn skip_text(&mut self) -> Result<bool, NotJson> {
        self.at += 1;
        match self.plain() {
            b'"' => {
                self.at += 1;
                Ok(false)
            }
            b'\\' => self.skip_escaped_text(),
            _ => Err(NotJson),
        }
    }

    /// The rest of a string, from its first escape on.
    fn skip_escaped_text(&mut self) -> Result<bool, NotJson> {
        loop {
            self.escape()?;
            match self.plain() {
                b'"' => break,
                b'\\' => {}
                _ => return Err(NotJson),
            }
        }
        self.at += 1;
        Ok(true)
    }

    /// Goes to the next quote, backslash or control character, and gives it; 0 at the end.
    #[inline]
    fn plain(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        let mut rest = bytes.get(self.at..).unwrap_or_default();
        let mut n_words = 0_usize;
        while let Some((word, behind)) = rest.split_first_chunk() {
            let word = u64::from_le_bytes(*word);
            let stops = stops_of(word);
            if stops != 0 {
                let n_bits = stops.trailing_zeros() & !7;
                self.at = bytes.len() - rest.len() + (n_bits / 8) as usize;
                return (word >> n_bits) as u8;
            }
            rest = behind;
            n_words += 1;
            if n_words == LONG {
                rest = skip_blocks(rest);
            }
        }
        let n = rest
            .iter()
            .position(|byte| stops_text(*byte))
            .unwrap_or(rest.len());
        self.at = bytes.len() - rest.len() + n;
        rest.get(n).copied().unwrap_or(0)
    }

    fn escape(&mut self) -> Result<(), NotJson> {
        self.at += 1;
        let n_digits = match self.byte() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
            b'u' => 4,
            _ => return Err(NotJson),
        };
        self.at += 1;
        for _ in 0..n_digits {
            if !self.byte().is_ascii_hexdigit() {
                return Err(NotJson);
            }
            self.at += 1;
        }
        Ok(())
    }

    /// A number, or one of the three words.
    fn scalar(&mut self) -> Result<(), NotJson> {
        let word = match self.byte() {
            b't' => "true",
            b'f' => "false",
            b'n' => "null",
            _ => return self.number(),
        };
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(NotJson);
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotJson> {
        self.at += usize::from(self.byte() == b'-');
        if self.byte() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), b'+' | b'-'));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let from = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == from { Err(NotJson) } else { Ok(()) }
    }

    /// An object or an array with all that it holds, without recursion.
    fn nested(&mut self) -> Result<(), NotJson> {
        let mut open = Levels::default();
        'value: loop {
            match self.peek() {
                b'"' => {
                    self.skip_text()?;
                }
                b'{' => {
                    self.at += 1;
                    open.push(true);
                    self.deepest = self.deepest.max(open.len);
                    if self.peek() != b'}' {
                        self.skip_key()?;
                        continue 'value;
                    }
                }
                b'[' => {
                    self.at += 1;
                    open.push(false);
                    self.deepest = self.deepest.max(open.len);
                    if self.peek() != b']' {
                        continue 'value;
                    }
                }
                _ => self.scalar()?,
            }
            // Behind a value: the next one of the level, or the end of levels.
            loop {
                match (self.peek(), open.is_object()) {
                    (b',', is_object) => {
                        self.at += 1;
                        if is_object {
                            self.skip_key()?;
                        }
                        continue 'value;
                    }
                    (b'}', true) | (b']', false) => self.at += 1,
                    _ => return Err(NotJson),
                }
                open.pop();
                if open.len == 0 {
                    return Ok(());
                }
            }
        }
    }
}

/// Which of the open levels are objects, a bit for each: hostile depth costs a bit a byte, and neither stack nor time.
#[derive(Debug, Default)]
struct Levels {
    top: u64,
    below: Vec<u64>,
    len: usize,
}

impl Levels {
    #[inline]
    fn push(&mut self, is_object: bool) {
        if self.len > 0 && self.len.is_multiple_of(64) {
            self.below.push(self.top);
        }
        self.top = (self.top << 1) | u64::from(is_object);
        self.len += 1;
    }

    #[inline]
    fn pop(&mut self) {
        self.top >>= 1;
        self.len = self.len.saturating_sub(1);
        if self.len > 0 && self.len.is_multiple_of(64) {
            self.top = self.below.pop().unwrap_or_default();
        }
    }

    #[inline]
    const fn is_object(&self) -> bool {
        self.top & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;

    fn is_json(text: &str) -> bool {
        let mut scan = Scan::new(text);
        scan.value().is_ok() && scan.is_at_end()
    }

    /// Whatever a text is, it is JSON to us where it is to serde_json.
    #[test]
    fn ok_accepts_what_serde_json_skips() {
        for text in [
            "",
            " ",
            "1",
            "-1",
            "-",
            "01",
            "1.",
            "1.5",
            ".5",
            "1e5",
            "1e",
            "1E+5",
            "-0",
            "0.0e-0",
            "+1",
            "tru",
            "true",
            "true1",
            "nullx",
            "null",
            "false",
            "[]",
            "[ ]",
            "[1]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1",
            "]",
            "{}",
            "{ }",
            "{\"a\":1}",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "{\"a\":}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":{\"b\":[1,{}]}}",
            "[[]]",
            "[[}]",
            "{[]}",
            "\"\"",
            "\"a",
            "\"\\\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\ud800\"",
            "\"\\x\"",
            "\"\u{1f}\"",
            "\"\n\"",
            "\"\u{7f}é\u{20ac}\"",
            "\"0123456\\n89abcdef\"",
            "1 2",
            "\u{feff}1",
            "\u{a0}1",
            "\"\0\"",
        ] {
            let expect = serde_json::from_str::<IgnoredAny>(text).is_ok();
            assert_eq!(is_json(text), expect, "{text:?}");
        }
    }

    #[test]
    fn ok_every_place_of_a_quote_and_of_a_bad_byte_is_found() {
        for before in 0..40 {
            let plain = "x".repeat(before);
            for (end, expect) in [
                ("\"", true),
                ("\\n\"", true),
                ("\u{1}\"", false),
                ("\\q\"", false),
                ("", false),
            ] {
                assert_eq!(is_json(&format!("\"{plain}{end}")), expect, "{before} {end:?}");
            }
        }
    }

    #[test]
    fn ok_levels_beyond_a_word_are_remembered() {
        for n in [1, 2, 63, 64, 65, 127, 128, 129, 1_000] {
            let mixed: String = (0..n).map(|i| if i % 3 == 0 { "[" } else { "{\"k\":" }).collect();
            let ends: String = (0..n).rev().map(|i| if i % 3 == 0 { ']' } else { '}' }).collect();
            let text = format!("{mixed}1{ends}");
            let mut scan = Scan::new(&text);
            let value = scan.value().unwrap();
            assert_eq!((value.json, scan.take_deepest()), (text.as_str(), n));
            let wrong = format!("{mixed}1{}", ends.replacen(['}', ']'], "x", 1));
            assert!(!is_json(&wrong));
            let crossed: String = ends
                .chars()
                .map(|end| if end == ']' { '}' } else { ']' })
                .collect();
            assert!(!is_json(&format!("{mixed}1{crossed}")), "{n}");
        }
    }
}
