//! Options about encryption on a listener.

use super::super::value::TextRule;
use super::super::value::Value::{Bool, Text};
use super::{ENCRYPTION, Row, unused};

const ONCE: TextRule = TextRule::ONCE;
const LAST_WINS: TextRule = TextRule::LAST_WINS;
const ENGINE: &str =
    "Error: The '{name}' option is not supported: there are no OpenSSL engines in this broker.";
const PSK: &str =
    "Error: The '{name}' option is not supported: use certificates rather than pre-shared keys.";

// A row is a line, so that the table can be read down.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    Row::default_listener(&["certfile"], Text(LAST_WINS, unused())).refused(ENCRYPTION),
    Row::default_listener(&["keyfile"], Text(LAST_WINS, unused())).refused(ENCRYPTION),
    Row::listener(&["cafile"], Text(LAST_WINS, unused())).refused(ENCRYPTION),
    Row::default_listener(&["capath"], Text(LAST_WINS, unused())).refused(ENCRYPTION),
    Row::default_listener(&["crlfile"], Text(LAST_WINS, unused())).refused(ENCRYPTION),
    Row::listener(&["require_certificate"], Bool(unused())).refused(ENCRYPTION),
    Row::default_listener(&["use_identity_as_username"], Bool(unused())).refused(ENCRYPTION),
    Row::default_listener(&["use_subject_as_username"], Bool(unused())).refused(ENCRYPTION),
    Row::listener(&["disable_client_cert_date_checks"], Bool(unused())).refused(ENCRYPTION),
    Row::listener(&["tls_version"], Text(ONCE, unused())).restart().refused(ENCRYPTION),
    Row::default_listener(&["ciphers"], Text(LAST_WINS, unused())).refused(ENCRYPTION),
    Row::default_listener(&["ciphers_tls1.3"], Text(LAST_WINS, unused())).refused(ENCRYPTION),
    Row::default_listener(&["tls_engine"], Text(ONCE, unused())).restart().refused(ENGINE),
    Row::default_listener(&["tls_engine_kpass_sha1"], Text(ONCE, unused())).restart().refused(ENGINE),
    Row::default_listener(&["tls_keyform"], Text(ONCE, unused())).restart().refused(ENGINE),
    Row::default_listener(&["psk_hint"], Text(ONCE, unused())).restart().refused(PSK),
];
