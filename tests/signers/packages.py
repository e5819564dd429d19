"""Python packages that others wrote: standardwebhooks, svix, stripe and slack_sdk sign, each as its users call it."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timezone
from pathlib import Path

VENV = Path(__file__).resolve().parent.parent / ".venv"
try:
    import standardwebhooks
    import stripe
    import svix.webhooks
    from slack_sdk.signature import SignatureVerifier
except ModuleNotFoundError:
    # they are in the environment that tests/run fills
    if Path(sys.prefix) == VENV or not (VENV / "bin" / "python").exists():
        raise
    os.execv(VENV / "bin" / "python", [str(VENV / "bin" / "python"), *sys.argv])

HUB = os.environ["CALLBACK_HUB_URL"]
KEY = {"Authorization": "Bearer " + os.environ["CALLBACK_HUB_KEY"]}
CALLBACKS = json.loads((Path(__file__).parent / "callbacks.json").read_text())


def secret(generator):
    return os.environ[f"GENERATOR_{generator.replace('-', '_').upper()}_SECRET"]


def standard(package, brand):
    def sign(body, at):
        identifier = f"msg_{uuid.uuid4().hex}"
        signature = package(secret("standard-webhooks")).sign(identifier, datetime.fromtimestamp(at, timezone.utc), body)
        return {f"{brand}-id": identifier, f"{brand}-timestamp": str(at), f"{brand}-signature": signature}

    return sign


def by_stripe(body, at):
    return {"Stripe-Signature": stripe.WebhookSignature.generate_signature_header(body, secret("stripe"), at)}


def by_slack(body, at):
    signature = SignatureVerifier(secret("slack")).generate_signature(timestamp=str(at), body=body)
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": signature}


SIGNERS = [
    ("standardwebhooks", "standard-webhooks", standard(standardwebhooks.Webhook, "webhook")),
    ("svix", "standard-webhooks", standard(svix.webhooks.Webhook, "svix")),
    ("stripe", "stripe", by_stripe),
    ("slack_sdk", "slack", by_slack),
]


def request(method, url, body=None, headers=None):
    try:
        sent = urllib.request.Request(url, body.encode() if body is not None else None, headers or {}, method=method)
        with urllib.request.urlopen(sent) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def read(path):
    status, text = request("GET", HUB + path, headers=KEY)
    assert status == 200, text
    return json.loads(text)


class Callback:
    """One that its generator might send, signed at its arrival and not posted yet."""

    def __init__(self, package, generator, sign):
        self.package, self.generator, self.sign = package, generator, sign
        self.told = CALLBACKS[generator]
        mark = uuid.uuid4().hex
        self.body = self.told["body"].replace("@ID@", mark)
        self.headers = {name: value.replace("@ID@", mark) for name, value in self.told.get("headers", {}).items()}
        self.now = int(time.time())
        self.url = new_task(generator) if self.told["to"] == "task" else HUB + self.told["to"]

    def posted(self, body, at=None, signed=None):
        return request("POST", self.url, body, {**self.headers, **self.sign(signed or body, at or self.now)})

    def refused(self, what, code, *arguments, **named):
        status, text = self.posted(*arguments, **named)
        assert (status, json.loads(text)["code"]) == (401, code), (self.package, what, status, text)

    def taken(self, outcome, headers):
        status, text = request("POST", self.url, self.body, {**self.headers, **headers})
        assert (status, json.loads(text)["outcome"]) == (200, outcome), (self.package, status, text)
        return json.loads(text)


def new_task(generator):
    task = json.dumps({"generator": generator, "submit": False})
    status, text = request("POST", HUB + "/api/tasks", task, {**KEY, "Content-Type": "application/json"})
    assert status == 201, text
    # without the token, so that the signature alone counts
    return json.loads(text)["callback_url"].split("&attempt=")[0]


def check(package, generator, sign):
    callback = Callback(package, generator, sign)
    told, now = callback.told, callback.now
    tampered = callback.body.replace("42", "43", 1)
    callback.refused("a tampered body", "signature_invalid", tampered, signed=callback.body)
    callback.refused("the same in other bytes", "signature_invalid", callback.body + " ", signed=callback.body)
    callback.refused("an old one", "timestamp_out_of_tolerance", callback.body, at=now - 330)
    if not told.get("future"):
        callback.refused("one of the future", "timestamp_out_of_tolerance", callback.body, at=now + 330)
    status, text = request("POST", callback.url, callback.body, callback.headers)
    assert (status, json.loads(text)["code"]) == (401, "signature_missing"), (package, text)

    headers = callback.sign(callback.body, now)
    answer = callback.taken(told["outcome"], headers)
    assert callback.taken("duplicate", headers)["callback_id"] != answer["callback_id"]
    receipt = read("/api/callbacks/" + answer["callback_id"])
    found = [receipt[name] for name in ("generator", "verdict", "outcome")]
    assert found == [generator, "accepted", told["outcome"]], (package, receipt)
    if "result" in told:
        task = read("/api/tasks/" + answer["task_id"])
        assert (task["status"], task["result"]) == ("completed", told["result"]), (package, task)
    if "handshake" in told:
        shaken = callback.posted(told["handshake"])
        assert shaken == (200, json.loads(told["handshake"])["challenge"]), (package, shaken)
        callback.refused("another's handshake", "signature_invalid", told["handshake"], signed="{}")


for signer in SIGNERS:
    check(*signer)
