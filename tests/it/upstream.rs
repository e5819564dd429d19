//! Requests made of real servers and real programs, friendly and not.

use std::io::Read;
use std::time::{Duration, Instant};

use callback_hub::domain::time::Timestamp;
use callback_hub::generator::reply::{Heard, Silence};
use callback_hub::generator::request::{CommandLine, HttpRequest, Request};
use callback_hub::upstream::{MOST_READ, Upstream};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::harness::START;
use crate::harness::socket::{answering, server};

const PATIENT: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

fn upstream() -> Upstream {
    // more than one test installs it, and any of them may be the first
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Upstream::new(MOST_READ).expect("a client")
}

async fn heard(request: &Request, timeout: Duration) -> Heard {
    upstream().make(request, timeout, Timestamp::from_secs(START)).await
}

fn get(url: String) -> Request {
    let headers = vec![("x-key".to_owned(), "k".to_owned())];
    Request::Http(HttpRequest { method: "GET".to_owned(), url, headers, body: None })
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let (sender, receiver) = oneshot::channel();
    let url = server(7, |mut stream, text| async move {
        let _ = sender.send(text);
        stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}").await.expect("an answer");
    })
    .await;
    let headers = vec![("content-type".to_owned(), "application/json".to_owned()), ("x-key".to_owned(), "k".to_owned())];
    let body = Some(br#"{"a":1}"#.to_vec());
    let found = heard(&Request::Http(HttpRequest { method: "PATCH".to_owned(), url, headers, body }), PATIENT).await;
    assert_eq!(found, Heard::Answer { status: 202, retry_after: None, body: "{}".into() });
    let text = receiver.await.expect("the request").to_ascii_lowercase();
    assert!(text.starts_with("patch /path?token=secret http/1.1\r\n"), "{text}");
    for line in ["content-type: application/json\r\n", "x-key: k\r\n", "user-agent: callback-hub/", "\r\n\r\n{\"a\":1}"] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[rstest]
#[case("HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n", 503, Some(7))]
#[case("HTTP/1.1 429 Busy\r\nretry-after: DATE\r\ncontent-length: 0\r\n\r\n", 429, Some(90))]
#[case("HTTP/1.1 429 Busy\r\nretry-after: Fri, 31 Dec 1999 23:59:59 GMT\r\ncontent-length: 0\r\n\r\n", 429, Some(0))]
#[case("HTTP/1.1 429 Busy\r\nretry-after: 99999999999999\r\ncontent-length: 0\r\n\r\n", 429, Some(86_400))]
#[case("HTTP/1.1 429 Busy\r\nretry-after: later\r\ncontent-length: 0\r\n\r\n", 429, None)]
#[case("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 302, None)]
#[tokio::test]
async fn an_answer_keeps_its_status_and_the_pause_that_it_asks_for(
    #[case] answer: &str,
    #[case] status: u16,
    #[case] pause: Option<u64>,
) {
    let date = time::OffsetDateTime::from_unix_timestamp(START + 90).expect("a date");
    let date = date.format(&time::format_description::well_known::Rfc2822).expect("a date").replace("+0000", "GMT");
    let answer = answer.replace("DATE", &date);
    let found = heard(&get(answering(answer).await), PATIENT).await;
    assert_eq!(found, Heard::Answer { status, retry_after: pause.map(Duration::from_secs), body: "".into() });
}

#[rstest]
#[case::announced(true)]
#[case::endless(false)]
#[tokio::test]
async fn of_a_large_answer_no_more_is_read_than_allowed(#[case] announced: bool) {
    let length = 10 << 20;
    let head = if announced { format!("content-length: {length}\r\n") } else { String::new() };
    let answer = format!("HTTP/1.1 200 OK\r\n{head}connection: close\r\n\r\n{}", "x".repeat(length));
    assert_eq!(heard(&get(answering(answer).await), PATIENT).await, Heard::Silence(Silence::TooLarge));
    let most = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(MOST_READ));
    let found = heard(&get(answering(most).await), PATIENT).await;
    assert!(matches!(found, Heard::Answer { body, .. } if body.len() == MOST_READ));
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/?token=secret", listener.local_addr().expect("an address"));
    drop(listener);
    for url in [url, "http://no-such-host.invalid/?token=secret".to_owned()] {
        let Heard::Silence(Silence::NotSent(detail)) = heard(&get(url.clone()), PATIENT).await else { panic!("{url} answers") };
        assert!(!detail.is_empty() && !detail.contains("secret"), "{detail}");
    }
}

#[tokio::test]
async fn what_is_no_url_can_never_be_sent() {
    let found = heard(&get("http://127.0.0.1:x/?token=secret".to_owned()), PATIENT).await;
    assert!(matches!(&found, Heard::Silence(Silence::Unwritable(detail)) if !detail.contains("secret")), "{found:?}");
}

#[tokio::test]
async fn what_was_sent_and_not_answered_may_have_arrived() {
    let hangs_up = server(0, |stream, _| async move { drop(stream) }).await;
    let breaks_off = answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_owned()).await;
    let babbles = answering("what?\r\n\r\n".to_owned()).await;
    for url in [hangs_up, breaks_off, babbles] {
        let found = heard(&get(url), PATIENT).await;
        assert!(matches!(&found, Heard::Silence(Silence::Lost(detail)) if !detail.contains("secret")), "{found:?}");
    }
}

#[rstest]
#[case::silent("")]
#[case::tarpit("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")]
#[tokio::test]
async fn a_request_has_an_end_whatever_the_server_does(#[case] answer: &'static str) {
    let url = server(0, move |mut stream, _| async move {
        stream.write_all(answer.as_bytes()).await.expect("a beginning");
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let began = Instant::now();
    let found = heard(&get(url), SHORT).await;
    assert_eq!(found, Heard::Silence(Silence::Lost("No answer in time".to_owned())));
    assert!((SHORT..PATIENT).contains(&began.elapsed()));
}

fn command(program: &str, arguments: &[&str]) -> CommandLine {
    let arguments = arguments.iter().map(ToString::to_string).collect();
    CommandLine { program: program.to_owned(), arguments, timeout: PATIENT, output_limit: 1 << 20 }
}

fn script(text: &str, arguments: &[&str]) -> CommandLine {
    command("/bin/sh", &[&["-c", text, "sh"], arguments].concat())
}

async fn run(line: CommandLine) -> Heard {
    heard(&Request::Command(line), SHORT).await
}

#[tokio::test]
async fn a_command_gets_its_arguments_as_they_are_and_no_input() {
    let found = run(command("/usr/bin/printf", &["%s|", "a b", "$HOME; rm *", "--flag", ""])).await;
    assert_eq!(found, Heard::Output { code: Some(0), stdout: "a b|$HOME; rm *|--flag||".into(), stderr: String::new() });
    let found = run(script("cat; echo oops >&2; exit 3", &[])).await;
    assert_eq!(found, Heard::Output { code: Some(3), stdout: "".into(), stderr: "oops\n".to_owned() });
    let found = run(script("kill -9 $$", &[])).await;
    assert_eq!(found, Heard::Output { code: None, stdout: "".into(), stderr: String::new() });
}

#[tokio::test]
async fn a_program_that_is_not_there_was_not_run() {
    for program in ["/no/such/program", "no-such-program-anywhere", "/etc/passwd"] {
        let found = run(command(program, &["secret"])).await;
        assert!(
            matches!(&found, Heard::Silence(Silence::NotSent(it)) if it.contains(program) && !it.contains("secret")),
            "{found:?}"
        );
    }
}

/// A pipe that a script and its children hold open, which tells that they have begun and that they are all dead.
struct Family {
    folder: tempfile::TempDir,
    begun: oneshot::Receiver<()>,
    dead: JoinHandle<()>,
}

impl Family {
    /// Has a child, and says so then.
    const BEGIN: &str = r#"exec 9>"$1"; sleep 60 & echo >&9;"#;

    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        let (sender, begun) = oneshot::channel();
        let dead = tokio::task::spawn_blocking(move || {
            let mut pipe = std::fs::File::open(pipe).expect("a writer");
            pipe.read_exact(&mut [0]).expect("a beginning");
            let _ = sender.send(());
            pipe.read_to_end(&mut Vec::new()).expect("an end");
        });
        Self { folder, begun, dead }
    }

    /// A script that begins the family and goes on with this.
    fn script(&self, text: &str) -> CommandLine {
        script(&format!("{} {text}", Self::BEGIN), &[&self.folder.path().join("pipe").to_string_lossy()])
    }

    async fn die_out(self) {
        tokio::time::timeout(PATIENT, self.dead).await.expect("nobody is left").expect("the pipe can be read");
    }
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_its_children() {
    let family = Family::new();
    let line = CommandLine { timeout: Duration::from_secs(1), ..family.script("wait") };
    assert_eq!(run(line).await, Heard::Silence(Silence::Lost("The command did not end within 1 s".to_owned())));
    family.die_out().await;
}

#[tokio::test]
async fn a_command_that_nobody_waits_for_any_more_is_killed_with_its_children() {
    let mut family = Family::new();
    let line = family.script("wait");
    tokio::select! {
        found = run(line) => panic!("{found:?}"),
        begun = &mut family.begun => begun.expect("a beginning"),
    }
    family.die_out().await;
}

#[rstest]
#[case::stdout("yes")]
#[case::stderr("yes >&2")]
#[tokio::test]
async fn a_command_that_says_too_much_is_killed_with_its_children(#[case] talk: &str) {
    let family = Family::new();
    let line = CommandLine { output_limit: 4096, ..family.script(talk) };
    assert_eq!(run(line).await, Heard::Silence(Silence::TooLarge));
    family.die_out().await;
    let exact = CommandLine { output_limit: 4096, ..script("head -c 4096 /dev/zero", &[]) };
    assert!(matches!(run(exact).await, Heard::Output { stdout, .. } if stdout.len() == 4096));
}

#[tokio::test]
async fn what_a_command_leaves_running_goes_on_and_holds_nobody_up() {
    let began = Instant::now();
    let Heard::Output { code: Some(0), stdout, .. } = run(script("sleep 300 & echo $!", &[])).await else { panic!("no output") };
    assert!(began.elapsed() < PATIENT);
    let child = String::from_utf8_lossy(&stdout).trim().to_owned();
    assert!(std::fs::exists(format!("/proc/{child}")).expect("/proc"));
    let child = child.parse().expect("a number");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child), nix::sys::signal::Signal::SIGKILL).expect("our own child");
}
