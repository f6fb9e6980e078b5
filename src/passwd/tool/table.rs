//! The options of `mq-passwd`.

use crate::options::option_rows;

/// The name that the program is installed with.
pub(super) const INSTALLED_NAME: &str = "mq-passwd";

const MQ_PASSWD: &[&str] = &[INSTALLED_NAME];

option_rows! {
    pub(super) enum OptionId;

    Batch: 'b' _ () MQ_PASSWD ""
        "take the password from the command line, where others can see it, instead of asking";
    Create: 'c' _ () MQ_PASSWD ""
        "create FILE with this one user; an existing file is overwritten; '-' prints the line";
    Delete: 'D' _ () MQ_PASSWD ""
        "delete USER";
    Scheme: 'H' _ ("HASH" ["sha512-pbkdf2", "sha512", "argon2id", "bcrypt"], "not enough other arguments")
        MQ_PASSWD ""
        "hash with sha512-pbkdf2 (the default), sha512, argon2id or bcrypt";
    Iterations: 'I' _ ("COUNT" Text, "not enough other arguments") MQ_PASSWD ""
        "iterations of sha512-pbkdf2, 1000 by default";
    HashPlainText: 'U' _ () MQ_PASSWD ""
        "hash all passwords of FILE that are plain text";
}
