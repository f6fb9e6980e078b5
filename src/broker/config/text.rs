//! Hints for mistyped words.

use crate::options::nearest;

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
