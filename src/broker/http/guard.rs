//! Protection of the API against web pages of other origins.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::api_error::ApiError;
use super::state::{Api, Origin};
use crate::broker::config::ListenAddress;

/// Header with the token of a request that changes something.
pub(super) const TOKEN: HeaderName = HeaderName::from_static("x-mq-token");

/// Refuses requests that another web page may have forged.
///
/// A page of another origin is refused by its `Origin`. A request that changes something also
/// carries a token, which only a page of the broker's own origin can read. On a loopback
/// listener the `Host` must be this machine: otherwise a name that its owner lets point to
/// 127.0.0.1 would count as the broker's own origin.
pub(super) async fn check(
    State(api): State<Api>,
    Extension(origin): Extension<Origin>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    if is_loopback(&origin.listener.settings().address) && !host.is_none_or(is_this_machine) {
        return ApiError::forbidden("The Host of this listener must be localhost.").into_response();
    }
    let page = headers.get(header::ORIGIN).cloned();
    let config = api.broker.config();
    if let Some(page) = &page
        && !is_own(page, host)
        && !config
            .http_api
            .allow_origins
            .iter()
            .any(|known| known == page)
    {
        let text = "Pages of this origin may not use the API (see http_api_allow_origin).";
        return ApiError::forbidden(text).into_response();
    }
    let mut response = next.run(request).await;
    finish(response.headers_mut(), page);
    response
}

/// Refuses a request that changes something and does not have the token.
pub(super) async fn require_token(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Response {
    let sent = request.headers().get(TOKEN).map(HeaderValue::as_bytes);
    let is_right = sent.is_some_and(|sent| sent.ct_eq(api.token().as_bytes()).into());
    match is_right {
        true => next.run(request).await,
        false => {
            let text =
                "The header X-MQ-Token is missing or wrong; GET /api/v1/session has its value.";
            ApiError::forbidden(text).into_response()
        }
    }
}

/// Adds the headers that every response has.
fn finish(headers: &mut HeaderMap, page: Option<HeaderValue>) {
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if let Some(page) = page {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, page);
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
}

/// Returns whether a page comes from the broker itself.
fn is_own(page: &HeaderValue, host: Option<&str>) -> bool {
    let page = page.to_str().ok();
    let page = page.and_then(|page| page.split_once("://"));
    matches!((page, host), (Some((_, page)), Some(host)) if page == host)
}

fn is_loopback(address: &ListenAddress) -> bool {
    match address {
        ListenAddress::Loopback => true,
        ListenAddress::Host(host) => is_this_machine(host),
        ListenAddress::Any | ListenAddress::Unix(_) | ListenAddress::InProcess => false,
    }
}

/// Returns whether a host, with or without a port, is this machine by its own name.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let address = name.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback_hosts() {
        for host in [
            "localhost",
            "LOCALHOST:9883",
            "127.0.0.1:9883",
            "127.1.2.3",
            "[::1]:1",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "example.org",
            "localhost.example.org",
            "127.0.0.1.example.org:80",
            "10.0.0.1",
            "",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn a_page_is_the_brokers_own_if_its_origin_is_the_host() {
        let own = |page: &'static str, host| is_own(&HeaderValue::from_static(page), Some(host));
        assert!(own("http://localhost:9883", "localhost:9883"));
        assert!(own("https://broker.lan", "broker.lan"));
        assert!(!own("http://localhost:3000", "localhost:9883"));
        assert!(!own("null", "localhost:9883"));
    }
}
