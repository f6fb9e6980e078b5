//! Options about encryption on a listener.

use super::super::value::{TextRule, Value};
use super::{ENCRYPTION, Reload, Row, unused};

const ENGINE: &str =
    "Error: The '{name}' option is not supported: there are no OpenSSL engines in this broker.";
const PSK: &str =
    "Error: The '{name}' option is not supported: use certificates rather than pre-shared keys.";

pub(super) static ROWS: &[Row] = &[
    Row::default_listener(&["certfile"], Value::Text(TextRule::LAST_WINS, unused()))
        .refused(ENCRYPTION),
    Row::default_listener(&["keyfile"], Value::Text(TextRule::LAST_WINS, unused()))
        .refused(ENCRYPTION),
    Row::listener(&["cafile"], Value::Text(TextRule::LAST_WINS, unused())).refused(ENCRYPTION),
    Row::default_listener(&["capath"], Value::Text(TextRule::LAST_WINS, unused()))
        .refused(ENCRYPTION),
    Row::default_listener(&["crlfile"], Value::Text(TextRule::LAST_WINS, unused()))
        .refused(ENCRYPTION),
    Row::listener(&["require_certificate"], Value::Bool(unused())).refused(ENCRYPTION),
    Row::default_listener(&["use_identity_as_username"], Value::Bool(unused())).refused(ENCRYPTION),
    Row::default_listener(&["use_subject_as_username"], Value::Bool(unused())).refused(ENCRYPTION),
    Row::listener(&["disable_client_cert_date_checks"], Value::Bool(unused())).refused(ENCRYPTION),
    Row::listener(&["tls_version"], Value::Text(TextRule::ONCE, unused()))
        .reload(Reload::Restart)
        .refused(ENCRYPTION),
    Row::default_listener(&["ciphers"], Value::Text(TextRule::LAST_WINS, unused()))
        .refused(ENCRYPTION),
    Row::default_listener(
        &["ciphers_tls1.3"],
        Value::Text(TextRule::LAST_WINS, unused()),
    )
    .refused(ENCRYPTION),
    Row::default_listener(&["tls_engine"], Value::Text(TextRule::ONCE, unused()))
        .reload(Reload::Restart)
        .refused(ENGINE),
    Row::default_listener(
        &["tls_engine_kpass_sha1"],
        Value::Text(TextRule::ONCE, unused()),
    )
    .reload(Reload::Restart)
    .refused(ENGINE),
    Row::default_listener(&["tls_keyform"], Value::Text(TextRule::ONCE, unused()))
        .reload(Reload::Restart)
        .refused(ENGINE),
    Row::default_listener(&["psk_hint"], Value::Text(TextRule::ONCE, unused()))
        .reload(Reload::Restart)
        .refused(PSK),
];
