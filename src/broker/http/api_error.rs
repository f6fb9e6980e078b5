use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Response to a request that is refused.
///
/// Mosquitto's own texts stay plain text; all others are a JSON object with the member `error`.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    text: String,
    is_plain: bool,
    /// Set if a browser is to ask for a name and a password.
    asks_for_login: bool,
}

impl ApiError {
    fn plain(status: StatusCode, text: &str) -> Self {
        Self {
            status,
            text: text.to_owned(),
            is_plain: true,
            asks_for_login: false,
        }
    }

    fn json(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            is_plain: false,
            asks_for_login: false,
        }
    }

    /// Refuses a login. Browsers ask for another one, unless a page of ours does.
    pub(super) fn not_authorised(asks_for_login: bool) -> Self {
        Self {
            asks_for_login,
            ..Self::plain(StatusCode::UNAUTHORIZED, "Not authorised")
        }
    }

    pub(super) fn not_found() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "Not found.\n")
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::plain(StatusCode::METHOD_NOT_ALLOWED, "Invalid HTTP Method\n")
    }

    /// Reports that something named in the request does not exist.
    pub(super) fn missing(text: impl Into<String>) -> Self {
        Self::json(StatusCode::NOT_FOUND, text)
    }

    /// Reports what is wrong with the request.
    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self::json(StatusCode::BAD_REQUEST, text)
    }

    /// Reports that the user may not do this.
    pub(super) fn forbidden(text: impl Into<String>) -> Self {
        Self::json(StatusCode::FORBIDDEN, text)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = match self.is_plain {
            true => (self.status, self.text).into_response(),
            false => (self.status, Json(json!({ "error": self.text }))).into_response(),
        };
        if self.asks_for_login {
            let realm = HeaderValue::from_static("Basic realm=\"Mosquitto API\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, realm);
        }
        response
    }
}
