//! The files of a listener's `http_dir`, for browsers that ask a WebSocket port for a page.
//!
//! One answer for each connection. The folder is public: nobody is asked who they are.

mod content_type;
mod page;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use self::content_type::content_type;
use self::page::{Missing, Page};
use super::listener::Peer;
use super::log::{Log, LogType};
use crate::transport::http::{Method, Request, StatusCode, close, refuse, response_head};
use crate::transport::socket::Socket;

/// What is read of a file at once.
const PIECE: usize = 64 * 1024;
/// A peer that does not take a piece within this is cut.
const PIECE_WITHIN: Duration = Duration::from_secs(10);

/// A browser's request for a page.
pub(super) struct HttpRequest<S = Socket> {
    stream: S,
    request: Request,
}

impl<S> HttpRequest<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(stream: S, request: Request) -> Self {
        Self { stream, request }
    }

    /// Answers from the files in `folder`, which is absolute and without symbolic links,
    /// and closes.
    pub(super) async fn serve(mut self, folder: Option<&Path>, peer: &Peer, log: &Log) {
        let head = &self.request.head;
        let (method, target) = (head.method().clone(), head.uri().path().to_owned());
        let outcome = match folder {
            Some(folder) => self.answer(folder).await,
            None => {
                let text = "MQTT over WebSocket is spoken here, and there are no pages.";
                let headers = [("Upgrade", "websocket")];
                self.refuse(StatusCode::UPGRADE_REQUIRED, &headers, text)
                    .await
            }
        };
        match outcome {
            Ok(status) => log.write(
                LogType::WebSockets,
                format_args!("{method} {target} from {peer}: {status}"),
            ),
            Err(error) => log.write(
                LogType::WebSockets,
                format_args!("{method} {target} from {peer}: {error}"),
            ),
        }
    }

    async fn answer(&mut self, folder: &Path) -> io::Result<StatusCode> {
        let is_head = match *self.request.head.method() {
            Method::GET => false,
            Method::HEAD => true,
            _ => {
                let headers = [("Allow", "GET, HEAD")];
                let text = "Only GET and HEAD are possible here.";
                return self
                    .refuse(StatusCode::METHOD_NOT_ALLOWED, &headers, text)
                    .await;
            }
        };
        let target = self.request.head.uri().path().to_owned();
        let (folder, path) = (folder.to_owned(), target.clone());
        let page = spawn_blocking(move || Page::open(&folder, &path)).await?;
        match page {
            Ok(page) => self.send(page, is_head).await,
            Err(Missing::Slash) => {
                let location = format!("{target}/");
                let headers = [("Location", location.as_str())];
                self.refuse(StatusCode::MOVED_PERMANENTLY, &headers, "Moved.")
                    .await
            }
            Err(Missing::Nothing) => self.refuse(StatusCode::NOT_FOUND, &[], "Not found.").await,
            Err(Missing::Unreadable) => self.refuse(StatusCode::FORBIDDEN, &[], "Forbidden.").await,
        }
    }

    async fn refuse(
        &mut self,
        status: StatusCode,
        headers: &[(&str, &str)],
        text: &str,
    ) -> io::Result<StatusCode> {
        let has_body = *self.request.head.method() != Method::HEAD;
        if has_body {
            refuse(&mut self.stream, status, headers, text).await;
        } else {
            self.write(response_head(status, headers).as_bytes())
                .await?;
            close(&mut self.stream).await;
        }
        Ok(status)
    }

    async fn send(&mut self, page: Page, is_head: bool) -> io::Result<StatusCode> {
        let Page {
            mut file,
            length,
            path,
        } = page;
        let length_text = length.to_string();
        let headers = [
            ("Content-Type", content_type(&path)),
            ("Content-Length", length_text.as_str()),
            ("X-Content-Type-Options", "nosniff"),
        ];
        let head = response_head(StatusCode::OK, &headers);
        self.write(head.as_bytes()).await?;
        let mut left = if is_head { 0 } else { length };
        let mut piece = Vec::with_capacity(PIECE.min(usize::try_from(left).unwrap_or(PIECE)));
        while left > 0 {
            (file, piece) = next_piece(file, piece, left).await?;
            if piece.is_empty() {
                // The end of the connection tells the browser that the file got shorter.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.write(&piece).await?;
            left -= piece.len() as u64;
        }
        close(&mut self.stream).await;
        Ok(StatusCode::OK)
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(PIECE_WITHIN, self.stream.write_all(bytes)).await?
    }
}

/// Reads on, at most `left` bytes, where a slow disk holds up nobody.
async fn next_piece(mut file: File, mut piece: Vec<u8>, left: u64) -> io::Result<(File, Vec<u8>)> {
    let read = move || {
        piece.clear();
        let length = left.min(PIECE as u64);
        (&mut file).take(length).read_to_end(&mut piece)?;
        Ok((file, piece))
    };
    spawn_blocking(read).await?
}
