//! Small judgements about text: what a value may hold, and what a mistyped word meant.

use crate::options::nearest;

/// Whether `text` could be an MQTT string: no control characters and no non-characters
/// [MQTT-1.5.4-1], [MQTT-1.5.4-2].
pub(super) fn is_mqtt_text(text: &str) -> bool {
    !text.chars().any(|character| {
        let code = u32::from(character);
        character.is_control() || (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
    })
}

/// `Did you mean 'X'?`, with the candidate nearest to `word`, if one is near enough to
/// be a typing mistake.
pub(super) fn did_you_mean<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let candidate = nearest(&word.to_ascii_lowercase(), candidates)?;
    Some(format!("Did you mean '{candidate}'?"))
}

/// `It is one of: ...`, for somebody whose word is near none of them.
pub(super) fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    format!("It is one of: {}.", words.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_finds_the_word_that_was_meant() {
        let candidates = ["allow_anonymous", "acl_file", "port"];
        let hint = |word| did_you_mean(word, candidates.into_iter());
        assert_eq!(
            hint("alow_anonymus").unwrap(),
            "Did you mean 'allow_anonymous'?"
        );
        assert_eq!(hint("Port").unwrap(), "Did you mean 'port'?");
        assert_eq!(hint("something_else"), None);
    }
}
