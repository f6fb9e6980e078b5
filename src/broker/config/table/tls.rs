//! Options about encryption on a listener.

use super::super::value::Value::{Bool, Special, Text};
use super::super::value::{Argument, Outcome, TextRule, Wrong};
use super::{PSK, Row, unused};

const ONCE: TextRule = TextRule::ONCE;
const LAST_WINS: TextRule = TextRule::LAST_WINS;
const ENGINE: &str =
    "Error: The '{name}' option is not supported: there are no OpenSSL engines in this broker.";

// A row is a line, so that the table can be read down.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    Row::default_listener(&["certfile"], Text(LAST_WINS, |listener, path| listener.tls.certfile = Some(path.into()))),
    Row::default_listener(&["keyfile"], Text(LAST_WINS, |listener, path| listener.tls.keyfile = Some(path.into()))),
    Row::listener(&["cafile"], Text(LAST_WINS, |listener, path| listener.tls.cafile = Some(path.into()))),
    Row::default_listener(&["capath"], Text(LAST_WINS, |listener, path| listener.tls.capath = Some(path.into()))),
    Row::default_listener(&["crlfile"], Text(LAST_WINS, |listener, path| listener.tls.crlfile = Some(path.into()))),
    Row::listener(&["require_certificate"], Bool(|listener, on| listener.tls.require_certificate = on)),
    Row::default_listener(&["use_identity_as_username"], Bool(|listener, on| listener.tls.use_identity_as_username = on)),
    Row::default_listener(&["use_subject_as_username"], Bool(|listener, on| listener.tls.use_subject_as_username = on)),
    Row::listener(&["disable_client_cert_date_checks"], Bool(|listener, on| listener.tls.disable_client_cert_date_checks = on)),
    Row::listener(&["tls_version"], Text(ONCE, |listener, version| listener.tls.tls_version = Some(version))).restart(),
    Row::default_listener(&["ciphers"], Text(LAST_WINS, |listener, list| listener.tls.ciphers = Some(list))),
    Row::default_listener(&["ciphers_tls1.3"], Text(LAST_WINS, |listener, list| listener.tls.ciphers_tls1_3 = Some(list))),
    Row::default_listener(&["tls_engine"], Text(ONCE, unused())).restart().refused(ENGINE),
    Row::default_listener(&["tls_engine_kpass_sha1"], Text(ONCE, unused())).restart().refused(ENGINE),
    Row::default_listener(&["tls_keyform"], Special(key_form)).restart(),
    Row::default_listener(&["psk_hint"], Text(ONCE, unused())).restart().refused(PSK),
];

/// Where the key comes from; every word but `engine` means the file.
fn key_form<T>(_: &mut T, argument: &Argument<'_>) -> Outcome {
    match argument.word()?.as_str() {
        "engine" => Err(Wrong::new(argument.fill(ENGINE, ""))),
        _ => Ok(None),
    }
}
