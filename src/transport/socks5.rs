//! Connections through a SOCKS5 proxy (RFC 1928, RFC 1929), which looks up host names.

use std::io;
use std::net::IpAddr;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
const NO_LOGIN: u8 = 0;
const USERNAME_AND_PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The login for a proxy; both parts have at most 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub username: Vec<u8>,
    /// The password.
    pub password: Vec<u8>,
}

/// A reason that the proxy gives no connection.
#[derive(Debug, Error)]
pub enum Error {
    /// The connection to the proxy failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It wants a login, refused ours, or does not allow the target.
    #[error("the proxy refused the login, or forbids the target")]
    Refused,
    /// It cannot reach the target.
    #[error("the proxy cannot reach the broker")]
    Unreachable,
    /// It does not speak SOCKS5, or failed.
    #[error("the proxy failed, or does not speak SOCKS5")]
    Proxy,
}

/// Asks the proxy at the other end of the stream to connect to a target.
///
/// The stream then leads to the target.
pub async fn connect<S>(
    stream: &mut S,
    login: Option<&Login>,
    host: &str,
    port: u16,
) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let methods: &[u8] = match login {
        None => &[VERSION, 1, NO_LOGIN],
        Some(_) => &[VERSION, 2, NO_LOGIN, USERNAME_AND_PASSWORD],
    };
    send(stream, methods).await?;
    let mut choice = [0; 2];
    stream.read_exact(&mut choice).await?;
    match (choice, login) {
        ([VERSION, NO_LOGIN], _) => {}
        ([VERSION, USERNAME_AND_PASSWORD], Some(login)) => log_in(stream, login).await?,
        ([VERSION, _], _) => return Err(Error::Refused),
        _ => return Err(Error::Proxy),
    }
    send(stream, &request(host, port)?).await?;
    read_reply(stream).await
}

async fn log_in<S>(stream: &mut S, login: &Login) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut message = vec![LOGIN_VERSION];
    push_short(&mut message, &login.username)?;
    push_short(&mut message, &login.password)?;
    send(stream, &message).await?;
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await?;
    match answer {
        [_, 0] => Ok(()),
        _ => Err(Error::Refused),
    }
}

fn request(host: &str, port: u16) -> Result<Vec<u8>, Error> {
    let mut request = vec![VERSION, CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        Err(_) => {
            request.push(NAME);
            push_short(&mut request, host.as_bytes())?;
        }
    }
    request.extend(port.to_be_bytes());
    Ok(request)
}

/// Appends bytes behind a byte with their number.
fn push_short(message: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    message.push(u8::try_from(bytes.len()).map_err(|_| Error::Proxy)?);
    message.extend_from_slice(bytes);
    Ok(())
}

async fn read_reply(stream: &mut (impl AsyncRead + Unpin)) -> Result<(), Error> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    match head {
        [VERSION, 0, ..] => {}
        [VERSION, 2, ..] => return Err(Error::Refused),
        [VERSION, 3..=6, ..] => return Err(Error::Unreachable),
        _ => return Err(Error::Proxy),
    }
    let length = match head[3] {
        IPV4 => 4,
        IPV6 => 16,
        NAME => stream.read_u8().await?.into(),
        _ => return Err(Error::Proxy),
    };
    // The address and port from which the proxy connects are not needed.
    let mut address = vec![0; length + 2];
    stream.read_exact(&mut address).await?;
    Ok(())
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a proxy that expects some bytes and answers them, one after the other.
    async fn played(
        login: Option<Login>,
        host: &str,
        script: &[(&[u8], &[u8])],
    ) -> Result<(), Error> {
        let (mut client, mut proxy) = tokio::io::duplex(1024);
        let play = async {
            for (expected, answer) in script {
                let mut read = vec![0; expected.len()];
                proxy.read_exact(&mut read).await.unwrap();
                assert_eq!(&read, expected);
                proxy.write_all(answer).await.unwrap();
            }
        };
        let (result, ()) = tokio::join!(connect(&mut client, login.as_ref(), host, 1883), play);
        result
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_name_is_looked_up_by_the_proxy_and_an_address_is_sent_as_such() {
        let reply: &[u8] = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00";
        let by_name: [(&[u8], &[u8]); 2] = [
            (b"\x05\x01\x00", b"\x05\x00"),
            (b"\x05\x01\x00\x03\x01h\x07\x5b", reply),
        ];
        played(None, "h", &by_name).await.unwrap();
        let by_address: [(&[u8], &[u8]); 2] = [
            (b"\x05\x01\x00", b"\x05\x00"),
            (b"\x05\x01\x00\x01\x01\x02\x03\x04\x07\x5b", reply),
        ];
        played(None, "1.2.3.4", &by_address).await.unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn refusals_are_told_apart() {
        let login = || {
            Some(Login {
                username: b"u".to_vec(),
                password: b"p".to_vec(),
            })
        };
        let wrong_login: [(&[u8], &[u8]); 2] = [
            (b"\x05\x02\x00\x02", b"\x05\x02"),
            (b"\x01\x01u\x01p", b"\x01\x01"),
        ];
        let error = played(login(), "h", &wrong_login).await;
        assert!(matches!(error, Err(Error::Refused)), "{error:?}");
        let unreachable: [(&[u8], &[u8]); 2] = [
            (b"\x05\x01\x00", b"\x05\x00"),
            (b"\x05\x01\x00\x03\x01h\x07\x5b", b"\x05\x05\x00\x01"),
        ];
        let error = played(None, "h", &unreachable).await;
        assert!(matches!(error, Err(Error::Unreachable)), "{error:?}");
        let no_proxy: [(&[u8], &[u8]); 1] = [(b"\x05\x01\x00", b"HT")];
        let error = played(None, "h", &no_proxy).await;
        assert!(matches!(error, Err(Error::Proxy)), "{error:?}");
    }
}
