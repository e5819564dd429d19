#!/usr/bin/env python3
"""Runs Prometheus on deploy/alerts.yaml beside a hub that is well, and then beside one that is not: tests/alerts/run.py sqlite|postgres

Nothing may fire at first; then each of EXPECTED must. The only change to the rules is that they fire at once: `for` is 0.
Before that, every rule as it stands must do what rules.yaml says of made-up figures.
Standard library only; needs Debian's prometheus, and psql for PostgreSQL.
"""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import hub as hubs  # noqa: E402

EXPECTED = {
    "CallbackHubDeadLetters",
    "CallbackHubTasksOverdue",
    "CallbackHubGeneratorDown",
    "CallbackHubGeneratorQuiet",
    "CallbackHubConfigurationRefused",
}
RULES = ROOT / "deploy" / "alerts.yaml"
CASES = ROOT / "tests" / "alerts" / "rules.yaml"
KEY = "chk_of_the_test_of_the_alerts"
SECONDS = 120
HOUR = 3_600_000_000


def main() -> int:
    if sys.argv[1:] not in (["sqlite"], ["postgres"]):
        sys.exit(__doc__)
    check_rules()
    with tempfile.TemporaryDirectory(prefix="callback-hub-") as folder:
        database = hubs.Database(sys.argv[1], Path(folder))
        try:
            return watch(database, Path(folder))
        finally:
            database.drop()


def check_rules() -> None:
    """promtool is content with rules that no case speaks of, and with cases of rules that there are not: so names are compared."""
    promtool("check", "rules", str(RULES))
    rules, cases = RULES.read_text(), CASES.read_text()
    there = set(re.findall(r"- alert: (\w+)", rules))
    outcomes = re.findall(r"alertname: (\w+)\n +exp_alerts:( \[\])?", cases)
    fires, keeps_still = ({name for name, none in outcomes if bool(none) == still} for still in (False, True))
    for what, named in (("that fires", fires), ("that does not fire", keeps_still)):
        if named != there:
            raise SystemExit(f"{CASES}: without a case {what}: {sorted(there - named)}; not in {RULES.name}: {sorted(named - there)}")
    # a name that no rule knows would make nothing fire, whatever its figures
    unknown = set(re.findall(r"\bcallback_hub_\w+", cases)) - set(re.findall(r"\bcallback_hub_\w+", rules))
    if unknown:
        raise SystemExit(f"{CASES}: no rule looks at {sorted(unknown)}")
    promtool("test", "rules", str(CASES))


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise SystemExit(f"promtool {' '.join(arguments)}:\n{done.stdout}")


def watch(database: hubs.Database, folder: Path) -> int:
    (folder / "generators").mkdir()
    port = free_port()
    with Prometheus(folder, port) as prometheus, Stubborn() as stubborn:
        hub = Hub(database, folder, port)
        # the hub submits none of these: they were, by somebody else
        hub.post("/api/tasks", {"id": "silent", "timeout_seconds": 86400})
        prometheus.until("three looks", lambda: prometheus.value("count_over_time(up[5m])") >= 3)
        fired = prometheus.firing()
        if fired:
            raise SystemExit(f"tests/alerts/run.py: the hub is well, and these fire: {fired}")
        hub.stop()

        # for three hours the generator has called every two minutes; for two more it has not
        now = int(time.time()) * 1_000_000
        for ago in (5, 4, 3):
            then = now - ago * HOUR
            execute(database, folder, f"INSERT INTO hub_pulses VALUES ('default', {then // HOUR}, 30, {then})")
        execute(database, folder, f"UPDATE hub_attempts SET submitted_at = {now - 2 * HOUR} WHERE task_id = 'silent'")
        hub = Hub(database, folder, port)
        for number in range(6):
            hub.post("/api/tasks", {"generator": "simulator", "submit": False, "external_id": f"e{number}", "timeout_seconds": 15})
        hub.post("/api/webhooks", {"url": stubborn.url, "events": ["*"]})
        hub.post("/api/events", {"event": "order.paid", "data": {}})
        (folder / "generators" / "broken.toml").write_text("trust = 7\n")
        seen = set()
        prometheus.until(f"{EXPECTED} to fire", lambda: seen.update(prometheus.firing()) or seen >= EXPECTED, lambda: seen)
        hub.stop()
    print(f"alerts: each does as {CASES.name} says ({sys.argv[1]})")
    print(f"alerts: none fires while the hub is well, and {', '.join(sorted(seen))} when it is not ({sys.argv[1]})")
    return 0


def execute(database: hubs.Database, folder: Path, statement: str) -> None:
    """While no hub runs: the file is nobody else's then."""
    if database.name is None:
        with sqlite3.connect(folder / "hub.db") as connection:
            connection.execute(statement)
        connection.close()
    else:
        subprocess.run(["psql", "-w", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, database.url], check=True)


class Hub:
    def __init__(self, database: hubs.Database, folder: Path, port: int):
        settings = {
            "PATH": os.environ["PATH"],
            "SERVER_PORT": str(port),
            "DATABASE_URL": database.url,
            "CALLBACK_SECRET_KEY": "a secret of the test of the alerts",
            "API_KEYS": KEY,
            "SECRETS_KEY": "NWVlZDVlZWQ1ZWVkNWVlZDVlZWQ1ZWVkNWVlZDVlZWQ=",
            "GENERATORS_DIR": str(folder / "generators"),
            "GENERATOR_SIMULATOR_SECRET": "another secret of the same test",
            # nobody listens there
            "GENERATOR_SIMULATOR_BASE_URL": f"http://127.0.0.1:{free_port()}",
            "DELIVERY_ALLOWED_NETWORKS": "private",
            "POLL_FIRST_AFTER": "1s",
            "POLL_INTERVAL": "1s",
            "POLL_MAX_INTERVAL": "1s",
            "LOG_LEVEL": "error",
        }
        self.log = folder / "hub.log"
        with self.log.open("ab") as errors:
            self.process = subprocess.Popen([hubs.binary()], cwd=folder, env=settings, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.url = hubs.ready(self.process, self.log)

    def post(self, path: str, body: dict) -> None:
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"X-API-Key": KEY}, method="POST")
        with urllib.request.urlopen(request) as answer:
            answer.read()

    def stop(self) -> None:
        if hubs.stop(self.process, self.log) != 0:
            raise SystemExit("tests/alerts/run.py: the hub did not end well")


class Prometheus:
    def __init__(self, folder: Path, port: int):
        rules = re.sub(r"\bfor: \S+", "for: 0s", RULES.read_text())
        (folder / "rules.yaml").write_text(rules)
        (folder / "prometheus.yaml").write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
            f"rule_files: ['{folder}/rules.yaml']\n"
            f"scrape_configs: [{{job_name: callback-hub, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
        )
        self.address = f"127.0.0.1:{free_port()}"
        self.command = [
            "prometheus",
            f"--config.file={folder}/prometheus.yaml",
            f"--storage.tsdb.path={folder}/series",
            f"--web.listen-address={self.address}",
            "--log.level=error",
        ]

    def __enter__(self):
        self.process = subprocess.Popen(self.command)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def ask(self, path: str) -> dict:
        with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    def value(self, expression: str) -> float:
        found = self.ask("query?query=" + urllib.request.quote(expression))["result"]
        return float(found[0]["value"][1]) if found else 0.0

    def firing(self) -> set:
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def until(self, what: str, is_true, found=lambda: "") -> None:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                if is_true():
                    return
            except OSError:
                pass  # it is not up yet
            time.sleep(0.5)
        raise SystemExit(f"tests/alerts/run.py: waited {SECONDS} seconds for {what}; so far: {found()}")


class Stubborn:
    """A subscriber that wants nothing of all that: what is sent to it is dead at once."""

    def __enter__(self):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.send_response(400)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
