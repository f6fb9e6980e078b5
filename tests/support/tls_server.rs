//! Certificates, and a server that takes the TLS off connections and hands them on to a
//! broker.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;

/// A certificate with its key.
pub(crate) struct Identity {
    params: CertificateParams,
    pub(crate) certificate: Certificate,
    pub(crate) key: KeyPair,
}

impl Identity {
    /// An authority, which is also what `openssl req -x509` makes for a server.
    pub(crate) fn authority(names: &[&str]) -> Self {
        let mut params = params(names);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            params,
            certificate,
            key,
        }
    }

    /// An authority whose time was over in 1999.
    pub(crate) fn expired_authority(names: &[&str]) -> Self {
        let mut params = params(names);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(1998, 1, 1);
        params.not_after = rcgen::date_time_ymd(1999, 12, 31);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            params,
            certificate,
            key,
        }
    }

    /// A certificate that this authority signs.
    pub(crate) fn sign(&self, names: &[&str]) -> Self {
        self.sign_params(params(names))
    }

    /// A certificate that was valid until 1999.
    pub(crate) fn sign_expired(&self, names: &[&str]) -> Self {
        let mut params = params(names);
        params.not_before = rcgen::date_time_ymd(1998, 1, 1);
        params.not_after = rcgen::date_time_ymd(1999, 12, 31);
        self.sign_params(params)
    }

    fn sign_params(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = params
            .signed_by(&key, &Issuer::from_params(&self.params, &self.key))
            .expect("a certificate");
        Self {
            params,
            certificate,
            key,
        }
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub(crate) fn write(&self, folder: &Path, name: &str) {
        std::fs::write(folder.join(format!("{name}.pem")), self.certificate.pem())
            .expect("the folder is writable");
        std::fs::write(folder.join(format!("{name}.key")), self.key.serialize_pem())
            .expect("the folder is writable");
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let subject_names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(subject_names).expect("good names");
    params
        .distinguished_name
        .push(DnType::CommonName, *names.first().unwrap_or(&"localhost"));
    params
}

/// How the server presents itself, and whom it lets in.
pub(crate) struct TlsServer {
    config: ServerConfig,
}

impl TlsServer {
    /// A server with this certificate.
    pub(crate) fn new(identity: &Identity) -> Self {
        Self::with_clients(identity, None)
    }

    /// A server that asks for certificates of this authority.
    pub(crate) fn asking(identity: &Identity, authority: &Identity) -> Self {
        Self::with_clients(identity, Some(authority))
    }

    fn with_clients(identity: &Identity, authority: Option<&Identity>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider knows them");
        let builder = match authority {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = rustls::RootCertStore::empty();
                roots
                    .add(authority.certificate.der().clone())
                    .expect("an authority");
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .expect("a verifier");
                builder.with_client_cert_verifier(verifier)
            }
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
        let config = builder
            .with_single_cert(vec![identity.certificate.der().clone()], key)
            .expect("they go together");
        Self { config }
    }

    /// The same server with an application protocol, which clients must ask for if they ask
    /// for any.
    pub(crate) fn speaking(mut self, protocol: &str) -> Self {
        self.config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        self
    }

    /// Listens on a free loopback port until the process ends; connections go on to
    /// `port`.
    pub(crate) fn start(self, port: u16) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
        let own_port = listener.local_addr().expect("a bound socket").port();
        listener.set_nonblocking(true).expect("it can be");
        self.run(move |acceptor| async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), client, port));
            }
        });
        own_port
    }

    /// Listens on a Unix socket.
    pub(crate) fn start_unix(self, path: &Path, port: u16) {
        let listener = std::os::unix::net::UnixListener::bind(path).expect("a free path");
        listener.set_nonblocking(true).expect("it can be");
        self.run(move |acceptor| async move {
            let listener = UnixListener::from_std(listener).expect("a listener");
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), client, port));
            }
        });
    }

    fn run<F: Future<Output = ()>>(self, serve: impl FnOnce(TlsAcceptor) -> F + Send + 'static) {
        let acceptor = TlsAcceptor::from(Arc::new(self.config));
        thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(serve(acceptor));
        });
    }
}

async fn serve(acceptor: TlsAcceptor, client: impl AsyncRead + AsyncWrite + Unpin, port: u16) {
    let Ok(mut client) = acceptor.accept(client).await else {
        return;
    };
    let Ok(mut broker) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let _ = tokio::io::copy_bidirectional(&mut client, &mut broker).await;
}
