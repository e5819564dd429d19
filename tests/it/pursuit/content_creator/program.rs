//! content-creator's command line: a program in a folder of its own, and a generator file that names it.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const FILE: &str = include_str!("../../../generators/content-creator-cli.toml");
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/pursuit/content_creator/content-creator");

pub(super) struct Program {
    folder: TempDir,
}

/// Those who hold a pipe open.
pub(super) struct Alive(JoinHandle<()>);

impl Program {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A link: a file that was only just written may still be open in somebody else's child, and then nobody can run it.
    pub(super) fn install(&self) {
        std::os::unix::fs::symlink(Path::new(PROGRAM), self.path("content-creator")).expect("a link");
    }

    /// The file that users get, with the program's place, and a time limit that a test can wait for.
    pub(super) fn file(&self, limit: Duration) -> String {
        let program = self.path("content-creator");
        let command = format!("command = [\"{}\"", program.display());
        let mut text = FILE.replace("command = [\"content-creator\"", &command);
        text = text.replace("command = [\n  \"content-creator\",", &format!("{command},"));
        let limit = format!("\ncommand_timeout = \"{}ms\"\n", limit.as_millis());
        for section in ["[submit]", "[poll]"] {
            text = text.replace(&format!("\n{section}\n"), &format!("\n{section}{limit}"));
        }
        assert_eq!((text.matches(&command).count(), text.matches(&limit).count()), (3, 2), "{text}");
        text
    }

    /// The arguments of all calls of a subcommand, in order.
    pub(super) fn calls(&self, command: &str) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let calls = text.lines().map(|line| serde_json::from_str::<Vec<String>>(line).expect("a list"));
        calls.filter(|arguments| arguments.first().is_some_and(|first| first == command)).collect()
    }

    fn job_file(&self, id: &str) -> PathBuf {
        self.path(&format!("{id}.json"))
    }

    /// What it knows of a job, if it has taken it.
    pub(super) fn job(&self, id: &str) -> Option<Map<String, Value>> {
        match fs::read(self.job_file(id)) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).expect("a job")),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) fn set(&self, id: &str, state: &Map<String, Value>) {
        let mut job = self.job(id).expect("a job");
        job.extend(state.clone());
        fs::write(self.job_file(id), Value::from(job).to_string()).expect("a file");
    }

    /// From now on this subcommand does not come to an end.
    pub(super) fn hang(&self, command: &str) -> Alive {
        let pipe = self.path("alive");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        fs::write(self.path("hang"), command).expect("a file");
        Alive(tokio::task::spawn_blocking(move || {
            let mut pipe = fs::File::open(pipe).expect("a writer");
            let mut said = Vec::new();
            pipe.read_to_end(&mut said).expect("an end");
            assert_eq!(said, b"!", "it has hung, once");
        }))
    }

    pub(super) fn recover(&self) {
        fs::remove_file(self.path("hang")).expect("it hung");
    }
}

impl Alive {
    /// Waits until the program and all that it has started are gone.
    pub(super) async fn die_out(self) {
        tokio::time::timeout(Duration::from_secs(20), self.0).await.expect("nobody is left").expect("it has hung");
    }
}
