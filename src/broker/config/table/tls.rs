//! Options about encryption on a listener.

use super::super::row::{PSK, Row, unused};
use super::super::value::Value::{Bool, Special, Text};
use super::super::value::{Argument, Outcome, TextRule, Wrong};

const ONCE: TextRule = TextRule::ONCE;
const LAST_WINS: TextRule = TextRule::LAST_WINS;
const ENGINE: &str =
    "Error: The '{name}' option is not supported: there are no OpenSSL engines in this broker.";

// A row is a line, so that the table can be read down.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    Row::default_listener(&["certfile"], Text(LAST_WINS, |listener, path| listener.tls.certfile = Some(path.into())))
        .documented("", "",
            "The certificate of this listener in PEM format, followed by any intermediate \
             certificates. Together with `keyfile` it turns TLS on. SIGHUP reads both files \
             again."),
    Row::default_listener(&["keyfile"], Text(LAST_WINS, |listener, path| listener.tls.keyfile = Some(path.into())))
        .documented("", "",
            "The private key that belongs to `certfile`, in PEM format and without a password."),
    Row::listener(&["cafile"], Text(LAST_WINS, |listener, path| listener.tls.cafile = Some(path.into())))
        .documented("", "",
            "The certificates of the authorities that sign client certificates, in PEM format. \
             See `require_certificate`."),
    Row::default_listener(&["capath"], Text(LAST_WINS, |listener, path| listener.tls.capath = Some(path.into())))
        .documented("", "",
            "A directory with certificates of authorities. Every PEM file in it is read, and \
             `c_rehash` is not needed."),
    Row::default_listener(&["crlfile"], Text(LAST_WINS, |listener, path| listener.tls.crlfile = Some(path.into())))
        .documented("", "",
            "A list of revoked client certificates, in PEM format. It must contain the lists of \
             all authorities in `cafile`."),
    Row::listener(&["require_certificate"], Bool(|listener, on| listener.tls.require_certificate = on))
        .documented("false", "",
            "Accepts only clients that present a certificate signed by an authority in `cafile` \
             or `capath`."),
    Row::default_listener(&["use_identity_as_username"], Bool(|listener, on| listener.tls.use_identity_as_username = on))
        .documented("false", "",
            "Takes the common name (CN) of the client's certificate as its user name. The \
             client's own user name and password do not count. Needs `require_certificate`."),
    Row::default_listener(&["use_subject_as_username"], Bool(|listener, on| listener.tls.use_subject_as_username = on))
        .documented("false", "",
            "Takes the subject of the client's certificate as its user name, for example \
             `CN=alice,O=Example`. The client's own user name and password do not count. Needs \
             `require_certificate`."),
    Row::listener(&["disable_client_cert_date_checks"], Bool(|listener, on| listener.tls.disable_client_cert_date_checks = on))
        .documented("false", "",
            "Accepts client certificates that have expired or are not valid yet."),
    Row::listener(&["tls_version"], Text(ONCE, |listener, version| listener.tls.tls_version = Some(version)))
        .documented("", "",
            "The lowest version of TLS: `tlsv1.2` or `tlsv1.3`. Without the option, both are \
             accepted."),
    Row::default_listener(&["ciphers"], Text(LAST_WINS, |listener, list| listener.tls.ciphers = Some(list)))
        .documented("", "",
            "The ciphers for TLS 1.2, as a list in OpenSSL's notation. Those that rustls does not \
             have are skipped. It is an error if none is left."),
    Row::default_listener(&["ciphers_tls1.3"], Text(LAST_WINS, |listener, list| listener.tls.ciphers_tls1_3 = Some(list)))
        .documented("", "",
            "The ciphers for TLS 1.3, separated by colons, for example `TLS_AES_256_GCM_SHA384`."),
    Row::default_listener(&["tls_engine"], Text(ONCE, unused())).refused(ENGINE)
        .documented("", "",
            "Is refused: the broker has no OpenSSL engines."),
    Row::default_listener(&["tls_engine_kpass_sha1"], Text(ONCE, unused())).refused(ENGINE)
        .documented("", "",
            "Is refused: the broker has no OpenSSL engines."),
    Row::default_listener(&["tls_keyform"], Special(key_form))
        .documented("pem", "",
            "The kind of the private key. `engine` is refused: the broker has no OpenSSL engines."),
    Row::default_listener(&["psk_hint"], Text(ONCE, unused())).refused(PSK)
        .documented("", "",
            "Is refused: the broker has no pre-shared keys. Use certificates."),
];

/// Where the key comes from; every word but `engine` means the file.
fn key_form<T>(_: &mut T, argument: &Argument<'_>) -> Outcome {
    match argument.word()?.as_str() {
        "engine" => Err(Wrong::new(argument.fill(ENGINE, ""))),
        _ => Ok(None),
    }
}
