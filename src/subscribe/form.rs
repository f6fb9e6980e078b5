use crate::client::show_controls;

/// The form of what others have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// True if JSON is printed over several lines.
    pub(super) pretty: bool,
    /// True if control characters are shown and not obeyed.
    pub(super) escaped: bool,
}

impl Form {
    /// Appends a payload, or its size if it is not text.
    pub(super) fn payload(self, payload: &[u8], out: &mut Vec<u8>) {
        if self.escaped && std::str::from_utf8(payload).is_err() {
            out.extend_from_slice(format!("(binary, {})", size(payload.len())).as_bytes());
        } else {
            self.text(payload, true, out);
        }
    }

    /// Appends text, which may be one of several lines.
    pub(super) fn text(self, text: &[u8], keeps_lines: bool, out: &mut Vec<u8>) {
        match self.escaped {
            true => show_controls(text, keeps_lines, out),
            false => out.extend_from_slice(text),
        }
    }
}

/// Returns a size for people.
fn size(bytes: usize) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        ..=999 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}
