//! Users of the API, and their rights.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::api_error::ApiError;
use super::page::is_public;
use super::state::{Api, Origin};
use crate::broker::auth::{Credentials, LoginAttempt};
use crate::broker::ground::Identity;
use crate::protocol::{Text, TopicName};

/// The client identifier with which logins and access rules are asked, as in Mosquitto.
const CLIENT_ID: &str = "http-api";
/// Header by which our page says that it asks for the login itself.
const OWN_LOGIN: &str = "x-mq-page";

/// Paths that need no login: for load balancers, and for the page, which has no data.
const PUBLIC: [&str; 2] = ["/healthz", "/readyz"];

/// User who sent a request.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) identity: Identity,
    /// Set if the user may see and change everything.
    pub(super) is_admin: bool,
}

impl Caller {
    /// Returns the user's name, for texts.
    pub(super) fn name(&self) -> &str {
        let name = self.identity.username.as_ref();
        name.map_or("an anonymous user", Text::as_str)
    }

    /// Returns an error unless the user may see and change everything.
    pub(super) fn require_admin(&self) -> Result<(), ApiError> {
        match self.is_admin {
            true => Ok(()),
            false => Err(ApiError::forbidden(
                "This needs a user who is named by http_api_admin.",
            )),
        }
    }
}

/// Lets a request pass if its user may log in and may read the path as a topic.
pub(super) async fn check(
    State(api): State<Api>,
    Extension(origin): Extension<Origin>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if PUBLIC.contains(&path) || is_public(path) {
        return next.run(request).await;
    }
    let asks_for_login = !request.headers().contains_key(OWN_LOGIN);
    let refused = || ApiError::not_authorised(asks_for_login).into_response();
    let is_scrape = path == "/metrics" && origin.peer.is_loopback();
    let Some(caller) = log_in(&api, &origin, request.headers()).await else {
        return match is_scrape {
            true => next.run(request).await,
            false => refused(),
        };
    };
    let access = &api.broker.env.access;
    let topic = TopicName::try_from(path);
    let may_read = topic.is_ok_and(|topic| access.may_read(&caller.identity, &topic));
    if !may_read && !caller.is_admin && !is_scrape {
        return refused();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Checks the login of a request.
async fn log_in(api: &Api, origin: &Origin, headers: &HeaderMap) -> Option<Caller> {
    let broker = &api.broker;
    let credentials = match headers.get(header::AUTHORIZATION) {
        Some(value) => Some(basic(value.as_bytes())?),
        None => None,
    };
    let listener = &origin.listener;
    let client_id = Text::try_from(CLIENT_ID).ok()?;
    let attempt = LoginAttempt {
        listener: listener.name(),
        credentials: credentials.as_ref(),
        client_id: &client_id,
        network: origin.peer.network(),
    };
    broker.authenticator.log_in(attempt).await.ok()?;
    let certified = origin.certified_name.clone();
    let config = broker.config();
    let security = config.effective_security(listener.settings());
    // A name that nobody has checked makes no administrator.
    let is_checked = certified.is_some() || security.password_file.is_some();
    let username = certified.or_else(|| Some(credentials?.username().clone()));
    let is_admin = match &username {
        Some(name) if is_checked => {
            let mut admins = config.http_api.admins.iter();
            admins.any(|admin| admin == name.as_str())
        }
        _ => config.local_only && security.password_file.is_none(),
    };
    Some(Caller {
        identity: Identity {
            client_id,
            username,
            listener: Some(listener.name().clone()),
        },
        is_admin,
    })
}

/// Reads the name and the password of Basic authentication (RFC 7617).
fn basic(value: &[u8]) -> Option<Credentials> {
    let (scheme, encoded) = value.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let (name, password) = (&decoded[..colon], &decoded[colon + 1..]);
    let name = Text::try_from(std::str::from_utf8(name).ok()?).ok()?;
    Credentials::new(Some(&name), Some(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_authentication_splits_name_and_password_at_the_first_colon() {
        let header = format!("basic {}", BASE64_STANDARD.encode("alice:pass:word"));
        let credentials = basic(header.as_bytes()).unwrap();
        assert_eq!(credentials.username().as_str(), "alice");
        for wrong in ["Bearer abc", "Basic", "Basic !", "Basic YWxpY2U="] {
            assert!(basic(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
