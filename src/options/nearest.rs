/// Finds the candidate that is nearest to a mistyped word.
///
/// At most a third of its letters may be wrong.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let (distance, candidate) = candidates
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min()?;
    (distance <= 1.max(candidate.len() / 3)).then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_word_finds_the_candidate_within_a_third_of_its_letters() {
        let candidates = ["topic", "retain", "a"];
        let found = |word| nearest(word, candidates.into_iter());
        assert_eq!(found("tpic"), Some("topic"));
        assert_eq!(found("raetin"), Some("retain"));
        assert_eq!(found("b"), Some("a"));
        assert_eq!(found("retreat"), None);
        assert_eq!(nearest("x", [].into_iter()), None);
    }
}
