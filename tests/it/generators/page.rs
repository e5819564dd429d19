//! generators/README.md, done as it says, in one shell: its files written, its commands run.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

const PAGE: &str = include_str!("../../../generators/README.md");
/// What the page's ports are on a machine that may use them already.
const PORTS: [&str; 2] = ["8080", "4011"];

/// Each block with the words behind its language.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let parts = page.split("\n```").skip(1).step_by(2);
    parts.filter_map(|part| part.split_once('\n')).collect()
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port().to_string()
}

#[tokio::test]
async fn the_page_brings_a_new_generator_to_a_completed_task() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ports = PORTS.map(|port| (port, free_port()));
    let mut script = String::from("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
    let mut files = 0;
    for (words, text) in blocks(PAGE) {
        let text = ports.iter().fold(format!("{text}\n"), |text, (written, free)| text.replace(written, free));
        if let Some((_, name)) = words.split_once("file=") {
            std::fs::write(folder.path().join(name), &text).expect("a file of the page");
            files += 1;
        } else if words == "bash run" {
            script += &text;
        }
    }
    assert!(files >= 3 && script.lines().count() > 20, "the page has its example");
    // the second account, which the page only shows
    script += "mv lumen-eu.toml generators/\ncallback-hub generators check generators/lumen-eu.toml | grep 'extends lumen'\n";
    let (output, code) = run(folder.path(), &script, &ports[0].1).await;
    let log = std::fs::read_to_string(folder.path().join("hub.log")).unwrap_or_default();
    assert_eq!(code, Some(0), "{output}\n{log}");
    for line in [
        "lumen.toml is good",
        r#"{"hook":{"events":["job.*"],"url":"http://127.0.0.1:"#,
        r#""model":"lamp-2","prompt":"a lighthouse at dusk"}"#,
        r#""external_id":"j_81""#,
        r#""outcome":"applied""#,
        r#""status":"completed""#,
        "completed (the generator says job.ready)",
        "extends lumen",
    ] {
        assert!(output.contains(line), "{line} is not in\n{output}\n{log}");
    }
}

async fn run(folder: &Path, script: &str, port: &str) -> (String, Option<i32>) {
    let programs = Path::new(env!("CARGO_BIN_EXE_callback-hub")).parent().expect("a folder").display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").expect("a PATH"));
    let output = folder.join("output");
    let file = || std::fs::OpenOptions::new().create(true).append(true).open(&output).expect("a file");
    let mut shell = Command::new("bash");
    shell.args(["-c", script]).env_clear().envs([("PATH", path.as_str()), ("SERVER_PORT", port)]);
    shell.env("CALLBACK_HUB_URL", format!("http://127.0.0.1:{port}"));
    let mut child =
        shell.current_dir(folder).stdin(Stdio::null()).stdout(file()).stderr(file()).kill_on_drop(true).spawn().expect("bash");
    let ended =
        tokio::time::timeout(Duration::from_secs(120), child.wait()).await.map(|ended| ended.expect("a child of ours").code());
    (std::fs::read_to_string(&output).unwrap_or_default(), ended.unwrap_or(None))
}
