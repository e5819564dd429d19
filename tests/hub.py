#!/usr/bin/env python3
"""Runs a command against a hub of its own: a fresh database, a free port, a secret and an API key.

    tests/hub.py sqlite -- tests/clients/run
    tests/hub.py postgres -- tests/clients/run
    tests/hub.py sqlite --settings tests/presets/run.py -- tests/presets/run.py

`--settings PROGRAM`: what `PROGRAM --settings` prints, a JSON object of texts, are settings, too, for the hub and the command.
The command finds CALLBACK_HUB_URL, CALLBACK_HUB_KEY and CALLBACK_SECRET_KEY (with which all built-in generators sign) in its
environment, HUB_DATABASE for messages, and HUB_PID. Its exit code is the exit code here; afterwards the hub must stop by itself, with code 0. Standard library only.
"""

import base64
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY = re.compile(r"^callback-hub is ready: (http://\S+)")
SECONDS_TO_START = 60
SECONDS_TO_STOP = 40


def main() -> int:
    cut = sys.argv.index("--") if "--" in sys.argv else 0
    options, command = sys.argv[1:cut], sys.argv[cut + 1 :]
    is_right = options[:1] in (["sqlite"], ["postgres"]) and (len(options) == 1 or options[1:-1] == ["--settings"])
    if not command or not is_right:
        sys.exit(__doc__)
    kind, more = options[0], settings_of(options[2:])
    with tempfile.TemporaryDirectory(prefix="callback-hub-") as folder:
        database = Database(kind, Path(folder))
        try:
            return with_hub(kind, database.url, Path(folder), command, more)
        finally:
            database.drop()


def settings_of(program: list) -> dict:
    if not program:
        return {}
    printed = subprocess.run([*program, "--settings"], stdout=subprocess.PIPE, check=True).stdout
    return json.loads(printed)


def with_hub(kind: str, database: str, folder: Path, command: list, more: dict) -> int:
    """The hub's folder is empty and its environment bare: nobody's settings get in."""
    secret, key = secrets.token_hex(32), "chk_" + secrets.token_hex(24)
    settings = {
        "PATH": os.environ["PATH"],
        "SERVER_PORT": "0",
        "DATABASE_URL": database,
        "CALLBACK_SECRET_KEY": secret,
        "GENERATOR_CONTENT_CREATOR_SECRET": secret,
        "GENERATOR_SIMULATOR_SECRET": secret,
        "GENERATOR_SIMULATOR_BASE_URL": "http://127.0.0.1:4010",
        "API_KEYS": key,
        "SECRETS_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "LOG_LEVEL": os.environ.get("HUB_LOG_LEVEL", "warn"),
        **more,
    }
    log = folder / "hub.log"
    with log.open("wb") as errors:
        hub = subprocess.Popen([binary()], cwd=folder, env=settings, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        url = ready(hub, log)
        known = {name: secret for name in settings if name.endswith(("SECRET_KEY", "_SECRET"))} | more
        known.update(CALLBACK_HUB_URL=url, CALLBACK_HUB_KEY=key, HUB_DATABASE=kind, HUB_PID=str(hub.pid))
        environment = dict(os.environ, **known)
        code = subprocess.run(command, env=environment).returncode
        if hub.poll() is not None:
            show(log)
            print(f"tests/hub.py: the hub died under the command, with code {hub.returncode}", file=sys.stderr)
            return 1
        if code != 0:
            show(log)
        return code or stop(hub, log)
    finally:
        if hub.poll() is None:
            hub.kill()
            hub.wait()


def binary() -> str:
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = Path(os.environ.get("CALLBACK_HUB_BINARY", folder / "debug" / "callback-hub"))
    if not path.is_file():
        sys.exit(f"tests/hub.py: {path} is missing: run `cargo build` first")
    return str(path.resolve())


def ready(hub: subprocess.Popen, log: Path) -> str:
    """The line that the hub prints has the port that it was given."""
    too_slow = threading.Timer(SECONDS_TO_START, hub.kill)
    too_slow.start()
    line = hub.stdout.readline()
    too_slow.cancel()
    match = READY.match(line)
    if not match:
        show(log)
        sys.exit(f"tests/hub.py: the hub did not start; it said {line!r}")
    return match.group(1)


def stop(hub: subprocess.Popen, log: Path) -> int:
    hub.send_signal(signal.SIGTERM)
    try:
        code = hub.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        print(f"tests/hub.py: the hub did not stop within {SECONDS_TO_STOP} seconds", file=sys.stderr)
        return 1
    if code != 0:
        show(log)
        print(f"tests/hub.py: the hub ended with code {code}", file=sys.stderr)
        return 1
    return 0


def show(log: Path) -> None:
    text = log.read_text(errors="replace").strip()
    if text:
        print("--- the hub's log, its end ---\n" + text[-4000:], file=sys.stderr)


class Database:
    """A file, or a PostgreSQL database that is named like those of the test suite and swept up with them."""

    def __init__(self, kind: str, folder: Path):
        self.server = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432")
        self.name = f"hub_test_{os.getpid()}_hub" if kind == "postgres" else None
        if self.name is None:
            self.url = f"sqlite://{folder / 'hub.db'}?mode=rwc"
            return
        self.url = f"{self.server}/{self.name}"
        self.administrate(f"CREATE DATABASE {self.name}")

    def drop(self) -> None:
        if self.name is not None:
            self.administrate(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def administrate(self, statement: str) -> None:
        if shutil.which("psql") is None:
            sys.exit("tests/hub.py: psql is missing: install postgresql-client")
        arguments = ["psql", "-w", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, f"{self.server}/postgres"]
        subprocess.run(arguments, check=True, env=dict(os.environ, PGOPTIONS="--client-min-messages=warning"))


if __name__ == "__main__":
    sys.exit(main())
