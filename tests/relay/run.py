#!/usr/bin/env python3
"""Good subscribers beside hostile ones: the hub tells 43 good ones as fast as if the 7 hostile ones were not there.

    tests/hub.py sqlite --settings tests/relay/run.py -- tests/relay/run.py

Subscribers are a process of their own. Hostile ones never answer, answer a byte a second, reset, send a gigabyte, redirect to a
metadata address, always fail, or are gone. Custom events are published at a fixed rate, first to the good ones alone, then to
all; what is compared is the time from publishing to having it. RELAY_SECONDS says how long each part takes (5), RELAY_NOISE
below how many seconds differences do not count. Standard library only.
"""

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request

GOOD, SECONDS, PER_SECOND = 43, int(os.environ.get("RELAY_SECONDS", "5")), 4
HOSTILE = ["never", "slow", "reset", "huge", "redirect", "fails", "gone"]
# what a debug build on a busy machine with two cores does by itself, in seconds; less is asked of a release build
NOISE = float(os.environ.get("RELAY_NOISE", "0.5"))
MOST_MEMORY = 150 << 20


# --- The subscribers ----------------------------------------------------------------------------------------------------


async def subscriber(reader, writer):
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            arrived = time.time()
            method, path, _ = head.decode().split(" ", 2)
            length = int(re.search(rb"(?i)content-length: *(\d+)", head + b"\r\ncontent-length: 0")[1])
            body = await reader.readexactly(length)
            await answer(method, path.strip("/"), body, arrived, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


heard = []


async def answer(method, path, body, arrived, writer):
    if method == "GET":
        text = json.dumps(heard).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(text) + text)
    elif path.startswith("good"):
        told = json.loads(body)
        heard.append([path, told["event"], told["data"]["number"], arrived - told["data"]["sent"]])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    elif path == "never":
        await asyncio.sleep(3600)
    elif path == "slow":
        for byte in b"HTTP/1.1 200 OK\r\nx-long: " + b"x" * 3600:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(1)
    elif path == "reset":
        writer.transport.abort()
    elif path == "huge":
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 1_000_000)
            await writer.drain()
    elif path == "redirect":
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data\r\ncontent-length: 0\r\n\r\n")
    else:
        writer.write(b"HTTP/1.1 %d No\r\ncontent-length: 0\r\n\r\n" % (410 if path == "gone" else 500))
    await writer.drain()


async def serve():
    server = await asyncio.start_server(subscriber, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# --- The hub's client ---------------------------------------------------------------------------------------------------


def call(method, url, body=None):
    headers = {"X-API-Key": os.environ["CALLBACK_HUB_KEY"], "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as response:
        return json.load(response)


def register(hub, subscribers, path):
    wanted = {"name": path, "url": f"http://127.0.0.1:{subscribers}/{path}", "events": ["relay.*"]}
    return call("POST", hub + "/api/webhooks", wanted)["id"]


def part(hub, subscribers, name):
    """Publishes at the fixed rate whatever the hub does, and waits until every good subscriber has everything."""
    count, began = SECONDS * PER_SECOND, time.time()
    for number in range(count):
        time.sleep(max(0.0, began + number / PER_SECOND - time.time()))
        call("POST", hub + "/api/events", {"event": f"relay.{name}", "data": {"number": number, "sent": time.time()}})
    end = time.time() + 60
    while time.time() < end:
        told = [row for row in call("GET", f"http://127.0.0.1:{subscribers}/") if row[1] == f"relay.{name}"]
        if len({(path, number) for path, _, number, _ in told}) == count * GOOD:
            return [seconds for *_, seconds in told]
        time.sleep(0.2)
    sys.exit(f"a minute later only {len(told)} of {count * GOOD} have arrived")


def p99(seconds):
    return statistics.quantiles(seconds, n=100)[98]


def memory():
    status = open(f"/proc/{os.environ['HUB_PID']}/status").read()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) << 10


def main():
    hub = os.environ["CALLBACK_HUB_URL"]
    process = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        subscribers = int(process.stdout.readline())
        for number in range(GOOD):
            register(hub, subscribers, f"good{number}")
        part(hub, subscribers, "warm")
        alone = part(hub, subscribers, "alone")
        hostile = {register(hub, subscribers, path): path for path in HOSTILE}
        beside = part(hub, subscribers, "beside")
        judge(hub, hostile, p99(alone), p99(beside))
    finally:
        process.kill()


def judge(hub, hostile, alone, beside):
    ratio = max(beside, NOISE) / max(alone, NOISE)
    print(
        f"relay: {GOOD} good subscribers on {os.environ['HUB_DATABASE']}: p99 {alone * 1000:.0f} ms alone, "
        f"{beside * 1000:.0f} ms beside {len(hostile)} hostile ones; the hub has used {memory() >> 20} MiB at most"
    )
    assert ratio <= 2, f"hostile subscribers slow good ones down {ratio:.1f} times"
    assert memory() < MOST_MEMORY, "memory is bounded"
    for identifier, path in hostile.items():
        webhook = call("GET", f"{hub}/api/webhooks/{identifier}")
        rows = call("GET", f"{hub}/api/deliveries?webhook_id={identifier}&limit=200")["items"]
        states = {row["status"] for row in rows}
        assert len(rows) == SECONDS * PER_SECOND, f"{path}: one delivery an event, not {len(rows)}"
        wanted = {"gone": {"dead"}, "huge": {"delivered"}}.get(path, {"pending"})
        assert states == wanted, f"{path}: {states}"
        assert webhook["status"] == ("disabled" if path == "gone" else "active"), f"{path}: {webhook['status']}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(serve())
    elif sys.argv[1:] == ["--settings"]:
        print(json.dumps({"DELIVERY_ALLOWED_NETWORKS": "127.0.0.1", "DELIVERY_TIMEOUT": "5"}))
    else:
        main()
