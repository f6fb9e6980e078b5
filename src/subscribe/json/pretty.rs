/// Appends JSON over several lines, as cJSON does.
///
/// The keys of an object have lines of their own, each with a tab for its depth. An array has
/// one line. `json` must be valid and have no blanks between its parts.
pub(in crate::subscribe) fn pretty(json: &[u8], out: &mut Vec<u8>) {
    let mut depth = 0;
    let mut objects = Vec::new();
    let mut in_string = false;
    let mut escaped = false;
    for &byte in json {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
            out.push(byte);
            continue;
        }
        match byte {
            b'{' => {
                depth += 1;
                objects.push(true);
                out.push(byte);
                new_line(depth, out);
            }
            b'[' => {
                depth += 1;
                objects.push(false);
                out.push(byte);
            }
            b'}' => {
                // An empty object has the line of a missing key.
                while out.last() == Some(&b'\t') {
                    out.pop();
                }
                if out.last() == Some(&b'\n') {
                    out.pop();
                }
                depth -= 1;
                objects.pop();
                new_line(depth, out);
                out.push(byte);
            }
            b']' => {
                depth -= 1;
                objects.pop();
                out.push(byte);
            }
            b',' if objects.last() == Some(&true) => {
                out.push(byte);
                new_line(depth, out);
            }
            b',' => out.extend_from_slice(b", "),
            b':' => out.extend_from_slice(b":\t"),
            _ => {
                in_string = byte == b'"';
                out.push(byte);
            }
        }
    }
}

fn new_line(depth: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + depth, b'\t');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: &str) -> String {
        let mut out = Vec::new();
        pretty(json.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn keys_stand_on_lines_and_arrays_on_one() {
        assert_eq!(
            printed(r#"{"a":[1,2],"b":{"c":"x,{\"y"},"d":{}}"#),
            "{\n\t\"a\":\t[1, 2],\n\t\"b\":\t{\n\t\t\"c\":\t\"x,{\\\"y\"\n\t},\n\t\"d\":\t{\n\t}\n}"
        );
        assert_eq!(printed("[{\"a\":1}]"), "[{\n\t\t\"a\":\t1\n\t}]");
    }
}
