//! Generators of the tests' own, one for each thing that a file may say.

use std::path::Path;

/// What every file has in common.
const EVENT: &str = r#"
[[sign]]
scheme = "hmac"
header = ["x-webhook-signature"]
content = "{body}"

[event]
strict = true
task = ["json:taskId"]
id = "json:event_id"
state = ["json:event"]
progress = "json:progress.percentage"
scale = "0-100"
result = ["json:result"]
error = ["json:error"]

[event.map]
completed = ["completed"]
failed = ["failed"]
progress = ["progress"]
"#;

const STAMPED: &str = r#"
[[sign]]
scheme = "hmac"
header = ["x-webhook-signature"]
content = "{ts}.{body}"
ts = "header:x-timestamp"

[event]
state = ["json:event"]
result = ["json:result"]

[event.map]
completed = ["completed"]
"#;

/// The secret itself is sent, in a header whose name does not give that away.
const BARE: &str = r#"
[[sign]]
scheme = "token"
header = ["x-proof"]

[event]
state = ["json:event"]
result = ["json:result"]

[event.map]
completed = ["completed"]
"#;

/// Writes the files of all test generators. Each has a secret, `GENERATOR_<NAME>_SECRET`, in [`super::app`].
pub(crate) fn write(folder: &Path) {
    let write = |name: &str, text: String| {
        std::fs::write(folder.join(format!("{name}.toml")), text).expect("a generator's file");
    };
    write("stamped", STAMPED.to_owned());
    write("bare", BARE.to_owned());
    write("fenced", format!("allowed_ips = [\"10.0.0.0/8\"]\n{EVENT}"));
    write("welcome", format!("allowed_ips = [\"127.0.0.0/8\"]\n{EVENT}"));
    write("small", format!("max_body = 200\n{EVENT}"));
    write("patient", format!("{EVENT}\n[reply]\nearly = \"retry\"\nretry_after = 7\n"));
    write("quiet", format!("{EVENT}\n[reply]\naccepted = 202\n"));
    write("bearer", format!("trust = \"token\"\n{EVENT}"));
    write("bound", format!("bind = \"token\"\n{EVENT}"));
}

/// One that only loads where unsigned callbacks are permitted.
pub(crate) fn unsigned() -> String {
    format!("trust = \"none\"\n{EVENT}")
}
