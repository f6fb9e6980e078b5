//! What `mq-passwd` says about itself.

use std::ffi::OsStr;

use super::flags::FLAGS;

/// The usage text, for a program that was started as `program`.
pub fn usage(program: &str) -> String {
    let mut text = format!(
        "{program} edits a file of users and hashed passwords for an MQTT broker.\n\
         \n\
         Usage: {program} [-H HASH] [-I COUNT] [-c | -D] FILE USER\n\
         \x20      {program} [-H HASH] [-I COUNT] [-c] -b FILE USER PASSWORD\n\
         \x20      {program} [-H HASH] [-I COUNT] -U FILE\n\
         \n\
         Without -c, -D or -U the user is added, or gets a new password. Without -b the password is\n\
         asked for twice; when standard input is no terminal, it is read from there, two lines.\n\
         \n"
    );
    for flag in FLAGS {
        let name = match flag.value {
            Some(value) => format!("{} {value}", flag.name),
            None => flag.name.to_owned(),
        };
        text += &format!("  {name:<9} {}\n", flag.about);
    }
    text += "\nExit code: 0 done, 1 error, 2 the two passwords differ.\n";
    text
}

/// A word for who typed something like a flag where the file should stand.
pub(super) fn hint(program: &str, first_word: &OsStr) -> Option<String> {
    let word = first_word.to_string_lossy();
    if !word.starts_with('-') || word.len() < 2 {
        return None;
    }
    Some(format!(
        "{program} has no flag '{word}'. Flags are single letters, each a word of its own, and stand before FILE."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_names_every_flag_and_the_program_as_it_was_started() {
        let text = usage("mosquitto_passwd");
        assert!(text.contains("Usage: mosquitto_passwd "));
        for flag in FLAGS {
            assert!(
                text.contains(&format!("\n  {}", flag.name)),
                "{}",
                flag.name
            );
        }
    }

    #[test]
    fn only_a_word_that_looks_like_a_flag_gets_a_hint() {
        assert!(hint("p", OsStr::new("--batch")).is_some());
        assert!(hint("p", OsStr::new("-cb")).is_some());
        assert_eq!(hint("p", OsStr::new("-")), None);
        assert_eq!(hint("p", OsStr::new("file")), None);
    }
}
