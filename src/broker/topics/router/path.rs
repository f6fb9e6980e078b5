//! Levels of topics and filters, each behind its `/`: so no level and one empty level differ.

/// Splits off the first level, which stands without a `/`.
pub(super) fn split_first(levels: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'/', levels) {
        Some(end) => levels.split_at(end),
        None => (levels, &[]),
    }
}

/// Counts levels.
pub(super) fn count(path: &[u8]) -> usize {
    memchr::memchr_iter(b'/', path).count()
}

/// Returns the length of the levels at the beginning that both paths have.
pub(super) fn common(a: &[u8], b: &[u8]) -> usize {
    let equal = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let ends_level = |path: &[u8]| path.get(equal).is_none_or(|&byte| byte == b'/');
    if ends_level(a) && ends_level(b) {
        return equal;
    }
    memchr::memrchr(b'/', &a[..equal]).unwrap_or(0)
}

/// Takes levels from the front of a path, if it begins with them.
pub(super) fn strip<'a>(path: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(prefix)?;
    (rest.is_empty() || rest[0] == b'/').then_some(rest)
}

/// Takes the levels from the front of a topic that match those of a filter, which has no `#`.
pub(super) fn strip_matching<'a>(topic: &'a [u8], filter: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = strip(topic, filter) {
        return Some(rest);
    }
    let (mut topic, mut filter) = (topic, filter);
    while !filter.is_empty() {
        if topic.is_empty() {
            return None;
        }
        let (level, topic_rest) = split_first(&topic[1..]);
        let (wanted, filter_rest) = split_first(&filter[1..]);
        if wanted != b"+" && wanted != level {
            return None;
        }
        (topic, filter) = (topic_rest, filter_rest);
    }
    Some(topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_whole_levels_in_common() {
        for (a, b, expected) in [
            ("/ab/c", "/ab/cd", "/ab"),
            ("/ab/c", "/ab/d", "/ab"),
            ("/ab/c", "/ab", "/ab"),
            ("/ab", "/ab", "/ab"),
            ("/ab/x", "/abc", ""),
            ("/", "/x", ""),
            ("/", "//", "/"),
            ("", "/a", ""),
            ("//a", "//b", "/"),
        ] {
            assert_eq!(
                common(a.as_bytes(), b.as_bytes()),
                expected.len(),
                "{a} {b}"
            );
            assert_eq!(
                common(b.as_bytes(), a.as_bytes()),
                expected.len(),
                "{b} {a}"
            );
        }
    }

    #[test]
    fn levels_are_stripped_where_they_match() {
        for (topic, filter, rest) in [
            ("/a/b", "/a", Some("/b")),
            ("/a/b", "/+", Some("/b")),
            ("/a/b", "/+/b", Some("")),
            ("/a/b", "", Some("/a/b")),
            ("/ab", "/a", None),
            ("/a", "/a/+", None),
            ("//b", "/+/b", Some("")),
            ("/a/c", "/+/b", None),
        ] {
            let stripped = strip_matching(topic.as_bytes(), filter.as_bytes());
            assert_eq!(stripped, rest.map(str::as_bytes), "{topic} {filter}");
        }
    }
}
