use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use super::Verification;
use crate::transport::tls::authorities::Authorities;
use crate::transport::tls::chain::{ChainCheck, Peer};

/// Checks the broker's certificate, except what the user turned off.
#[derive(Debug)]
pub(super) struct Verifier {
    chain: ChainCheck,
    verification: Verification,
}

impl Verifier {
    pub(super) fn new(
        authorities: Authorities,
        provider: &CryptoProvider,
        verification: Verification,
    ) -> Self {
        let chain = ChainCheck {
            authorities,
            algorithms: provider.signature_verification_algorithms,
            peer: Peer::Server,
            revoked: Vec::new(),
            checks_time: true,
        };
        Self {
            chain,
            verification,
        }
    }
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
        if self.verification != Verification::Nothing {
            self.chain.verify(certificate, intermediates, now)?;
        }
        if self.verification == Verification::Full {
            verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.chain.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.chain.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.algorithms.supported_schemes()
    }
}
