//! Code that can be taken from a generator's page as it is.

use serde_json::Value;

use crate::http::state::Hub;

/// A title, what it is written in, and the text.
type Snippet = (&'static str, &'static str, String);

pub(super) fn of(hub: &Hub, generator: &Value) -> Vec<Snippet> {
    let base = hub.terms.base_url().trim_end_matches('/').to_owned();
    let example = generator["example"].as_str().unwrap_or("{}");
    let name = generator["name"].as_str().unwrap_or_default();
    let is_own = name == "default" || generator["extends"] == "default";
    let mut snippets = creation(&base, example).to_vec();
    if is_own {
        snippets.extend(signed());
    } else if generator["trust"] != "verify" {
        snippets.push(("Send a callback", "curl", unsigned()));
    }
    snippets.push(("Send a callback as it would, without code", "terminal", send(&base, name)));
    snippets
}

fn creation(base: &str, example: &str) -> [Snippet; 3] {
    let quoted = example.replace('\'', r"'\''");
    let curl = format!(
        "curl -sS --fail-with-body {base}/api/tasks \\\n  -H \"Authorization: Bearer $CALLBACK_HUB_KEY\" \\\n  -d '{quoted}'\n"
    );
    let literal = Value::from(example).to_string();
    let python = format!(
        r#"import json, os, urllib.request

body = {literal}.encode()
headers = {{"Authorization": "Bearer " + os.environ["CALLBACK_HUB_KEY"]}}
request = urllib.request.Request("{base}/api/tasks", body, headers)
task = json.load(urllib.request.urlopen(request))
print(task["id"], task["status"], task["callback_url"])
"#
    );
    let node = format!(
        r#"const response = await fetch("{base}/api/tasks", {{
  method: "POST",
  headers: {{ Authorization: `Bearer ${{process.env.CALLBACK_HUB_KEY}}` }},
  body: {literal},
}});
const task = await response.json();
console.log(task.id, task.status, task.callback_url);
"#
    );
    [("Create a task", "curl", curl), ("Create a task", "Python", python), ("Create a task", "Node", node)]
}

/// In the hub's own format.
fn signed() -> [Snippet; 3] {
    let curl = r#"body='{"event":"completed","result":{"url":"https://files.example/42.mp4"}}'
signature=$(printf %s "$body" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)
curl -sS --fail-with-body "$CALLBACK_URL" -H "X-Webhook-Signature: sha256=$signature" --data-binary "$body"
"#;
    let python = r#"import hashlib, hmac, json, os, urllib.request

body = json.dumps({"event": "progress", "progress": {"percentage": 40, "stage": "encoding"}}).encode()
signature = hmac.new(os.environ["SECRET"].encode(), body, hashlib.sha256).hexdigest()
request = urllib.request.Request(os.environ["CALLBACK_URL"], body, {"X-Webhook-Signature": signature})
print(urllib.request.urlopen(request).read().decode())
"#;
    let node = r#"import { createHmac } from "node:crypto";

const body = JSON.stringify({ event: "failed", error: { message: "the source file is damaged", code: "BAD_INPUT" } });
const signature = createHmac("sha256", process.env.SECRET).update(body).digest("hex");
const response = await fetch(process.env.CALLBACK_URL, { method: "POST", body, headers: { "X-Webhook-Signature": signature } });
console.log(response.status, await response.text());
"#;
    [("curl", curl), ("Python", python), ("Node", node)].map(|(language, text)| ("Send a callback", language, text.to_owned()))
}

/// What the URL holds is proof enough.
fn unsigned() -> String {
    "# the body as the generator writes it, see its documentation\ncurl -sS --fail-with-body \"$CALLBACK_URL\" --data-binary @body.json\n"
        .to_owned()
}

fn send(base: &str, name: &str) -> String {
    if name == "default" {
        return format!(
            "callback-hub send --url {base} --task TASK_ID --event completed --data '{{\"url\": \"https://files.example/42.mp4\"}}'\n"
        );
    }
    format!("callback-hub send --url {base} --generator {name} --task TASK_ID --body body.json\n")
}
