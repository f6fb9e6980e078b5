use std::fmt::Display;

use tokio::io::{AsyncRead, AsyncWrite};

use super::refusal::Refusal;
use crate::broker::config::{CertificateName, Listener, Protocol};
use crate::broker::listener::{ListenerContext, Negotiated, Peer, handshake_failure};
use crate::broker::web::HttpRequest;
use crate::protocol::Text;
use crate::transport::http::{Request, StatusCode};
use crate::transport::proxy::{ProxyClient, ProxyError, ProxyVersion, read_header};
use crate::transport::socket::Socket;
use crate::transport::websocket::AcceptError;
use crate::transport::{Stream, http, websocket};

/// What a connection turned out to be.
pub(super) enum Opened {
    /// It is ready for MQTT.
    Mqtt(Stream, Certificate),
    /// A browser asks a WebSocket listener for a page.
    Web(Box<HttpRequest>),
    /// Somebody asks the HTTP API.
    HttpApi(Box<(Socket, Request)>, Option<Text>),
}

/// What was found out about a client before it said a word of MQTT.
#[derive(Default)]
pub(super) struct Certificate {
    /// The TLS that it speaks with the broker.
    pub(super) tls: Option<Box<Negotiated>>,
    /// The user name that its certificate gives it.
    pub(super) username: Option<Text>,
}

/// Goes through what the listener has before MQTT: a proxy, TLS and WebSocket. Behind a
/// proxy `peer` becomes the client that it speaks for.
pub(super) async fn open(
    mut socket: Socket,
    peer: &mut Peer,
    listener: &ListenerContext,
) -> Result<Opened, Refusal> {
    let settings = listener.settings();
    let mut certificate = Certificate::default();
    if let Some(version) = settings.proxy_protocol {
        certificate.username = Box::pin(introduce(&mut socket, version, peer, settings)).await?;
    }
    let socket = match (socket, listener.tls()) {
        (socket, Some(acceptor)) => {
            let accepted = Box::pin(acceptor.accept(socket)).await;
            let stream = accepted.map_err(|error| {
                let why = handshake_failure(&error);
                Refusal::Transport(format!("TLS handshake failed: {why}"))
            })?;
            let negotiated = Negotiated::new(&stream, settings.username_from());
            if let Some((negotiated, username)) = negotiated {
                certificate.tls = Some(Box::new(negotiated));
                certificate.username = username;
            }
            Socket::Tls(Box::new(stream))
        }
        (socket, None) => socket,
    };
    match settings.protocol {
        Protocol::Mqtt => Ok(Opened::Mqtt(Stream::Plain(socket), certificate)),
        Protocol::WebSockets | Protocol::HttpApi => {
            Box::pin(open_websocket(socket, peer, certificate, listener)).await
        }
    }
}

async fn open_websocket(
    mut socket: Socket,
    peer: &mut Peer,
    certificate: Certificate,
    listener: &ListenerContext,
) -> Result<Opened, Refusal> {
    let (config, settings) = (listener.config(), listener.settings());
    let refused =
        |error: &dyn Display| Refusal::Transport(format!("WebSocket handshake failed: {error}"));
    let request = match http::read_request(&mut socket, config.websockets_headers_size).await {
        Ok(request) => request,
        Err(error) => {
            if let Some(status) = error.status() {
                http::refuse(&mut socket, status, &[], &error.to_string()).await;
            }
            return Err(refused(&error));
        }
    };
    let mut forwarded = request.head.headers().get_all("X-Forwarded-For").iter();
    if let Some(Ok(header)) = forwarded.next_back().map(|header| header.to_str()) {
        *peer = peer.clone().forwarded_for(header);
    }
    if !websocket::is_asked_for(&request) {
        if settings.protocol == Protocol::HttpApi {
            let name = certificate.username;
            return Ok(Opened::HttpApi(Box::new((socket, request)), name));
        }
        return Ok(Opened::Web(Box::new(HttpRequest::new(socket, request))));
    }
    let limit = config.limits.max_packet_size as usize;
    let stream = websocket::accept(socket, request, limit, &settings.websockets_origins)
        .await
        .map_err(|error| match error {
            AcceptError::Refused {
                status: StatusCode::FORBIDDEN,
                ..
            } => Refusal::Origin,
            error => refused(&error),
        })?;
    Ok(Opened::Mqtt(
        Stream::WebSocket(Box::new(stream)),
        certificate,
    ))
}

/// Lets a proxy say whom it speaks for; returns the user name that it vouches for.
async fn introduce<S>(
    socket: &mut S,
    version: ProxyVersion,
    peer: &mut Peer,
    settings: &Listener,
) -> Result<Option<Text>, Refusal>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let header = read_header(socket, version)
        .await
        .map_err(|error| match error {
            ProxyError::Corrupt => Refusal::Proxy,
            ProxyError::Local => Refusal::Gone,
            ProxyError::Io(error) => Refusal::Socket(error),
        })?;
    match header.client {
        Some(ProxyClient::Network(address)) => *peer = Peer::from_address(address),
        Some(ProxyClient::Unix(path)) => *peer = Peer::Unix(path.into()),
        None => {}
    }
    if settings.proxy_protocol_v2_require_tls && !header.is_tls {
        return Err(Refusal::NoTls);
    }
    let is_by_proxy = version == ProxyVersion::V2;
    if is_by_proxy && settings.tls.require_certificate && !header.has_certificate {
        return Err(Refusal::NoCertificate);
    }
    let wanted = settings.username_from() == Some(CertificateName::Identity);
    let name = header.common_name.filter(|_| wanted);
    Ok(name.and_then(|name| Text::try_from(name.as_str()).ok()))
}
