//! The options about TLS.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::{OptionId, UsageError};
use crate::client::Report;
use crate::transport::tls_client::{
    Connector, Notice, Options, OptionsError, Verification, Versions,
};

const TLS_PORT: u16 = 8883;

/// The options about TLS, not yet combined.
#[derive(Debug, Default)]
pub(super) struct RawTls {
    pub(super) off: bool,
    pub(super) os_certificates: bool,
    pub(super) insecure: bool,
    values: Vec<(OptionId, Vec<u8>)>,
}

impl RawTls {
    /// Keeps the value of an option; the last one counts.
    pub(super) fn set(&mut self, id: OptionId, value: Vec<u8>) {
        self.values.push((id, value));
    }

    fn value(&self, id: OptionId) -> Option<&[u8]> {
        let mut values = self.values.iter().rev();
        values
            .find(|(other, _)| *other == id)
            .map(|(_, value)| value.as_slice())
    }

    fn path(&self, id: OptionId) -> Option<PathBuf> {
        self.value(id)
            .map(|value| PathBuf::from(OsString::from_vec(value.to_vec())))
    }

    /// Returns whether the options make 8883 the default port.
    pub(super) fn changes_port(&self) -> bool {
        let is_given = |id| self.value(id).is_some();
        !self.off && (is_given(OptionId::CaFile) || is_given(OptionId::CaPath))
    }

    /// Checks combinations of options in Mosquitto's order.
    pub(super) fn check(&self) -> Result<(), UsageError> {
        use OptionId as Id;
        let is_given = |id| self.value(id).is_some();
        if self.off {
            return Ok(());
        }
        if is_given(Id::Certificate) != is_given(Id::Key) {
            return Err(UsageError::new(
                "Error: Both certfile and keyfile must be provided if one of them is set.\n",
            ));
        }
        if is_given(Id::KeyForm) && !is_given(Id::Key) {
            return Err(UsageError::new(
                "Error: If keyform is set, keyfile must be also specified.\n",
            ));
        }
        if is_given(Id::TlsEngineKeyPassword) && !(is_given(Id::TlsEngine) && is_given(Id::KeyForm))
        {
            return Err(UsageError::new(
                "Error: when using tls-engine-kpass-sha1, both tls-engine and keyform must also be provided.\n",
            ));
        }
        if is_given(Id::Psk) && (is_given(Id::CaFile) || is_given(Id::CaPath)) {
            return Err(UsageError::new(
                "Error: Only one of --psk or --cafile/--capath may be used at once.\n",
            ));
        }
        if is_given(Id::Psk) && !is_given(Id::PskIdentity) {
            return Err(UsageError::new(
                "Error: --psk-identity required if --psk used.\n",
            ));
        }
        self.check_supported()
    }

    /// Refuses options that rustls does not support.
    fn check_supported(&self) -> Result<(), UsageError> {
        use OptionId as Id;
        if self.value(Id::Psk).is_some() {
            return Err(UsageError::quietable(
                "Error: Problem setting TLS-PSK options. This program has no pre-shared keys: use certificates.\n",
            ));
        }
        if let Some(engine) = self.value(Id::TlsEngine) {
            return Err(UsageError::quietable(format!(
                "Error: Problem setting TLS engine, is {} a valid engine? This program has none.\n",
                String::from_utf8_lossy(engine)
            )));
        }
        match self.value(Id::KeyForm) {
            None | Some(b"pem") => Ok(()),
            Some(b"engine") => Err(UsageError::quietable(
                "Error: Problem setting key form. This program has no engines: use 'pem'.\n",
            )),
            Some(_) => Err(UsageError::quietable(
                "Error: Problem setting key form, it must be one of 'pem' or 'engine'.\n",
            )),
        }
    }

    fn is_on(&self, port: Option<u16>) -> bool {
        !self.off && (self.changes_port() || self.os_certificates || port == Some(TLS_PORT))
    }
}

/// Reads the files and returns the TLS settings; `None` without TLS.
pub(super) fn connector(
    tls: &RawTls,
    port: Option<u16>,
    report: Report,
) -> Result<Option<Connector>, UsageError> {
    use OptionId as Id;
    if !tls.is_on(port) {
        return Ok(None);
    }
    for id in [Id::CaFile, Id::Certificate, Id::Key] {
        if tls.path(id).is_some_and(|path| File::open(path).is_err()) {
            return Err(UsageError::quietable(
                "Error: Problem setting TLS options: File not found.\n",
            ));
        }
    }
    let by_port = port == Some(TLS_PORT) && !tls.changes_port();
    let text = |id| {
        tls.value(id)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let options = Options {
        ca_file: tls.path(Id::CaFile),
        ca_path: tls.path(Id::CaPath),
        os_certificates: tls.os_certificates || by_port,
        identity: tls.path(Id::Certificate).zip(tls.path(Id::Key)),
        verification: match (tls.insecure, port) {
            (true, _) => Verification::Nothing,
            (false, Some(0)) => Verification::WithoutName,
            (false, _) => Verification::Full,
        },
        versions: versions(text(Id::TlsVersion).as_deref())?,
        ciphers: text(Id::Ciphers),
        ciphers_tls1_3: None,
        alpn: tls.value(Id::TlsAlpn).map(<[u8]>::to_vec),
        key_log: tls.path(Id::TlsKeyLog),
        notice: Some(Notice::new(move |text| report.hint(text))),
    };
    let key = tls.path(Id::Key).unwrap_or_default();
    match Connector::new(&options, &|| ask_passphrase(&key)) {
        Ok(connector) => Ok(Some(connector)),
        Err(error) => Err(problem(&error)),
    }
}

fn problem(error: &OptionsError) -> UsageError {
    UsageError::quietable("Unable to connect (A TLS error occurred).\n")
        .hint(Some(error.to_string()))
}

fn versions(name: Option<&str>) -> Result<Versions, UsageError> {
    match name.map(str::to_ascii_lowercase).as_deref() {
        None | Some("tlsv1.2") => Ok(Versions::From12),
        Some("tlsv1.3") => Ok(Versions::Only13),
        Some(_) => Err(UsageError::quietable(
            "Error: Problem setting TLS options, check the options are valid.\n",
        )),
    }
}

/// Asks for the passphrase at the terminal, or reads a line of standard input.
fn ask_passphrase(key: &Path) -> io::Result<String> {
    const PROMPT: &str = "Enter PEM pass phrase:";
    if let Ok(passphrase) = rpassword::prompt_password(PROMPT) {
        return Ok(passphrase);
    }
    // Nobody sees the prompt if standard error is closed.
    let _ = write!(io::stderr(), "{PROMPT}");
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        let text = format!("no passphrase for {}", key.display());
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
