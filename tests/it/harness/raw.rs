//! HTTP by hand, for what no client would send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::App;
use super::callback::signature;

/// A connection that is used for one request.
pub(crate) struct Connection(TcpStream);

impl App {
    pub(crate) async fn connect(&self) -> Connection {
        Connection(TcpStream::connect(self.address).await.expect("the app listens"))
    }

    /// Sends bytes, and reads until the app closes the connection.
    pub(crate) async fn exchange(&self, request: impl AsRef<[u8]>) -> Reply {
        let mut connection = self.connect().await;
        connection.send(request).await;
        connection.reply().await
    }
}

/// The head of a signed callback, with an announced length.
pub(crate) fn head(task: &str, body: &[u8], length: usize) -> String {
    let signature = signature(body);
    format!(
        "POST /callback/{task} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Webhook-Signature: {signature}\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

impl Connection {
    /// What the app does not want any more may fail to be sent.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    pub(crate) async fn reply(mut self) -> Reply {
        let mut bytes = Vec::new();
        // a reset after the answer is as good as an end
        let _ = self.0.read_to_end(&mut bytes).await;
        Reply(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Everything that came back.
#[derive(Debug)]
pub(crate) struct Reply(pub String);

impl Reply {
    /// None if the connection was closed without a word.
    pub(crate) fn status(&self) -> Option<u16> {
        self.0.split(' ').nth(1)?.parse().ok()
    }

    pub(crate) fn says(&self, code: &str) -> bool {
        self.0.contains(&format!("\"code\":\"{code}\""))
    }
}
