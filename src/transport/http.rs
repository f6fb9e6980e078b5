//! The part of HTTP/1.1 (RFC 9112) that a WebSocket port needs.
//!
//! It reads the head of a request and writes responses after which the connection is closed.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::http;

pub use tokio_tungstenite::tungstenite::http::{Method, StatusCode, header};

/// The size of the first read of a head.
const FIRST_READ: usize = 1024;
/// The maximum number of lines in a request; no browser sends as many.
const MAX_HEADERS: usize = 100;
/// The time in which a peer must take a short response and close the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A request whose head was read.
#[derive(Debug)]
pub struct Request {
    /// The bytes of the head.
    pub bytes: BytesMut,
    /// The method, the target and the headers.
    pub head: http::Request<()>,
    /// The bytes that arrived behind the head.
    pub rest: BytesMut,
}

/// A reason that there is no request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The peer closed the connection first.
    #[error("the connection was closed")]
    Closed,
    /// The peer did not send HTTP.
    #[error("this is not HTTP")]
    Malformed,
    /// The head is longer than allowed.
    #[error("the head of the request is too long")]
    TooLong,
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl RequestError {
    /// Returns the status for the peer, if it gets a response.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Malformed => Some(StatusCode::BAD_REQUEST),
            Self::TooLong => Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            Self::Closed | Self::Io(_) => None,
        }
    }
}

/// Reads a request's head of at most `limit` bytes.
///
/// # Errors
///
/// The connection ends or fails first, or the bytes are not such a head.
pub async fn read_request<S>(stream: &mut S, limit: usize) -> Result<Request, RequestError>
where
    S: AsyncRead + Unpin,
{
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(FIRST_READ);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(RequestError::Closed);
        }
        if let Some((length, head)) = parse(&buffer)? {
            if length > limit {
                return Err(RequestError::TooLong);
            }
            let rest = buffer.split_off(length);
            return Ok(Request {
                bytes: buffer,
                head,
                rest,
            });
        }
        if buffer.len() > limit {
            return Err(RequestError::TooLong);
        }
    }
}

/// Parses the head at the front of `bytes` and returns its length; `None` if it is not whole.
fn parse(bytes: &[u8]) -> Result<Option<(usize, http::Request<()>)>, RequestError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(RequestError::TooLong),
        Err(_) => return Err(RequestError::Malformed),
    };
    let mut request = http::Request::builder()
        .method(parsed.method.unwrap_or_default())
        .uri(parsed.path.unwrap_or_default())
        .version(match parsed.version {
            Some(0) => http::Version::HTTP_10,
            _ => http::Version::HTTP_11,
        });
    for header in parsed.headers {
        request = request.header(header.name, header.value);
    }
    let head = request.body(()).map_err(|_| RequestError::Malformed)?;
    Ok(Some((length, head)))
}

/// Returns the head of a response that ends with its connection.
pub fn response_head(status: StatusCode, headers: &[(&str, &str)]) -> String {
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()) {
        // A string takes everything.
        let _ = write!(head, "Date: {date}\r\n");
    }
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    head
}

/// Responds with a line of text and closes the connection.
///
/// A peer that does not take the response in time goes without it.
pub async fn refuse<S>(stream: &mut S, status: StatusCode, headers: &[(&str, &str)], text: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let length = (text.len() + 1).to_string();
    let mut all = vec![
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", &length),
    ];
    all.extend(headers);
    let answer = format!("{}{text}\n", response_head(status, &all));
    if let Ok(Ok(())) = timeout(CLOSE_TIMEOUT, stream.write_all(answer.as_bytes())).await {
        close(stream).await;
    }
}

/// Closes the connection without cutting off the response.
///
/// Bytes that the peer sends in the meantime are read. Otherwise its system would see a reset
/// and throw the response away.
pub async fn close<S>(stream: &mut S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let closing = async {
        stream.flush().await?;
        stream.shutdown().await?;
        let mut ignored = [0; FIRST_READ];
        while stream.read(&mut ignored).await? > 0 {}
        io::Result::Ok(())
    };
    // The connection ends in any case.
    let _ = timeout(CLOSE_TIMEOUT, closing).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8], limit: usize) -> Result<Request, RequestError> {
        read_request(&mut &*bytes, limit).await
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_request_is_read_up_to_its_empty_line() {
        let text = b"HEAD /a%20b?c HTTP/1.1\r\nHost: x\r\nAccept: y\r\n\r\nrest";
        let request = read(text, 100).await.unwrap();
        assert_eq!(request.head.method(), Method::HEAD);
        assert_eq!(request.head.uri().path(), "/a%20b");
        assert_eq!(request.head.headers()["accept"], "y");
        assert_eq!(&request.rest[..], b"rest");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_no_request_is_told_so() {
        for (bytes, status) in [
            (&b"\x10\x0f\x00\x04MQTT"[..], Some(400)),
            (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", Some(400)),
            (b"GET a:b:c HTTP/1.1\r\n\r\n", Some(400)),
            (b"GET / HTTP/1.1\r\n", None),
            (b"", None),
        ] {
            let error = read(bytes, 100).await.unwrap_err();
            let answered = error.status().map(|status| status.as_u16());
            assert_eq!(
                answered,
                status,
                "{}: {error}",
                String::from_utf8_lossy(bytes)
            );
        }
        let long = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 5000]].concat();
        let error = read(&long, 100).await.unwrap_err();
        assert!(matches!(error, RequestError::TooLong), "{error}");
        let many = "GET / HTTP/1.1\r\n".to_owned() + &"X: y\r\n".repeat(101) + "\r\n";
        let error = read(many.as_bytes(), 5000).await.unwrap_err();
        assert!(matches!(error, RequestError::TooLong), "{error}");
    }
}
