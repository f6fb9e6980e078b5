//! Certificates made for one test, and a client that speaks TLS with a library and raw
//! bytes inside.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use mq::client::Error;
use mq::transport::tls_client::{Connector, Options};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::LIMIT;

/// An authority whose certificates end with the test.
pub(crate) struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    /// Makes one and writes its certificate to `ca.crt`.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        Self::with_key(key, "ca", folder, (2025, 2090))
    }

    /// Makes one with this key that is good from one year to another, and writes its
    /// certificate to `NAME.crt`.
    pub(crate) fn with_key(key: KeyPair, name: &str, folder: &Path, years: (i32, i32)) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "test ca");
        let certificate = params.self_signed(&key).expect("the parameters are fine");
        write(folder, &format!("{name}.crt"), &certificate.pem());
        Self(Issuer::new(params, key))
    }

    /// Writes a certificate and its key to `NAME.crt` and `NAME.key`; good for
    /// `localhost` and 127.0.0.1, and from one year to another.
    pub(crate) fn issue(&self, folder: &Path, name: &str, years: (i32, i32), serial: u64) {
        let key = KeyPair::generate().expect("a key can be made");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("the names are fine");
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        params.serial_number = Some(SerialNumber::from(serial));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "school");
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params
            .signed_by(&key, &self.0)
            .expect("the parameters are fine");
        write(folder, &format!("{name}.crt"), &certificate.pem());
        write(folder, &format!("{name}.key"), &key.serialize_pem());
    }

    /// Writes a list to `revoked.crl` that takes back the certificate with this number.
    pub(crate) fn revoke(&self, folder: &Path, serial: u64) {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: rcgen::date_time_ymd(2025, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2025, 1, 1),
            next_update: rcgen::date_time_ymd(2090, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.0).expect("the parameters are fine");
        write(folder, "revoked.crl", &list.pem().expect("a list is PEM"));
    }
}

fn write(folder: &Path, name: &str, content: &str) {
    fs::write(folder.join(name), content).expect("the folder is writable");
}

/// A connection under TLS.
pub(crate) struct TlsClient(StreamOwned<ClientConnection, TcpStream>);

impl TlsClient {
    /// Connects to a port of 127.0.0.1, trusting `ca.crt` in the folder and showing the
    /// certificate `NAME.crt` if there is a name.
    pub(crate) fn connect(port: u16, folder: &Path, name: Option<&str>) -> Self {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(folder.join("ca.crt"));
        roots
            .add(authority.expect("the authority has a certificate"))
            .expect("it is an authority's");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for them")
            .with_root_certificates(roots);
        let config = match name {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let certificate = CertificateDer::from_pem_file(folder.join(format!("{name}.crt")));
                let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key")));
                let chain = vec![certificate.expect("it was issued")];
                builder
                    .with_client_auth_cert(chain, key.expect("it has a key"))
                    .expect("they belong together")
            }
        };
        let server = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), server).expect("a configuration");
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the broker listens");
        stream
            .set_read_timeout(Some(LIMIT))
            .expect("the limit is longer than nothing");
        Self(StreamOwned::new(session, stream))
    }

    /// Sends bytes and returns as many as are expected, or the error that ended it.
    pub(crate) fn exchange(&mut self, bytes: &[u8], expected: usize) -> io::Result<Vec<u8>> {
        self.0.write_all(bytes)?;
        let mut answer = vec![0; expected];
        self.0.read_exact(&mut answer)?;
        Ok(answer)
    }
}

impl Read for TlsClient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for TlsClient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Says why a client with these options refuses the TLS server on a port of 127.0.0.1, which it
/// calls `localhost`.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn why_refused(options: &Options, port: u16) -> String {
    let connector = Connector::new(options, &|| unreachable!("no key is encrypted"))
        .expect("the options are fine");
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("the server listens");
    let refused = connector.connect(stream, "localhost").await.map(|_| ());
    match Error::from(refused.expect_err("a refusal")) {
        Error::Tls(cause) => cause,
        other => panic!("{other:?}"),
    }
}
