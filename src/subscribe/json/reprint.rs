//! Parsing and printing of JSON as cJSON does it.
//!
//! There is no white space, numbers are doubles, and keys keep their order, even repeated
//! ones.

use super::super::number;
use super::string::string;

/// The maximum depth of arrays and objects.
const MAX_DEPTH: usize = 1000;

/// Appends JSON in its shortest form.
///
/// Returns `None` if it is invalid, and then `out` has only the beginning.
pub(super) fn reprint(json: &[u8], out: &mut Vec<u8>) -> Option<()> {
    std::str::from_utf8(json).ok()?;
    let mut parser = Parser { rest: json, out };
    parser.skip_blanks();
    parser.value(0)?;
    parser.skip_blanks();
    parser.rest.is_empty().then_some(())
}

struct Parser<'a> {
    rest: &'a [u8],
    out: &'a mut Vec<u8>,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Option<()> {
        match *self.rest.first()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.list(b'}', depth, |parser, depth| {
            if parser.rest.first() != Some(&b'"') {
                return None;
            }
            parser.string()?;
            parser.skip_blanks();
            parser.expect(b':')?;
            parser.out.push(b':');
            parser.skip_blanks();
            parser.value(depth)
        })
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.list(b']', depth, Self::value)
    }

    /// Parses the items between the bracket here and `end`.
    fn list(
        &mut self,
        end: u8,
        depth: usize,
        item: impl Fn(&mut Self, usize) -> Option<()>,
    ) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let (&start, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.out.push(start);
        self.skip_blanks();
        if self.rest.first() != Some(&end) {
            loop {
                item(self, depth + 1)?;
                self.skip_blanks();
                if self.expect(b',').is_none() {
                    break;
                }
                self.out.push(b',');
                self.skip_blanks();
            }
        }
        self.expect(end)?;
        self.out.push(end);
        Some(())
    }

    fn word(&mut self) -> Option<()> {
        for word in [&b"null"[..], b"true", b"false"] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                self.out.extend_from_slice(word);
                return Some(());
            }
        }
        None
    }

    /// Parses a number as C's `strtod` does: zeros may lead, a point may end it.
    fn number(&mut self) -> Option<()> {
        let digits = |from: usize| {
            let digits = self.rest[from..].iter();
            digits.take_while(|byte| byte.is_ascii_digit()).count()
        };
        let mut end = usize::from(self.rest[0] == b'-');
        let whole = digits(end);
        end += whole;
        let mut fraction = 0;
        if self.rest.get(end) == Some(&b'.') {
            fraction = digits(end + 1);
            end += 1 + fraction;
        }
        if whole + fraction == 0 {
            return None;
        }
        if matches!(self.rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.rest.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits((end + 1 + sign).min(self.rest.len()));
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
        let number = std::str::from_utf8(&self.rest[..end]).ok()?.parse().ok()?;
        self.rest = &self.rest[end..];
        number::json(number, self.out);
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        self.expect(b'"')?;
        let mut text = Vec::new();
        loop {
            let special = memchr::memchr2(b'"', b'\\', self.rest)?;
            text.extend_from_slice(&self.rest[..special]);
            let end = self.rest[special] == b'"';
            self.rest = &self.rest[special + 1..];
            if end {
                string(&text, self.out);
                return Some(());
            }
            let (&escape, rest) = self.rest.split_first()?;
            self.rest = rest;
            match escape {
                b'"' | b'\\' | b'/' => text.push(escape),
                b'b' => text.push(0x08),
                b'f' => text.push(0x0c),
                b'n' => text.push(b'\n'),
                b'r' => text.push(b'\r'),
                b't' => text.push(b'\t'),
                b'u' => {
                    let character = self.escaped_character()?;
                    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => return None,
            }
        }
    }

    /// Parses four hexadecimal digits, and for a surrogate the other half.
    fn escaped_character(&mut self) -> Option<char> {
        let first = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        self.rest = self.rest.strip_prefix(b"\\u")?;
        let second = self.four_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            return None;
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        self.rest = &self.rest[4..];
        Some(number)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    fn skip_blanks(&mut self) {
        let blanks = self.rest.iter().take_while(|&&byte| byte <= b' ').count();
        self.rest = &self.rest[blanks..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reprinted(json: &str) -> Option<String> {
        let mut out = Vec::new();
        reprint(json.as_bytes(), &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    /// These are outputs of mosquitto_sub for the same payloads.
    #[test]
    fn json_is_printed_as_cjson_prints_it() {
        for (json, text) in [
            (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#),
            (
                "[1,2.5,1e400,9007199254740993,0.1,1e5,1E-7]",
                "[1,2.5,null,9.00719925474099e+15,0.1,100000,1e-07]",
            ),
            (
                r#" {"x" : "\u00e9\ud83d\ude00\/\n\u0001"} "#,
                "{\"x\":\"é😀/\\n\\u0001\"}",
            ),
            ("01", "1"),
            ("1.", "1"),
            (r#""\u0000abc""#, r#""""#),
            ("\"tab\traw\"", r#""tab\traw""#),
            (r#"{"a":{"b":[{"c":null}]}}"#, r#"{"a":{"b":[{"c":null}]}}"#),
            ("[ ]", "[]"),
        ] {
            assert_eq!(reprinted(json).as_deref(), Some(text), "{json}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for json in [
            "+1",
            ".5",
            "-",
            "nul",
            "true x",
            "\"a",
            "{\"a\":}",
            "[1,]",
            "",
            "1e",
            "0x10",
            r#""\ud800""#,
            r#""\x""#,
            "{a:1}",
            "[1 2]",
            "{\"a\" 1}",
        ] {
            assert_eq!(reprinted(json), None, "{json}");
        }
        assert_eq!(reprinted(&"[".repeat(100_000)), None);
    }
}
