use std::path::PathBuf;

/// How a listener encrypts, and what it asks of certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// The listener's certificate and those between it and the authority's, in PEM.
    /// With `keyfile` it turns TLS on; the one is never without the other.
    pub certfile: Option<PathBuf>,
    /// The key of the certificate, in PEM.
    pub keyfile: Option<PathBuf>,
    /// The authorities of clients' certificates, in PEM.
    pub cafile: Option<PathBuf>,
    /// A folder with files of such authorities.
    pub capath: Option<PathBuf>,
    /// Certificates that are no longer good, in PEM.
    pub crlfile: Option<PathBuf>,
    /// Whether a client must show a certificate.
    pub require_certificate: bool,
    /// Whether the common name of the client's certificate is its user name.
    pub use_identity_as_username: bool,
    /// Whether the subject of the client's certificate is its user name.
    pub use_subject_as_username: bool,
    /// Whether clients' certificates are good also before and after their time.
    pub disable_client_cert_date_checks: bool,
    /// The oldest version that is spoken, as it is written in the file.
    pub tls_version: Option<String>,
    /// The cipher suites of TLS 1.2, in OpenSSL's words.
    pub ciphers: Option<String>,
    /// The cipher suites of TLS 1.3.
    pub ciphers_tls1_3: Option<String>,
}

/// The part of a certificate that becomes a user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// The common name.
    Identity,
    /// The whole subject.
    Subject,
}
