"""A subscriber of the running hub: it fails the first time, and keeps what it is sent for the official verifiers.

Registers a webhook, lets a task complete by a signed callback, and waits for both attempts of both its events.
"""

import hashlib
import hmac
import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
HUB = os.environ["CALLBACK_HUB_URL"]
KEY = {"Authorization": "Bearer " + os.environ["CALLBACK_HUB_KEY"], "Content-Type": "application/json"}
SECONDS = 30
samples, half, enough = [], threading.Event(), threading.Event()


class Subscriber(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        first = all(sample["headers"]["webhook-id"] != headers["webhook-id"] for sample in samples)
        samples.append({"headers": headers, "body": body})
        self.send_response(500 if first else 200)
        self.end_headers()
        if len(samples) == 2:
            half.set()
        if len(samples) == 4:
            enough.set()

    def log_message(self, *_):
        pass


def call(method, path, body, headers=KEY):
    request = urllib.request.Request(HUB + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Subscriber)
threading.Thread(target=server.serve_forever, daemon=True).start()
wanted = {"url": f"http://127.0.0.1:{server.server_port}/", "events": ["task.*"], "retry_delays": [1]}
webhook = call("POST", "/api/webhooks", wanted)
task = call("POST", "/api/tasks", {"generator": "default"})
for event in ({"event": "progress", "progress": {"percentage": 5}}, {"event": "completed", "result": {"text": "déjà vu 文"}}):
    body = json.dumps(event).encode()
    signature = hmac.new(os.environ["CALLBACK_SECRET_KEY"].encode(), body, hashlib.sha256).hexdigest()
    urllib.request.urlopen(urllib.request.Request(task["callback_url"], body, {"X-Webhook-Signature": "sha256=" + signature}))
    # progress would give way to what comes next
    if event["event"] == "progress" and not half.wait(SECONDS):
        sys.exit(f"after {SECONDS} seconds {len(samples)} of 2 attempts have arrived")
if not enough.wait(SECONDS):
    sys.exit(f"after {SECONDS} seconds {len(samples)} of 4 attempts have arrived")

lines = "".join(json.dumps({**sample, "secret": webhook["secret"]}) + "\n" for sample in samples)
for verifier in (["python3", str(HERE / "verifier.py")], ["node", str(HERE / "verifier.mjs")]):
    subprocess.run(verifier, input=lines, text=True, check=True)
