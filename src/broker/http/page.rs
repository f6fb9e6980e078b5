//! The page that shows the running broker. It has no data of its own and needs no login.

use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::api_error::ApiError;

/// Allows nothing but the page's own files, and connections to the broker itself.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// A file of the page.
struct File {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

static FILES: [File; 6] = [
    File {
        path: "/",
        content_type: "text/html; charset=utf-8",
        text: include_str!("page/index.html"),
    },
    File {
        path: "/style.css",
        content_type: "text/css; charset=utf-8",
        text: include_str!("page/style.css"),
    },
    File {
        path: "/app.js",
        content_type: JAVASCRIPT,
        text: include_str!("page/app.js"),
    },
    File {
        path: "/mqtt.js",
        content_type: JAVASCRIPT,
        text: include_str!("page/mqtt.js"),
    },
    File {
        path: "/words.js",
        content_type: JAVASCRIPT,
        text: include_str!("page/words.js"),
    },
    File {
        path: "/icon.svg",
        content_type: "image/svg+xml",
        text: include_str!("page/icon.svg"),
    },
];

fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

/// Returns whether a path is part of the page.
pub(super) fn is_public(path: &str) -> bool {
    find(path).is_some()
}

/// Answers with a file of the page.
pub(super) async fn file(uri: Uri) -> Response {
    let Some(file) = find(uri.path()) else {
        return ApiError::not_found().into_response();
    };
    let content_type = HeaderValue::from_static(file.content_type);
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
    ];
    (StatusCode::OK, headers, file.text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_page_is_small_and_has_nothing_inline() {
        let size: usize = FILES.iter().map(|file| file.text.len()).sum();
        assert!(size < 150_000, "{size}");
        let html = FILES[0].text;
        for inline in ["<style", " style=", " onclick=", "javascript:", "<script>"] {
            assert!(!html.contains(inline), "{inline}");
        }
        assert!(FILES.iter().all(|file| !file.text.contains("innerHTML")));
    }
}
