#!/usr/bin/env python3
"""Runs every example of README.md and docs/ against the hub of CALLBACK_HUB_URL. Run by: tests/hub.py sqlite -- tests/readme/run.py

A block of bash, python or js is either tagged `run`, or it is in INSTEAD below; anything else is a fault of the page. With
`callback=STATUS` the block is given a new task's CALLBACK_URL and TASK_ID, and must bring that task into that status. Beside the
hub a tiny generator runs, which signs, reports progress and completes. Standard library only.
"""

import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HUB, KEY, SECRET = (os.environ[name] for name in ("CALLBACK_HUB_URL", "CALLBACK_HUB_KEY", "CALLBACK_SECRET_KEY"))
BLOCK = re.compile(r"^```(bash|python|js)([^\n]*)\n(.*?)^```$", re.M | re.S)
SECONDS = 180
INTERPRETERS = {"bash": (["bash", "-euo", "pipefail"], ".sh"), "python": ([sys.executable], ".py"), "js": (["node"], ".mjs")}

START = """cat > .env <<END
CALLBACK_SECRET_KEY=$(openssl rand -hex 32)
API_KEYS=$(openssl rand -hex 24)
SECRETS_KEY=$(openssl rand -base64 32)
END
cargo run --release
"""

SIMULATOR = """cat >> .env <<END
GENERATOR_SIMULATOR_BASE_URL=http://127.0.0.1:4010
GENERATOR_SIMULATOR_SECRET=$(openssl rand -hex 32)
END
"""

# Blocks that build, never end or would run this script again, and what is run in their place.
INSTEAD = {
    # the same without a second build, and with an end
    "cargo run --release -- demo\n": "callback-hub demo --exit\n",
    # the hub that all blocks speak to was started by tests/hub.py; here it is enough that the file is found
    START: START.replace("cargo run --release\n", "callback-hub config | grep '^API_KEYS .*[.]env'\n"),
    # the hub that all blocks speak to knows this already; here it is enough that it is said so
    SIMULATOR: SIMULATOR + "grep -q ^GENERATOR_SIMULATOR_SECRET=. .env\n",
    # minutes of measuring, which the long grade does
    "callback-hub bench --slowed-sync 1,5 --postgres postgres://postgres@127.0.0.1/bench\n": "callback-hub bench --help | grep -q -- --slowed-sync\n",
    "callback-hub bench start\n": "callback-hub bench start --help | grep -q -- --tasks\n",
    "callback-hub bench scale --postgres postgres://postgres@127.0.0.1/bench\n": "callback-hub bench scale --help | grep -q -- --many\n",
    "callback-hub bench watchers --postgres postgres://postgres@127.0.0.1/bench\n": "callback-hub bench watchers --help | grep -q -- --watchers\n",
    "callback-hub bench soak --postgres postgres://postgres@127.0.0.1/bench\n": "callback-hub bench soak --help | grep -q -- --minutes\n",
    "callback-hub bench relay --postgres postgres://postgres@127.0.0.1/bench\n": "callback-hub bench relay --help | grep -q -- --postgres\n",
    # with an end
    'callback-hub receive --port 8090 --secret whsec_c2VjcmV0IG9mIHRoZSB3ZWJob29r\n': "callback-hub receive --help | grep -q -- --secret\n",
    # is what runs this
    "tests/run\n": f'test -x "{ROOT}/tests/run"\n',
}


def main() -> int:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    blocks = [(page.relative_to(ROOT), *block) for page in pages for block in BLOCK.findall(page.read_text())]
    if len(blocks) < 20:
        sys.exit(f"tests/readme/run.py: only {len(blocks)} examples were found")
    unused = set(INSTEAD) - {text for *_, text in blocks}
    if unused:
        sys.exit(f"tests/readme/run.py: these are not there any more: {unused}")
    with tempfile.TemporaryDirectory(prefix="callback-hub-readme-") as folder, Generator() as generator:
        environment = surroundings(Path(folder), generator.url)
        for number, (page, language, words, text) in enumerate(blocks, 1):
            run(page, number, language, words.split(), text, Path(folder), environment)
    print(f"README.md and docs: {len(blocks)} examples ran on {os.environ['HUB_DATABASE']}")
    return 0


def surroundings(folder: Path, generator: str) -> dict:
    """`callback-hub` is found by its name; commands that open a database get one of their own."""
    binary = Path(os.environ.get("CALLBACK_HUB_BINARY", Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/callback-hub"))
    programs = folder / "bin"
    programs.mkdir()
    (programs / "callback-hub").symlink_to(binary.resolve())
    return dict(
        os.environ,
        PATH=f"{programs}:{os.environ['PATH']}",
        GENERATOR_URL=generator,
        DATABASE_URL=f"sqlite://{folder}/own.db?mode=rwc",
    )


def run(page: Path, number: int, language: str, words: list, text: str, folder: Path, environment: dict) -> None:
    what = f"{page}, example {number} ({language}: {text.strip().splitlines()[-1][:60]})"
    options = dict(word.split("=") for word in words if "=" in word)
    if "run" not in words:
        if text not in INSTEAD:
            sys.exit(f"{what} is neither tagged `run` nor in INSTEAD of tests/readme/run.py:\n{text}")
        text = INSTEAD[text]
        if text.startswith("callback-hub demo") and not has_command("demo", environment):
            print(f"{what}: not run, since this binary has no `demo`")
            return
    if "callback" in options:
        task = request("POST", f"{HUB}/api/tasks", {})
        environment = dict(environment, CALLBACK_URL=task["callback_url"], TASK_ID=task["id"])
    interpreter, suffix = INTERPRETERS[language]
    script = folder / f"example-{number}{suffix}"
    script.write_text(text)
    try:
        done = subprocess.run([*interpreter, str(script)], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        sys.exit(f"{what} did not end within {SECONDS} seconds")
    if done.returncode != 0:
        sys.exit(f"{what} failed with code {done.returncode}:\n{text}\n{done.stdout}{done.stderr}")
    if "callback" in options:
        status = request("GET", f"{HUB}/api/tasks/{task['id']}")["status"]
        if status != options["callback"]:
            sys.exit(f"{what}: the task is {status}, not {options['callback']}:\n{done.stdout}{done.stderr}")
    # the two that submit print how their task ended
    if "GENERATOR_URL" in text and not done.stdout.startswith("completed"):
        sys.exit(f"{what}: the task did not complete:\n{done.stdout}{done.stderr}")


def has_command(name: str, environment: dict) -> bool:
    program = shutil.which("callback-hub", path=environment["PATH"])
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    return re.search(rf"^  {name}\b", text, re.M) is not None


def request(method: str, url: str, content=None) -> dict:
    body = None if content is None else json.dumps(content).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"X-API-Key": KEY}, method=method)) as response:
        return json.load(response)


class Generator:
    """POST /jobs takes a job and reports on it from a thread of its own, as generators do."""

    numbers = count(1)

    def __enter__(self):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                content = json.loads(self.rfile.read(int(self.headers["content-length"])))
                job = f"job-{next(Generator.numbers)}"
                answer = json.dumps({"id": job}).encode()
                self.send_response(202)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                threading.Thread(target=report, args=(content["callback_url"], job)).start()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()


def report(callback_url: str, job: str) -> None:
    for news in (
        {"event": "progress", "progress": {"percentage": 50}},
        {"event": "completed", "result": {"url": f"https://files.example/{job}.png"}},
    ):
        body = json.dumps({"taskId": job, **news}).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        try:
            urllib.request.urlopen(urllib.request.Request(callback_url, body, {"X-Webhook-Signature": signature}))
        except urllib.error.HTTPError as error:
            print(f"the stand-in generator was refused: {error.read().decode()}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
