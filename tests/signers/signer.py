"""Python, standard library: every spelling of a signature, and bodies as json.dumps makes them."""

import base64
import hashlib
import hmac
import json
import os
import urllib.error
import urllib.request

HUB = os.environ["CALLBACK_HUB_URL"]
SECRET = os.environ["CALLBACK_SECRET_KEY"].encode()


def request(method, url, body, headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method)) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def new_task():
    status, task = request("POST", f"{HUB}/api/tasks", b"{}", {"Authorization": "Bearer " + os.environ["CALLBACK_HUB_KEY"]})
    assert status == 201, task
    return task["callback_url"]


def digest(body):
    return hmac.new(SECRET, body, hashlib.sha256).digest()


SPELLINGS = {
    "hex": lambda body: digest(body).hex(),
    "capitals": lambda body: digest(body).hex().upper(),
    "sha256=hex": lambda body: "sha256=" + digest(body).hex(),
    "base64": lambda body: base64.b64encode(digest(body)).decode(),
    "sha256=base64": lambda body: "sha256=" + base64.b64encode(digest(body)).decode(),
}
CONTENT = {"event": "completed", "result": {"title": "Überschrift 标题 😀", "score": 8.0, "tiny": 1e-05, "nested": [[], {}, None]}}
BODIES = {
    "escaped": json.dumps(CONTENT).encode(),
    "utf-8": json.dumps(CONTENT, ensure_ascii=False).encode(),
    "sorted and compact": json.dumps(CONTENT, sort_keys=True, separators=(",", ":")).encode(),
    "indented": json.dumps(CONTENT, indent=2).encode(),
}


def expect(what, answer, wanted, **members):
    status, body = answer
    assert status == wanted, (what, answer)
    for name, value in members.items():
        assert body[name] == value, (what, name, answer)


for spelling, sign in SPELLINGS.items():
    for shape, body in BODIES.items():
        what, url = (spelling, shape), new_task()
        forged = body.replace(b"completed", b"cancelled")
        expect(what, request("POST", url, forged, {"X-Webhook-Signature": sign(body)}), 401, code="signature_invalid")
        expect(what, request("POST", url, body, {"X-Webhook-Signature": sign(body)}), 200, outcome="applied", status="completed")
        expect(what, request("POST", url, body, {"X-Webhook-Signature": sign(body)}), 200, outcome="duplicate")

expect("unsigned", request("POST", new_task(), BODIES["utf-8"], {}), 401, code="signature_missing")
expect("by PUT", request("PUT", new_task(), BODIES["utf-8"], {"X-Webhook-Signature": digest(BODIES["utf-8"]).hex()}), 200, outcome="applied")
