//! Deliveries to real sockets, friendly and not.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use callback_hub::clock::Clock;
use callback_hub::domain::delivery::{Heard, Trouble};
use callback_hub::domain::time::Timestamp;
use callback_hub::relay::courier::{Attempted, Courier, Parcel};
use callback_hub::relay::guard::{Allowed, Guard, Looking, Lookup};
use metrics_exporter_prometheus::PrometheusBuilder;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::harness::START;
use crate::harness::socket::{answering, server};

const PATIENT: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

fn courier(guard: Guard) -> Courier {
    // more than one test installs it, and any of them may be the first
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Courier::new(guard, Clock::manual(Timestamp::from_secs(START))).expect("a client")
}

fn parcel(url: &str) -> Parcel {
    Parcel { url: url.to_owned(), headers: vec![("x-team".to_owned(), "a secret".to_owned())], body: "{\"a\":1}".into() }
}

/// What came of it; nothing that may be logged shows a secret.
async fn sent(url: &str, timeout: Duration) -> Attempted {
    let found = courier(Guard::new(vec![Allowed::Private])).send(&parcel(url), timeout).await;
    assert!(!found.detail.is_empty() && found.detail.len() <= 300 && !found.detail.contains("secret"), "{found:?}");
    found
}

fn answered(status: u16, retry_after: Option<u64>) -> Heard {
    Heard::Answered { status, retry_after: retry_after.map(Duration::from_secs) }
}

#[tokio::test]
async fn a_parcel_arrives_as_it_was_packed() {
    let (sender, receiver) = oneshot::channel();
    let url = server(7, |mut stream, text| async move {
        let _ = sender.send(text);
        stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 4\r\n\r\nok\x01!").await.expect("an answer");
    })
    .await;
    let found = sent(&url, PATIENT).await;
    assert_eq!((found.heard, found.detail.as_str()), (answered(202, None), "202 Accepted"));
    assert_eq!(found.snippet.as_deref(), Some("ok\u{fffd}!"));
    assert!(found.took < PATIENT);
    let text = receiver.await.expect("the request").to_ascii_lowercase();
    assert!(text.starts_with("post /path?token=secret http/1.1\r\n"), "{text}");
    for line in ["content-type: application/json\r\n", "x-team: a secret\r\n", "user-agent: callback-hub/", "\r\n\r\n{\"a\":1}"] {
        assert_eq!(text.matches(line).count(), 1, "{line} in {text}");
    }
}

#[rstest]
#[case("204 No Content\r\n", answered(204, None), "204 No Content")]
#[case("204 No Content\r\ncontent-length: 100\r\n", answered(204, None), "204 No Content")]
#[case("599 Odd\r\ncontent-length: 0\r\n", answered(599, None), "599")]
#[case("503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n", answered(503, Some(7)), "503 Service Unavailable")]
#[case("429 Busy\r\nretry-after: DATE\r\ncontent-length: 0\r\n", answered(429, Some(90)), "429 Too Many Requests")]
#[case("429 Busy\r\nretry-after: soon\r\ncontent-length: 0\r\n", answered(429, None), "429 Too Many Requests")]
#[case("429 Busy\r\nretry-after: -1\r\ncontent-length: 0\r\n", answered(429, None), "429 Too Many Requests")]
#[case(
    "302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n",
    answered(302, None),
    "302 Found (redirects are not followed)"
)]
#[case("101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n", answered(101, None), "101 Switching Protocols")]
#[tokio::test]
async fn an_answer_is_heard_as_it_is(#[case] head: &str, #[case] heard: Heard, #[case] detail: &str) {
    let date = time::OffsetDateTime::from_unix_timestamp(START + 90).expect("a date");
    let date = date.format(&time::format_description::well_known::Rfc2822).expect("a date").replace("+0000", "GMT");
    let url = answering(format!("HTTP/1.1 {}\r\n", head.replace("DATE", &date))).await;
    let found = sent(&url, PATIENT).await;
    assert_eq!((found.heard, found.detail.as_str(), found.snippet), (heard, detail, None));
}

#[tokio::test]
async fn credentials_that_an_answer_repeats_are_not_kept() {
    let body = r#"{"authorization": "Bearer a-long-token", "token": "a-long-token", "x-team": "a"}"#;
    let url = answering(format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    let headers = [("authorization", "Bearer a-long-token"), ("x-team", "a")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let found = courier(Guard::new(vec![Allowed::Private])).send(&Parcel { headers, ..parcel(&url) }, PATIENT).await;
    assert_eq!(found.snippet.as_deref(), Some(r#"{"authorization": "***", "token": "***", "x-team": "a"}"#));
}

#[rstest]
#[case::announced("content-length: 1000000000\r\n")]
#[case::endless("connection: close\r\n")]
#[tokio::test]
async fn a_gigabyte_is_not_read(#[case] head: &'static str) {
    let (sender, receiver) = oneshot::channel();
    let url = server(7, move |mut stream, _| async move {
        let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
        stream.write_all(head.as_bytes()).await.expect("a head");
        let (chunk, mut written) = ([b'x'; 1 << 16], 0_usize);
        while stream.write_all(&chunk).await.is_ok() {
            written += chunk.len();
        }
        let _ = sender.send(written);
    })
    .await;
    let found = sent(&url, PATIENT).await;
    assert_eq!((found.heard, found.snippet), (answered(200, None), Some("x".repeat(1024))));
    let written = receiver.await.expect("the connection was closed");
    assert!(written < 64 << 20, "{written} bytes were taken");
}

#[tokio::test]
async fn a_head_decides_though_the_body_never_ends() {
    let url = server(7, |mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nh").await.expect("a beginning");
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let began = Instant::now();
    let found = sent(&url, SHORT).await;
    assert_eq!((found.heard, found.snippet.as_deref()), (answered(200, None), Some("h")));
    assert!(began.elapsed() < PATIENT);
}

#[rstest]
#[case::silent("")]
#[case::half_a_head("HTTP/1.1 200 OK\r\nx-a: ")]
#[case::not_yet("HTTP/1.1 100 Continue\r\n\r\n")]
#[tokio::test]
async fn whoever_does_not_answer_is_waited_for_as_long_as_allowed(#[case] beginning: &'static str) {
    let url = server(7, move |mut stream, _| async move {
        stream.write_all(beginning.as_bytes()).await.expect("a beginning");
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let found = sent(&url, SHORT).await;
    assert_eq!((found.heard, found.detail.as_str()), (Heard::Nothing(Trouble::Timeout), "no answer within 300 ms"));
    assert!((SHORT..PATIENT).contains(&found.took));
}

#[rstest]
#[case::closes(&[])]
#[case::babbles(b"what?\r\n\r\n")]
#[case::bytes(&[0, 255, 10, 13, 10])]
#[case::breaks_off(b"HTTP/1.1 200 OK\r\nx-a: ")]
#[tokio::test]
async fn what_is_no_answer_is_a_broken_connection(#[case] bytes: &'static [u8]) {
    let url = server(7, move |mut stream, _| async move { stream.write_all(bytes).await.expect("something") }).await;
    assert_eq!(sent(&url, PATIENT).await.heard, Heard::Nothing(Trouble::Connection));
}

#[tokio::test]
async fn a_head_without_end_is_a_broken_connection() {
    let url = server(7, |mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx-a: ").await;
        while stream.write_all(&[b'x'; 1 << 16]).await.is_ok() {}
    })
    .await;
    assert_eq!(sent(&url, PATIENT).await.heard, Heard::Nothing(Trouble::Connection));
}

#[tokio::test]
async fn a_reset_and_a_closed_door_are_told_apart() {
    let resets = server(7, |stream, _| async move { stream.set_zero_linger().expect("a reset") }).await;
    let found = sent(&resets, PATIENT).await;
    assert_eq!((found.heard, found.detail.as_str()), (Heard::Nothing(Trouble::Connection), "connection reset"));
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let found = sent(&format!("http://{closed}/?token=secret"), PATIENT).await;
    assert_eq!((found.heard, found.detail.as_str()), (Heard::Nothing(Trouble::Connection), "connection refused"));
}

#[tokio::test]
async fn names_and_certificates_have_troubles_of_their_own() {
    let found = sent("http://no-such-host.invalid/?token=secret", PATIENT).await;
    assert!(found.heard == Heard::Nothing(Trouble::Name) && found.detail.starts_with("DNS: "), "{found:?}");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}/?token=secret", listener.local_addr().expect("an address"));
    let serving = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("an answer");
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let (found, ()) = tokio::join!(sent(&url, PATIENT), serving);
    assert!(found.heard == Heard::Nothing(Trouble::Tls) && found.detail.starts_with("TLS: "), "{found:?}");
}

#[tokio::test]
async fn what_cannot_be_written_is_not_sent() {
    let courier = courier(Guard::new(vec![Allowed::Private]));
    for (name, value) in [("x a", "v"), ("x-a", "secret\r\nhost: b")] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let found = courier.send(&Parcel { headers, ..parcel("http://127.0.0.1:1/") }, PATIENT).await;
        assert!(matches!(&found.heard, Heard::Unsendable(told) if !told.contains("secret")), "{found:?}");
    }
}

/// A name that is public at first, and this machine ever after.
#[derive(Default)]
struct Rebinding(AtomicUsize);

impl Lookup for Rebinding {
    fn addresses(&self, _: &str) -> Looking {
        let address = if self.0.fetch_add(1, Ordering::SeqCst) == 0 { [93, 184, 216, 34] } else { [127, 0, 0, 1] };
        Box::pin(async move { Ok(vec![SocketAddr::from((address, 0))]) })
    }
}

#[tokio::test]
async fn no_connection_is_made_to_a_forbidden_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    let guard = Guard::asking(Vec::new(), Arc::new(Rebinding::default()));
    let turning = format!("http://hooks.example:{port}/");
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);
    assert_eq!(guard.check(&turning).await, Ok(()), "it was public when it was registered");
    let courier = courier(guard);
    for url in [turning, format!("http://127.0.0.1:{port}/"), format!("http://[::ffff:7f00:1]:{port}/?token=secret")] {
        let found = courier.send(&parcel(&url), PATIENT).await;
        let told = matches!(&found.heard, Heard::Unsendable(told) if told.contains("DELIVERY_ALLOWED_NETWORKS"));
        assert!(told && !found.detail.contains("secret"), "{found:?}");
    }
    assert_eq!(listener.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock);
    assert!(figures.render().contains("callback_hub_deliveries_forbidden_total 3\n"), "{}", figures.render());
    let allowed = Guard::asking(vec![Allowed::Host("hooks.example".to_owned())], Arc::new(Rebinding(1.into())));
    let found = self::courier(allowed).send(&parcel(&format!("http://hooks.example:{port}/")), SHORT).await;
    assert_eq!(found.heard, Heard::Nothing(Trouble::Timeout));
    assert!(listener.accept().is_ok(), "somebody came, where it is allowed");
}
