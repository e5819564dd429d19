//! `callback-hub generators`.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

const LUMEN: &str = r#"
about = "Draws lighthouses"
sources = ["https://lumen.example/docs"]

[[sign]]
scheme = "hmac"
header = "x-lumen-signature"
content = "{ts}.{body}"
ts = "header:x-lumen-time"
tolerance = "2m"

[event]
task = "json:job"
state = "json:status"
result = "json:output"

[event.map]
completed = ["done"]
failed = ["failed"]

[submit]
url = "https://api.lumen.example/{model}/jobs"
auth = "bearer"
params = ["model"]
callback = "json:hook"
remote_id = "json:job"

[poll]
url = "https://api.lumen.example/jobs/{remote_id}"

[sender]
stops_on = ["4xx"]
"#;

/// How it ended, its output, and what it complained about.
async fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callback-hub"));
    command.arg("generators").args(arguments).env_clear().envs(environment.iter().copied()).current_dir(folder);
    let output = command.output().await.expect("the hub's binary");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a code"), text(&output.stdout), text(&output.stderr))
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn a_good_file_is_explained() {
    let folder = folder(&[("lumen.toml", LUMEN)]);
    let (code, told, complaint) = run(folder.path(), &["check", "lumen.toml"], &[]).await;
    assert_eq!((code, complaint.as_str()), (0, ""), "{told}");
    for row in [
        "lumen.toml is good",
        "lumen: Draws lighthouses",
        "HMAC-SHA256 over `{ts}.{body}`, hex or base64, in the header x-lumen-signature; signed at header:x-lumen-time (s), at most 2m off",
        "POST https://api.lumen.example/{model}/jobs",
        "GET https://api.lumen.example/jobs/{remote_id}",
        "GENERATOR_LUMEN_SECRET    needed",
        "GENERATOR_LUMEN_API_KEY   needed",
        "GENERATOR_LUMEN_BASE_URL  optional",
        "This sender gives up for ever at a 404",
    ] {
        assert!(told.contains(row), "{row} is not in\n{told}");
    }
    let (code, told, _) =
        run(folder.path(), &["check", "lumen.toml", "--json"], &[("GENERATOR_LUMEN_SECRET", "hush-hush-hush")]).await;
    let document = json(&told);
    assert_eq!((code, &document["good"], &document["generator"]["name"]), (0, &true.into(), &"lumen".into()));
    assert_eq!(document["warnings"].as_array().map(Vec::len), Some(1));
    assert!(!told.contains("hush"), "{told}");
}

#[tokio::test]
async fn a_bad_file_is_an_answer_and_a_missing_one_is_wrong_usage() {
    let folder = folder(&[("lumen.toml", &LUMEN.replace("status", "st..us")), ("Lumen.toml", LUMEN), ("lumen.text", LUMEN)]);
    let expected = "lumen.toml:14: `event.state` holds `st..us`, which is no path like `a.b[0].c`";
    let (code, told, complaint) = run(folder.path(), &["check", "lumen.toml"], &[]).await;
    assert_eq!((code, told.as_str(), complaint), (1, "", format!("callback-hub: {expected}\n")));
    let (code, told, _) = run(folder.path(), &["check", "lumen.toml", "--json"], &[]).await;
    assert_eq!((code, json(&told)), (1, serde_json::json!({"good": false, "mistake": expected, "mistakes": [expected]})));
    let (code, _, complaint) = run(folder.path(), &["check", "Lumen.toml"], &[]).await;
    assert!(code == 1 && complaint.contains("the file is named after its generator"), "{complaint}");
    let (code, _, complaint) = run(folder.path(), &["check", "lumen.text"], &[]).await;
    assert!(code == 1 && complaint.contains("named after its generator"), "{complaint}");
    assert_eq!(run(folder.path(), &["check", "nothing.toml"], &[]).await.0, 2);
    assert_eq!(run(folder.path(), &["check"], &[]).await.0, 2);
    let wrong_secret = [("GENERATOR_GOOD_SECRET", "%")];
    std::fs::write(folder.path().join("good.toml"), format!("{LUMEN}\n").replace("tolerance", "key = \"base64\"\ntolerance"))
        .expect("a file");
    assert_eq!(run(folder.path(), &["check", "good.toml"], &wrong_secret).await.0, 2, "the file is good, the setting is not");
}

#[tokio::test]
async fn a_file_may_extend_one_beside_it_or_in_the_folder_of_the_settings() {
    let folder = folder(&[("lumen.toml", LUMEN), ("second.toml", "extends = \"lumen\"\nmax_retries = 3\n")]);
    let (code, told, _) = run(folder.path(), &["check", "second.toml"], &[]).await;
    assert!(code == 0 && told.contains("extends lumen") && told.contains("GENERATOR_SECOND_API_KEY"), "{told}");
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(elsewhere.path().join("third.toml"), "extends = \"lumen\"").expect("a file");
    let settings = [("GENERATORS_DIR", folder.path().to_str().expect("UTF-8"))];
    assert_eq!(run(elsewhere.path(), &["check", "third.toml"], &settings).await.0, 0);
    let (code, _, complaint) = run(elsewhere.path(), &["check", "third.toml"], &[]).await;
    assert!(
        code == 1 && complaint.contains("third.toml:1: `extends` names `lumen`, and there is no such generator"),
        "{complaint}"
    );
}

#[tokio::test]
async fn a_generator_is_shown_with_a_task_to_copy() {
    let folder = folder(&[("lumen.toml", LUMEN)]);
    let settings = [("GENERATORS_DIR", folder.path().to_str().expect("UTF-8")), ("GENERATOR_LUMEN_API_KEY", "hush-hush-hush")];
    let (code, told, _) = run(folder.path(), &["show", "lumen"], &settings).await;
    assert_eq!(code, 0);
    for row in [
        "http://127.0.0.1:8080/callback/{task_id}?generator=lumen&attempt={attempt}&token={token}",
        "curl -sS \"${CALLBACK_HUB_URL:-http://127.0.0.1:8080}/api/tasks\"",
        "\"model\": \"model\"",
        "https://lumen.example/docs",
        "GENERATOR_LUMEN_API_KEY   set",
    ] {
        assert!(told.contains(row), "{row} is not in\n{told}");
    }
    assert!(!told.contains("hush"), "{told}");
    let (_, told, _) = run(folder.path(), &["show", "lumen", "--json"], &settings).await;
    let document = json(&told);
    assert_eq!(document["example"]["generator"], "lumen");
    assert!(document["curl"].as_str().is_some_and(|curl| curl.starts_with("curl ")) && !told.contains("hush"), "{told}");
    let (code, _, complaint) = run(folder.path(), &["show", "lumne"], &settings).await;
    assert_eq!((code, complaint.trim()), (2, "callback-hub: There is no generator `lumne`; did you mean `lumen`?"));
}

/// The key that makes the token lies in the hub's database, or is a setting.
#[tokio::test]
async fn a_shared_url_has_its_token_once_there_is_a_key() {
    let folder = folder(&[]);
    let (form, later) = ("http://127.0.0.1:8080/hooks/meshy?token=", "its token is shown here once the hub has started");
    let (code, told, _) = run(folder.path(), &["show", "meshy"], &[]).await;
    assert!(code == 0 && told.contains(&format!("  {form}{{token}}\n  {later}")), "{told}");
    let (_, told, _) = run(folder.path(), &["list", "--json"], &[]).await;
    assert!(told.contains(&format!("\"{form}{{token}}\"")), "{told}");
    let key = [("SECRETS_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")];
    let (code, told, _) = run(folder.path(), &["show", "meshy"], &key).await;
    let url = told.lines().find_map(|line| line.trim().strip_prefix(form)).unwrap_or_else(|| panic!("{told}"));
    assert!(code == 0 && url.len() == 43 && !told.contains(later), "{told}");
}

#[tokio::test]
async fn every_generator_is_listed_and_shown() {
    let folder = folder(&[("lumen.toml", LUMEN)]);
    let settings = [
        ("GENERATORS_DIR", folder.path().to_str().expect("UTF-8")),
        ("CALLBACK_SECRET_KEY", "a secret of 32 bytes, or of more than that"),
    ];
    let (code, listed, _) = run(folder.path(), &["list"], &settings).await;
    assert_eq!(code, 0);
    let row = |name: &str| {
        listed.lines().find(|line| line.split(' ').next() == Some(name)).unwrap_or_else(|| panic!("{name}: {listed}"))
    };
    assert!(row("default").contains("configured") && !row("default").contains("needs"));
    assert!(
        row("lumen").contains("needs GENERATOR_LUMEN_SECRET, GENERATOR_LUMEN_API_KEY")
            && row("lumen").contains("Draws lighthouses")
    );
    let (_, document, _) = run(folder.path(), &["list", "--json"], &settings).await;
    let items = json(&document)["items"].as_array().expect("a list").clone();
    assert_eq!(items.len(), listed.lines().count());
    for name in items.iter().map(|item| item["name"].as_str().expect("a name")) {
        assert_eq!(run(folder.path(), &["show", name], &settings).await.0, 0, "{name}");
    }
}
