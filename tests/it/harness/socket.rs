//! Servers by hand, for what no server would do.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that takes one connection, reads a head and a body of this length, and does the rest by hand.
pub(crate) async fn server<F: Future<Output = ()> + Send>(
    body: usize,
    then: impl FnOnce(TcpStream, String) -> F + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/path?token=secret", listener.local_addr().expect("an address"));
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut received = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&received).into_owned();
            if text.split_once("\r\n\r\n").is_some_and(|(_, rest)| rest.len() >= body) {
                return then(stream, text).await;
            }
            if stream.read_buf(&mut received).await.expect("a request") == 0 {
                return;
            }
        }
    });
    url
}

/// One that has a ready answer.
pub(crate) async fn answering(answer: String) -> String {
    server(0, |mut stream, _| async move {
        // a client that has heard enough closes the connection
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await
}
