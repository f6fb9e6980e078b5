//! The kinds of value that an option may take, and how each is read.
//!
//! A [`Value`] pairs a kind with the function that stores what was read, so that the
//! table of options cannot store a number where a path belongs.

use super::diagnostic::Severity;
use super::text::{did_you_mean, one_of};
use crate::protocol::is_plain;

/// The longest text that an option takes, in bytes: that of an MQTT string.
const LONGEST_TEXT: usize = 65_535;

/// The usual text for a value that an option does not take.
pub(super) const INVALID: &str = "Error: Invalid '{name}' value ({value}).";

/// The usual text for a second use of an option.
pub(super) const DUPLICATE: &str = "Error: Duplicate '{name}' value in configuration.";

/// The remedy for a comment behind a text.
const COMMENTS: &str = "A comment must be on a line of its own.";

/// An option as it stands in its line.
#[derive(Clone, Copy)]
pub(super) struct Argument<'a> {
    /// The option's name, as typed.
    pub(super) name: &'a str,
    /// The rest of the line, without the white space around it.
    pub(super) rest: &'a [u8],
}

impl<'a> Argument<'a> {
    /// The words of the value. Only spaces separate them.
    pub(super) fn words(&self) -> impl Iterator<Item = String> + use<'a> {
        self.rest
            .split(|&byte| byte == b' ')
            .filter(|word| !word.is_empty())
            .map(|word| String::from_utf8_lossy(word).into_owned())
    }

    /// The words up to a comment, which begins with a `#`.
    pub(super) fn words_before_comment(&self) -> impl Iterator<Item = String> + use<'a> {
        self.words().take_while(|word| !word.starts_with('#'))
    }

    /// Returns a warning if the value, which is the whole rest of the line, seems to end in a
    /// comment.
    pub(super) fn comment_in_text(&self) -> Option<Note> {
        self.has_comment().then(|| Note {
            severity: Severity::Warning,
            message: format!(
                "Warning: The value of '{}' is the whole rest of the line, including the \
                 '#'{{place}}. {COMMENTS}",
                self.name
            ),
        })
    }

    /// The error `wrong`, with the remedy if the value seems to end in a comment.
    pub(super) fn wrong_text(&self, wrong: Wrong) -> Wrong {
        match self.has_comment() {
            true => wrong.hint(COMMENTS),
            false => wrong,
        }
    }

    fn has_comment(&self) -> bool {
        self.rest.starts_with(b"# ") || self.rest.windows(2).any(|pair| pair == b" #")
    }

    /// The first word; what follows it is a comment.
    pub(super) fn word(&self) -> Result<String, Wrong> {
        self.words().next().ok_or_else(|| self.empty())
    }

    /// The whole value, inner spaces included.
    pub(super) fn text(&self) -> Result<String, Wrong> {
        if self.rest.is_empty() {
            return Err(self.empty());
        }
        if self.rest.len() > LONGEST_TEXT {
            return Err(Wrong::new(format!(
                "Error: '{}' value is longer than {LONGEST_TEXT} bytes.",
                self.name
            )));
        }
        match std::str::from_utf8(self.rest) {
            Ok(text) if is_plain(text.as_bytes()) => Ok(text.to_owned()),
            _ => Err(
                Wrong::new("Error: Malformed UTF-8 in configuration.").hint(format!(
                    "The value of '{}' holds a control character, or is not UTF-8.",
                    self.name
                )),
            ),
        }
    }

    /// The error for an option without a value.
    pub(super) fn empty(&self) -> Wrong {
        Wrong::new(format!(
            "Error: Empty '{}' value in configuration.",
            self.name
        ))
        .hint("The value stands behind the name, on the same line.")
    }

    /// Fills `{name}` and `{value}` of an error text.
    pub(super) fn fill(&self, template: &str, value: &str) -> String {
        template
            .replace("{name}", self.name)
            .replace("{value}", value)
    }
}

/// Why a value was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// The same with the way out.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// A remark about a value that was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) severity: Severity,
    /// The text, in which `{place}` stands for the line.
    pub(super) message: String,
}

/// What a reading of a value gives.
pub(super) type Outcome = Result<Option<Note>, Wrong>;

/// A word that an option takes, and what it sets; nothing if it is not supported yet.
pub(super) type Word<T> = (&'static str, Option<fn(&mut T)>);

/// A kind of value together with where it goes in `T`.
pub(super) enum Value<T: 'static> {
    /// `true`, `false`, `1` or `0`.
    Bool(fn(&mut T, bool)),
    /// A whole number.
    Integer(Range, fn(&mut T, i32)),
    /// One word of a list, or the error text.
    Choice(&'static str, &'static [Word<T>]),
    /// The rest of the line.
    Text(TextRule, fn(&mut T, String)),
    /// Anything else.
    Special(fn(&mut T, &Argument<'_>) -> Outcome),
    /// Not looked at: the option is ignored or refused whatever its value is.
    Unread,
}

impl<T> Value<T> {
    /// Reads the value of `argument` and stores it.
    pub(super) fn read(&self, target: &mut T, argument: &Argument<'_>) -> Outcome {
        match self {
            Self::Bool(set) => {
                set(target, read_bool(argument)?);
                Ok(None)
            }
            Self::Integer(range, set) => {
                let (number, note) = range.read(argument)?;
                set(target, number);
                Ok(note)
            }
            Self::Choice(wrong, choices) => {
                let word = argument.word()?;
                let Some((_, set)) = choices.iter().find(|(choice, _)| *choice == word) else {
                    let words = || choices.iter().map(|(word, _)| *word);
                    let hint = did_you_mean(&word, words()).unwrap_or_else(|| one_of(words()));
                    return Err(Wrong::new(argument.fill(wrong, &word)).hint(hint));
                };
                let Some(set) = set else {
                    return Err(Wrong::new(format!(
                        "Error: The '{}' value '{word}' is not supported yet.",
                        argument.name
                    )));
                };
                set(target);
                Ok(None)
            }
            Self::Text(rule, set) => {
                let text = argument.text()?;
                if text.len() > rule.longest {
                    return Err(Wrong::new(argument.fill(rule.too_long, &text)));
                }
                set(target, text);
                Ok(argument.comment_in_text())
            }
            Self::Special(read) => read(target, argument),
            Self::Unread => Ok(None),
        }
    }

    /// The text for a second use, of an option that may stand only once.
    pub(super) fn duplicate_text(&self) -> Option<&'static str> {
        match self {
            Self::Text(rule, _) => rule.duplicate,
            _ => None,
        }
    }

    /// Whether the value only switches off what is off without the option anyway.
    pub(super) fn is_switched_off(&self, argument: &Argument<'_>) -> bool {
        matches!(self, Self::Bool(_)) && read_bool(argument) == Ok(false)
    }
}

/// Reads `true`, `false`, `1` or `0`, in lower case only.
pub(super) fn read_bool(argument: &Argument<'_>) -> Result<bool, Wrong> {
    let word = argument.word()?;
    match word.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Wrong::new(argument.fill(INVALID, &word))
            .hint("It is either true or false, in lower case.")),
    }
}

/// What texts an option takes.
pub(super) struct TextRule {
    duplicate: Option<&'static str>,
    longest: usize,
    too_long: &'static str,
}

impl TextRule {
    /// Any text, given once.
    pub(super) const ONCE: Self = Self {
        duplicate: Some(DUPLICATE),
        longest: LONGEST_TEXT,
        too_long: "",
    };

    /// Any text; the last one counts.
    pub(super) const LAST_WINS: Self = Self {
        duplicate: None,
        ..Self::ONCE
    };

    /// The same rule with another text for a second use.
    pub(super) const fn with_duplicate_text(self, text: &'static str) -> Self {
        Self {
            duplicate: Some(text),
            ..self
        }
    }

    /// The same rule for texts of at most `longest` bytes.
    pub(super) const fn at_most(self, longest: usize, too_long: &'static str) -> Self {
        Self {
            longest,
            too_long,
            ..self
        }
    }
}

/// What happens to a number beyond a bound.
#[derive(Clone, Copy)]
pub(super) enum Beyond {
    /// It is an error.
    Refused(&'static str),
    /// The bound is taken.
    Clamped,
    /// The bound is taken, and it is said so.
    ClampedSaying(Severity, &'static str),
}

/// The numbers that an option takes.
pub(super) struct Range {
    minimum: i32,
    below: Beyond,
    maximum: i32,
    above: Beyond,
}

impl Range {
    /// All numbers of 32 bits.
    pub(super) const ANY: Self = Self {
        minimum: i32::MIN,
        below: Beyond::Clamped,
        maximum: i32::MAX,
        above: Beyond::Clamped,
    };

    /// All numbers; negative ones count as 0.
    pub(super) const NATURAL: Self = Self::ANY.from(0, Beyond::Clamped);

    /// From `minimum` to `maximum`, both included; else the error `wrong`.
    pub(super) const fn between(minimum: i32, maximum: i32, wrong: &'static str) -> Self {
        Self::ANY
            .from(minimum, Beyond::Refused(wrong))
            .to(maximum, Beyond::Refused(wrong))
    }

    /// The same range with another lower bound.
    pub(super) const fn from(self, minimum: i32, below: Beyond) -> Self {
        Self {
            minimum,
            below,
            ..self
        }
    }

    /// The same range with another upper bound.
    pub(super) const fn to(self, maximum: i32, above: Beyond) -> Self {
        Self {
            maximum,
            above,
            ..self
        }
    }

    /// What numbers there are, for one who took another.
    fn hint(&self) -> String {
        match (self.minimum, self.maximum) {
            (minimum, i32::MAX) => format!("It is at least {minimum}."),
            (i32::MIN, maximum) => format!("It is at most {maximum}."),
            (minimum, maximum) => format!("It is from {minimum} to {maximum}."),
        }
    }

    fn read(&self, argument: &Argument<'_>) -> Result<(i32, Option<Note>), Wrong> {
        let word = argument.word()?;
        let number = read_integer(argument.name, &word)?;
        let (bound, beyond) = if number < self.minimum {
            (self.minimum, self.below)
        } else if number > self.maximum {
            (self.maximum, self.above)
        } else {
            return Ok((number, None));
        };
        match beyond {
            Beyond::Refused(wrong) => {
                let told = Wrong::new(argument.fill(wrong, &number.to_string()));
                // The other texts name the bounds themselves.
                Err(match wrong == INVALID {
                    true => told.hint(self.hint()),
                    false => told,
                })
            }
            Beyond::Clamped => Ok((bound, None)),
            Beyond::ClampedSaying(severity, message) => {
                let message = message.to_owned();
                Ok((bound, Some(Note { severity, message })))
            }
        }
    }
}

/// Reads a decimal, `0x` hexadecimal or leading-0 octal number of 32 bits; `name` is what
/// an error calls it.
pub(super) fn read_integer(name: &str, word: &str) -> Result<i32, Wrong> {
    let not_a_number = || {
        Wrong::new(format!("Error: '{name}' value not a number."))
            .hint(format!("'{word}' is not a whole number."))
    };
    let (negative, digits) = match word.as_bytes().first() {
        Some(b'-') => (true, &word[1..]),
        Some(b'+') => (false, &word[1..]),
        _ => (false, word),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(hexadecimal) = lower.strip_prefix("0x") {
        (16, hexadecimal)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(not_a_number());
    }
    let out_of_range = || {
        Wrong::new(format!("Error: '{name}' value out of range.")).hint(format!(
            "Numbers go from {} to {}, and '{word}' does not.",
            i32::MIN,
            i32::MAX
        ))
    };
    let magnitude = i64::from_str_radix(digits, radix).map_err(|_| out_of_range())?;
    let number = if negative { -magnitude } else { magnitude };
    i32::try_from(number).map_err(|_| out_of_range())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_hexadecimal_or_octal() {
        for (word, number) in [
            ("0", 0),
            ("10", 10),
            ("-1", -1),
            ("+7", 7),
            ("0x1F", 31),
            ("-0x10", -16),
            ("017", 15),
            ("2147483647", i32::MAX),
            ("-2147483648", i32::MIN),
        ] {
            assert_eq!(read_integer("n", word), Ok(number), "{word}");
        }
    }

    #[test]
    fn what_is_no_number_is_told_from_what_is_too_large() {
        for word in ["", "-", "abc", "1x", "1.5", "0x", "08", "--1", "+-1", "é"] {
            let error = read_integer("max_keepalive", word).unwrap_err();
            assert_eq!(
                error.message, "Error: 'max_keepalive' value not a number.",
                "{word}"
            );
        }
        for word in ["2147483648", "-2147483649", "0xFFFFFFFF", &"9".repeat(40)] {
            let error = read_integer("max_keepalive", word).unwrap_err();
            assert_eq!(error.message, "Error: 'max_keepalive' value out of range.");
        }
    }
}
