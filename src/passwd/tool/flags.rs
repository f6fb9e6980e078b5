//! The flags of `mq-passwd`, in one table: the parser reads it, and so does the usage text.

/// A flag of the program, for the usage text, the manual page and the completions.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// As typed, with its hyphen.
    pub name: &'static str,
    /// What to call the word after it, if it takes one.
    pub value: Option<&'static str>,
    /// What it does, in one line.
    pub about: &'static str,
    pub(super) meaning: Meaning,
}

/// What a flag stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Batch,
    Create,
    Delete,
    Scheme,
    Iterations,
    HashPlainText,
}

/// Every flag of the program.
pub const FLAGS: [Flag; 6] = [
    Flag {
        name: "-b",
        value: None,
        about: "take the password from the command line, where others can see it, instead of asking",
        meaning: Meaning::Batch,
    },
    Flag {
        name: "-c",
        value: None,
        about: "make FILE with this one user; a file that is there is overwritten; '-' prints the line",
        meaning: Meaning::Create,
    },
    Flag {
        name: "-D",
        value: None,
        about: "delete USER",
        meaning: Meaning::Delete,
    },
    Flag {
        name: "-H",
        value: Some("HASH"),
        about: "hash with sha512-pbkdf2 (the default), sha512, argon2id or bcrypt",
        meaning: Meaning::Scheme,
    },
    Flag {
        name: "-I",
        value: Some("COUNT"),
        about: "iterations of sha512-pbkdf2, 1000 by default",
        meaning: Meaning::Iterations,
    },
    Flag {
        name: "-U",
        value: None,
        about: "hash all passwords of FILE that are plain text",
        meaning: Meaning::HashPlainText,
    },
];
