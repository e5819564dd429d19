"""What the API document cannot say: signatures, which tasks and receipts exist, and which texts only the hub can make."""

import base64
import hashlib
import hmac
import json
import os
import re
import urllib.request

import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation

URL = os.environ["CALLBACK_HUB_URL"]
SECRET = os.environ["CALLBACK_SECRET_KEY"].encode()
LONGEST_EXTERNAL_ID = 256
LONGEST_WAIT = 60
RELAYED = ["webhooks", "deliveries", "events", "contents", "pool"]
PRINTABLE = re.compile("[ -~]{1,255}")


def signature(body: bytes) -> str:
    return hmac.new(SECRET, body, hashlib.sha256).hexdigest()


def post(path: str, content: dict, headers: dict) -> dict:
    request = urllib.request.Request(URL + path, json.dumps(content).encode(), headers)
    return json.load(urllib.request.urlopen(request))


def create(task: str, generator: str) -> str:
    return post("/api/tasks", {"id": task, "generator": generator}, {"X-API-Key": os.environ["CALLBACK_HUB_KEY"]})["id"]


def progress(task: str) -> str:
    body = {"event": "progress", "progress": {"percentage": 1}}
    return post(f"/callback/{task}", body, {"X-Webhook-Signature": signature(json.dumps(body).encode())})["callback_id"]


# the first is the one that the document's examples speak of
TASKS = [create("video-42", "default"), *(create(f"fuzz-{number}", "default") for number in range(40))]
CONTENTHUB_TASKS = [create(f"content-{number}", "content-creator") for number in range(40)]
RECEIPTS = [progress(task) for task in TASKS[1:10]]


def existing(name: str, known: list) -> str:
    """Most ids become those of things that exist, so that requests get past the door; always the same ones."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return name if name in known or digest[0] < 32 else known[digest[1] % len(known)]


def sign(request):
    """As a generator does it: over the bytes that go out."""
    body = request.body or b""
    request.headers["X-Webhook-Signature"] = signature(body.encode() if isinstance(body, str) else body)
    return request


@schemathesis.hook
def before_call(context, case, kwargs):
    def good(location):
        return not (case.meta and case.meta.is_negative_at(location))

    is_callback = "callbacks" in case.operation.tags
    if good(ParameterLocation.QUERY) and case.query:
        # only the hub makes these, and for each task its own
        for name in ("cursor", "token", "attempt", *(["generator"] if is_callback else [])):
            case.query.pop(name, None)
    if str((case.query or {}).get("wait", "")).isdigit() and int(case.query["wait"]) <= LONGEST_WAIT:
        case.query["wait"] = 0
    if good(ParameterLocation.PATH) and "callback_id" in (case.path_parameters or {}):
        case.path_parameters["callback_id"] = existing(str(case.path_parameters["callback_id"]), RECEIPTS)
    if case.operation.path == "/api/tasks" and good(ParameterLocation.BODY) and isinstance(case.body, dict):
        # the document does not know which generators are loaded, and that none of them submits
        case.body.pop("generator", None)
        case.body.pop("submit", None)
    if case.operation.path == "/api/callbacks/verify" and good(ParameterLocation.BODY) and isinstance(case.body, dict):
        verification(case.body)
    if is_callback:
        callback(case, kwargs, good)


def verification(body):
    """A schema cannot say "one of both"; a URL of a generator's making is seldom one."""
    text, encoded = body.pop("body", None), body.pop("body_base64", None)
    if isinstance(encoded, str) and not isinstance(text, str):
        body["body_base64"] = base64.b64encode(encoded.encode("utf-8", "surrogatepass")).decode()
    else:
        body["body"] = text if isinstance(text, str) else "{}"
    if isinstance(body.get("url"), str):
        body["url"] = "https://hub.example/callback/video-42"


def callback(case, kwargs, good):
    known = CONTENTHUB_TASKS if "/content/" in case.operation.path else TASKS
    if good(ParameterLocation.PATH) and "generator" in (case.path_parameters or {}):
        # the only one whose body the document knows
        case.path_parameters["generator"] = existing(case.path_parameters["generator"], ["default"])
    if good(ParameterLocation.PATH) and "task_id" in (case.path_parameters or {}):
        case.path_parameters["task_id"] = existing(str(case.path_parameters["task_id"]), known)
    if good(ParameterLocation.BODY) and isinstance(case.body, dict):
        for item in [case.body, *(case.body.get("callbacks") or [])]:
            # the generator's own id cannot be guessed; where all tasks share a path, it may be the hub's
            item.pop("taskId", None)
            if case.operation.path.startswith("/hooks/"):
                item["taskId"] = TASKS[0]
            if isinstance(item.get("event_id"), float):
                # 8.0 is an integer to a schema, and no id
                item["event_id"] = int(item["event_id"])
            if isinstance(item.get("timestamp"), (int, float)):
                # seconds or milliseconds, of years that have four digits
                item["timestamp"] = abs(item["timestamp"]) % 250_000_000_000_000
            if "task_id" in item:
                item["task_id"] = existing(item["task_id"], known)
    if good(ParameterLocation.HEADER):
        if case.headers:
            case.headers.pop("X-Webhook-Signature", None)
        kwargs["auth"] = sign


@schemathesis.hook
def filter_failure(context, failure, case, response):
    return not (
        takes_more_than_it_says(failure, case, response)
        or cannot_be_said(failure, case)
        or is_for_the_hub_to_judge(failure, case, response)
    )


def takes_more_than_it_says(failure, case, response):
    """A missing body of a task is an empty object. Items of a batch are refused one by one, within a 200. ContentHub's generator
    may use words that nobody knows: they are kept, and the same word once more is a duplicate."""
    if type(failure).__name__ != "AcceptedNegativeData":
        return False
    if case.operation.path == "/callback":
        return response.json()["success"] is False
    if "/content/" in case.operation.path:
        return response.json().get("reason") == "not_of_interest" or response.json()["outcome"] == "duplicate"
    if "tasks" in case.operation.tags and is_trimmed_on_the_way(case):
        return True
    return bool({"tasks", *RELAYED} & set(case.operation.tags)) and case.body is NOT_SET


def is_for_the_hub_to_judge(failure, case, response):
    """Whether a URL, a glob, a filter, a template, a header or a secret is a good one, and which names only the hub may use: it
    says so by field. Where a body may be left out, null is no body."""
    if type(failure).__name__ != "RejectedPositiveData":
        return False
    answer = response.json()
    fields = [error["field"] for error in answer.get("errors", [])]
    if set(RELAYED) & set(case.operation.tags):
        return bool(fields) if response.status_code == 422 else case.body is None and answer["code"] == "malformed_body"
    return case.operation.path == "/api/tasks" and bool(fields) and all(field.startswith("webhook") for field in fields)


def is_trimmed_on_the_way(case):
    """Spaces around a header's value do not arrive."""
    key = (case.headers or {}).get("Idempotency-Key")
    return key is not None and key != key.strip(" \t") and PRINTABLE.fullmatch(key.strip(" \t")) is not None


def cannot_be_said(failure, case):
    """A schema counts characters and knows no NUL; the hub counts bytes, and no id or name has a NUL in it."""
    if type(failure).__name__ != "RejectedPositiveData":
        return False
    external_id = case.body.get("external_id") if isinstance(case.body, dict) else None
    too_long = isinstance(external_id, str) and len(external_id.encode("utf-8", "surrogatepass")) > LONGEST_EXTERNAL_ID
    has_nul = any("\0" in str(value) for value in (case.query or {}).values())
    return too_long or has_nul
