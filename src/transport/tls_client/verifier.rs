use std::fmt;
use std::sync::{Arc, Once};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use crate::transport::tls::authorities::Authorities;
use crate::transport::tls::chain::ChainCheck;
use crate::transport::tls::handshake::{verify_tls12, verify_tls13};
use crate::transport::tls::server_name::{self, NamedBy};
use crate::transport::tls::trust::Purpose;

/// A receiver of hints for the user.
#[derive(Clone)]
pub struct Notice(Arc<dyn Fn(&str) + Send + Sync>);

impl Notice {
    /// Makes a receiver of a function.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    fn tell(&self, text: &str) {
        (self.0)(text);
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notice")
    }
}

/// The checks of the broker's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// Its issuer, its validity and its name.
    #[default]
    Full,
    /// All but the name, for brokers that have none: those at Unix sockets.
    WithoutName,
    /// Nothing.
    Nothing,
}

/// Checks the broker's certificate, except what the user turned off.
#[derive(Debug)]
pub(super) struct Verifier {
    chain: ChainCheck,
    verification: Verification,
    /// Told once of a broker that only its common name names.
    notice: Option<Notice>,
    is_told: Once,
}

impl Verifier {
    pub(super) fn new(
        authorities: Authorities,
        provider: &CryptoProvider,
        verification: Verification,
        notice: Option<Notice>,
    ) -> Self {
        let chain = ChainCheck {
            authorities,
            algorithms: provider.signature_verification_algorithms,
            purpose: Purpose::Servers,
            revoked: Vec::new(),
            checks_time: true,
        };
        Self {
            chain,
            verification,
            notice,
            is_told: Once::new(),
        }
    }

    fn tell_of_common_name(&self, name: &ServerName<'_>) {
        if let Some(notice) = &self.notice {
            self.is_told.call_once(|| {
                notice.tell(&format!(
                    "the broker's certificate has no subjectAltName, and other programs may refuse \
                     it: sign it with `-extfile FILE`, where FILE has the line \
                     subjectAltName={}",
                    alternative(name)
                ));
            });
        }
    }
}

/// Returns the subjectAltName for this name.
fn alternative(name: &ServerName<'_>) -> String {
    let kind = match name {
        ServerName::IpAddress(_) => "IP",
        _ => "DNS",
    };
    format!("{kind}:{}", name.to_str())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.verification == Verification::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        let vouched = self.chain.verify(certificate, intermediates, now)?;
        if self.verification == Verification::Full
            && server_name::check(certificate, name, vouched)? == NamedBy::CommonName
        {
            self.tell_of_common_name(name);
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12(message, certificate, signature, &self.chain.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13(message, certificate, signature, &self.chain.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.algorithms.supported_schemes()
    }
}
