#!/usr/bin/env python3
"""Posts the callbacks of tests/presets/*.toml to a running hub, signed by senders.py, and reads over the API what came of them.

    tests/hub.py sqlite --settings tests/presets/run.py -- tests/presets/run.py [PRESET …]

The hub has to know the generators' secrets, and where the stand-in listens: `run.py --settings` prints that as JSON, and
tests/hub.py gives it to the hub and to this program. PRESETS_FOLDER=generators in the environment makes the hub read the
presets from that folder instead of those it was built with (to try changed files without a build). The generators' own
servers are one stand-in here, on 127.0.0.1. A preset of the catalog without a file here is a failure.

A fixture, `tests/presets/<generator>.toml`:

    sender = "standard-webhooks"   # who signs: a function of senders.py. "token": only the token of the URL that the hub handed
                                   # out; "none": nothing at all
    secret = "whsec_…"             # becomes GENERATOR_<NAME>_SECRET; several with commas, the first of which signs; "@jwks" or
                                   # "@public-key" stand for what the vendor publishes
    signature = { header = "X-Signature", prefix = "sha256=" }   # the sender's options, where it has any
    covers_body = false            # it does not sign the body: a changed one is not refused (default: true)
    keep_token = true              # a signing sender is posted without the URL's token, so that the signature alone counts; not
                                   # so where the preset wants both (`bind = "token"`)
    settings = { API_KEY = "k" }   # more settings: GENERATOR_<NAME>_API_KEY …; BASE_URL is set where a callback has `asked`
    create = { params = { model = "m" } }   # more members of the task's creation, beside generator, submit and external_id; a
                                   # callback may have its own

    [[callback]]
    about = "completed"            # progress, completed, failed, cancelled, ignored, event, parked, handshake, …
    external_id = "abc"            # the task is created as {"generator", "submit": false, "external_id"}. Absent: on a task's own
                                   # path it is created without; on the shared path no task is made
    path = "task"                  # or "shared"; absent: as the catalog says
    method = "POST"
    headers = {}                   # beside the signature's; one that the sender makes (an event id) may be given here
    query = {}                     # beside the URL's own
    body = '''{"id": "abc"}'''     # exact bytes, the outer line feeds stripped; @TASK@ stands for the task's id in the hub
    sender = "token"               # another one than the file's
    same_task = true               # the task of the callback before; else every callback has a fresh one
    reconcile = true               # nothing is posted: the operator has the hub ask now (for generators that never call)
    early = true                   # posted first, the task is created afterwards
    again = "duplicate"            # the outcome of the very same request once more; false: not tried. Tried by itself for
                                   # applied, hint and event
    expect = { status = 200, outcome = "applied" }   # of the answer: `status` is HTTP's, `text` a whole plain text, the rest are
                                   # members of the JSON body
    asked = [ { path = "/v1/predictions/abc", status = 200, body = '''…''', headers = { authorization = "Bearer k" } } ]
                                   # what the stand-in answers when the hub asks, and the headers without which it answers 401;
                                   # each must be asked for; a path without `?` fits any query; @BASE@ is its own URL, also in
                                   # external_id and body of the callback
    task = { status = "completed", result = '''{"a": 1}''', "progress.percent" = 40.0 }
                                   # what GET /api/tasks/{id} says then, in the end; a text stands for itself or, as JSON, for the
                                   # value
    receipt = { event = "…" }      # what GET /api/callbacks/{callback_id} says

By itself each signed preset's first good callback is also posted with somebody else's key, with the body changed, and without
any proof; each has to be refused.
"""

import http.client
import json
import os
import secrets
import socket
import sys
import time
import tomllib
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
VENV = ROOT / "tests" / ".venv"
try:
    import senders
except ModuleNotFoundError:
    # cryptography is in the environment that tests/run fills
    if Path(sys.prefix) == VENV or not (VENV / "bin" / "python").exists():
        raise
    os.execv(VENV / "bin" / "python", [str(VENV / "bin" / "python"), *sys.argv])

from stand_in import StandIn

SECONDS_TO_SETTLE = 20
AT_A_TIME = 8


def main() -> int:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--settings"]:
        print(json.dumps(settings(fixtures([])), indent=1))
        return 0
    found = fixtures(arguments)
    hub = Hub(os.environ["CALLBACK_HUB_URL"], os.environ["CALLBACK_HUB_KEY"])
    catalog = hub.catalog()
    missing = [] if arguments else sorted(set(catalog) - set(found))
    stand_in = StandIn(int(os.environ["PRESETS_PORT"])).start()
    begun = time.monotonic()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = {name: pool.submit(Preset(hub, stand_in, name, fixture, catalog).run) for name, fixture in found.items()}
    failed = [name for name, run in runs.items() if not report(name, *run.result())]
    for name in missing:
        print(f"FAIL  {name:<20} the catalog has it, and there is no tests/presets/{name}.toml")
    bad, count = len(failed) + len(missing), len(found) + len(missing)
    print(f"presets: {count - bad} of {count} on {os.environ.get('HUB_DATABASE', '?')} in {time.monotonic() - begun:.1f} s")
    return 1 if bad else 0


def report(name: str, passed: list, failures: list) -> bool:
    print(f"{'FAIL' if failures else 'ok'}{'' if failures else '  '}  {name:<20} {', '.join(passed)}")
    for failure in failures:
        print("      " + failure.replace("\n", "\n        "))
    return not failures


def fixtures(names: list) -> dict:
    files = [FOLDER / f"{name}.toml" for name in names] or sorted(FOLDER.glob("*.toml"))
    found = {}
    for file in files:
        try:
            found[file.stem] = tomllib.loads(file.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            sys.exit(f"tests/presets/run.py: {file.name}: {error}")
        strangers = unknown_keys(found[file.stem])
        if strangers:
            sys.exit(f"tests/presets/run.py: {file.name} has keys that nobody knows: {', '.join(strangers)}")
    return found


FILE_KEYS = {"sender", "secret", "signature", "covers_body", "keep_token", "settings", "create", "callback"}
CALLBACK_KEYS = {
    "about", "external_id", "path", "method", "headers", "query", "body", "sender", "same_task", "early", "reconcile", "again",
    "create", "expect", "asked", "task", "receipt",
}  # fmt: skip


def unknown_keys(fixture: dict) -> list:
    inner = [key for callback in fixture.get("callback", []) for key in callback.keys() - CALLBACK_KEYS]
    return sorted(fixture.keys() - FILE_KEYS) + [f"callback.{key}" for key in inner]


# --- The hub's settings -----------------------------------------------------------------------------------------------


def settings(found: dict) -> dict:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    all_of_them = {"PRESETS_PORT": str(port)}
    if "PRESETS_FOLDER" in os.environ:
        all_of_them["GENERATORS_DIR"] = str(Path(os.environ["PRESETS_FOLDER"]).resolve())
    for name, fixture in found.items():
        prefix = "GENERATOR_" + name.upper().replace("-", "_") + "_"
        own = dict(fixture.get("settings", {}))
        if "secret" in fixture:
            own["SECRET"] = published(fixture["secret"])
        if any("asked" in callback for callback in fixture["callback"]):
            own.setdefault("BASE_URL", f"http://127.0.0.1:{port}/{name}")
        all_of_them.update({prefix + key: str(value) for key, value in own.items()})
    # the setting of this generator has a name of its own
    default = all_of_them.pop("GENERATOR_DEFAULT_SECRET", None)
    return all_of_them if default is None else {**all_of_them, "CALLBACK_SECRET_KEY": default}


def published(secret: str) -> str:
    return ",".join(senders.PUBLISHED[it]() if it in senders.PUBLISHED else it for it in secret.split(","))


# --- The hub ----------------------------------------------------------------------------------------------------------


class Answer:
    def __init__(self, status: int, text: str):
        self.status, self.text = status, text
        try:
            self.json = json.loads(text)
        except ValueError:
            self.json = {}

    def __str__(self) -> str:
        return f"{self.status} {self.text[:1000]}"


class Hub:
    def __init__(self, url: str, key: str):
        self.url, self.key = url, key

    def post(self, method: str, url: str, body: bytes, headers: dict) -> Answer:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            target = parts.path + ("?" + parts.query if parts.query else "")
            connection.request(method, target, body or None, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode())
        finally:
            connection.close()

    def api(self, method: str, path: str, body=None) -> dict:
        bytes_of_it = b"" if body is None else json.dumps(body).encode()
        answer = self.post(method, path, bytes_of_it, {"Authorization": f"Bearer {self.key}"})
        assert answer.status in (200, 201, 202), f"{method} {path}: {answer}"
        return answer.json

    def catalog(self) -> dict:
        """The generators by name."""
        listed = self.api("GET", "/api/generators")
        return {it["name"]: it for it in (listed["items"] if isinstance(listed, dict) else listed)}


# --- A preset's callbacks ---------------------------------------------------------------------------------------------


class Preset:
    def __init__(self, hub: Hub, stand_in: StandIn, name: str, fixture: dict, catalog: dict):
        self.hub, self.stand_in, self.name, self.fixture = hub, stand_in, name, fixture
        self.entry = catalog.get(name)
        self.task = None
        self.is_forged = False

    def run(self) -> tuple:
        """What went well and what did not."""
        passed, failures = [], []
        if self.entry is None:
            return passed, ["the catalog has no such generator"]
        for callback in self.fixture["callback"]:
            about = callback["about"]
            try:
                self.check(callback)
                passed.append(about)
            except AssertionError as failure:
                failures.append(f"{about}: {failure}")
            except Exception:
                failures.append(f"{about}: {traceback.format_exc()}")
        return passed, failures

    def check(self, callback: dict) -> None:
        is_early = callback.get("early", False)
        if not callback.get("same_task"):
            self.task = None if is_early else self.created(callback)
        self.stand_in.answers(self.name, callback.get("asked", []))
        if callback.get("reconcile"):
            self.hub.api("POST", f"/api/tasks/{self.task['id']}/reconcile")
        else:
            self.call(callback, is_early)
        self.settles(callback)
        left = self.stand_in.done(self.name)
        assert not left, "\n".join(left)

    def call(self, callback: dict, is_early: bool) -> None:
        body = self.body(callback)
        if callback["expect"].get("status", 200) == 200:
            self.forgeries(callback, body)
        url, headers = self.url(callback), self.headers(callback, body)
        answer = self.hub.post(callback.get("method", "POST"), url, body, headers)
        self.compare("the answer", callback["expect"], {**answer.json, "status": answer.status, "text": answer.text}, answer)
        self.again(callback, url, headers, body, answer)
        if is_early:
            self.task = self.created(callback)
        if "receipt" in callback:
            receipt = self.hub.api("GET", f"/api/callbacks/{answer.json['callback_id']}")
            self.compare("the receipt", callback["receipt"], receipt, receipt)

    # --- what is posted ---

    def created(self, callback: dict) -> dict:
        if "external_id" not in callback and self.path(callback) == "shared":
            return None
        wanted = {"generator": self.name, "submit": False, **self.fixture.get("create", {}), **callback.get("create", {})}
        if "external_id" in callback:
            wanted["external_id"] = self.here(callback["external_id"])
        return self.hub.api("POST", "/api/tasks", wanted)

    def path(self, callback: dict) -> str:
        return callback.get("path") or self.entry.get("ingress", "task")

    def sender(self, callback: dict) -> str:
        return callback.get("sender") or self.fixture["sender"]

    def body(self, callback: dict) -> bytes:
        task = self.task["id"] if self.task else ""
        return self.here(callback.get("body", "").strip("\r\n").replace("@TASK@", task)).encode()

    def here(self, text: str) -> str:
        return text.replace("@BASE@", f"{self.stand_in.base}/{self.name}")

    def url(self, callback: dict, keep_token: bool = False) -> str:
        if self.path(callback) == "task":
            assert self.task, "there is no task whose path could be taken"
            url = self.task["callback_url"]
        else:
            url = self.entry.get("ingress_url") or f"/hooks/{self.name}"
        parts = urlsplit(url)
        keep_token = keep_token or self.sender(callback) == "token" or self.fixture.get("keep_token")
        pairs = [(name, value) for name, value in parse_qsl(parts.query) if keep_token or name != "token"]
        pairs += callback.get("query", {}).items()
        return parts.path + ("?" + urlencode(pairs) if pairs else "")

    def headers(self, callback: dict, body: bytes, forged: bool = False) -> dict:
        given = callback.get("headers", {})
        secret = self.fixture.get("secret", "").split(",")[0]
        call = senders.Call(body, given, secret, self.fixture.get("signature", {}), forged)
        return {"Content-Type": "application/json", **given, **senders.SENDERS[self.sender(callback)](call)}

    # --- what must be refused ---

    def forgeries(self, callback: dict, body: bytes) -> None:
        if self.is_forged or self.sender(callback) == "none":
            return
        self.is_forged = True
        url, good = self.url(callback), self.headers(callback, body)
        bare = {"Content-Type": "application/json", **callback.get("headers", {})}
        tries = {"no proof": (without_token(url), body, bare)}
        if self.sender(callback) == "token":
            tries["another token"] = (without_token(url) + "&token=" + secrets.token_urlsafe(32), body, bare)
        else:
            tries["somebody else's key"] = (url, body, self.headers(callback, body, forged=True))
        if self.sender(callback) not in ("token", "header", "basic") and self.fixture.get("covers_body", True):
            tries["a changed body"] = (url, changed(body), good)
        for what, (to, bytes_of_it, headers) in tries.items():
            answer = self.hub.post(callback.get("method", "POST"), to, bytes_of_it, headers)
            code = "signature_missing" if what == "no proof" else "signature_invalid"
            assert (answer.status, answer.json.get("code")) == (401, code), f"{what} is not refused with {code}: {answer}"

    def again(self, callback: dict, url: str, headers: dict, body: bytes, first: Answer) -> None:
        known = {"applied": "duplicate", "hint": "duplicate", "event": "duplicate"}
        wanted = callback.get("again", known.get(first.json.get("outcome")))
        if not wanted:
            return
        answer = self.hub.post(callback.get("method", "POST"), url, body, headers)
        assert answer.json.get("outcome") == wanted, f"the same request again should be {wanted}: {answer}"

    # --- what came of it ---

    def settles(self, callback: dict) -> None:
        if "task" not in callback:
            return
        until, path = time.monotonic() + SECONDS_TO_SETTLE, f"/api/tasks/{self.task['id']}"
        while True:
            task = self.hub.api("GET", path)
            try:
                return self.compare("the task", callback["task"], task, task)
            except AssertionError:
                # only an answer to the hub's own question may take its time
                if not (callback.get("asked") or callback.get("early")) or time.monotonic() > until:
                    raise
            time.sleep(0.1)

    def compare(self, what: str, wanted: dict, found: dict, whole) -> None:
        for name, value in wanted.items():
            actual = member(found, name)
            assert is_like(value, actual), f"{what} has {name} = {actual!r}, expected {value!r}: {whole}"


def without_token(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + "?" + urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != "token"])


def changed(body: bytes) -> bytes:
    """Another value in a JSON object, so that no way of writing it makes it equal."""
    try:
        document = json.loads(body)
    except ValueError:
        return body + b"0"
    return json.dumps({**document, "forged": True}).encode() if isinstance(document, dict) else body + b" "


def member(found, path: str):
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def is_like(wanted, actual) -> bool:
    if wanted == actual or not isinstance(wanted, str):
        return wanted == actual
    try:
        return json.loads(wanted) == actual
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
