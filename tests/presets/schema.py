#!/usr/bin/env python3
"""Every generator's file is good by the JSON Schema that `callback-hub generators schema` prints, read by a validator that
others wrote; and what is wrong in a file is wrong by the schema, too."""

import copy
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parent.parent.parent
BINARY = Path(os.environ.get("CALLBACK_HUB_BINARY", Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/callback-hub"))


def broken(file: dict):
    """The same file with a fault, a fault at a time."""
    for section in [None, *(key for key in ("event", "submit", "poll", "reply", "sender", "content") if key in file)]:
        other = copy.deepcopy(file)
        (other if section is None else other[section])["nobody_knows_this"] = 1
        yield f"an unknown key in {section or 'the top'}", other
    yield "a word that is none", {**file, "trust": "blindly"}
    yield "a kind that is none", {**file, "max_retries": "three"}
    yield "a source that is none", {**file, "event": {**file["event"], "state": "body:status"}}
    if "extends" not in file:
        yield "no event", {key: value for key, value in file.items() if key != "event"}


def main() -> int:
    schema = json.loads(subprocess.run([BINARY, "generators", "schema"], capture_output=True, check=True, text=True).stdout)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    files = sorted([*(ROOT / "generators").glob("*.toml"), *(ROOT / "tests/generators").glob("*.toml")])
    faults = 0
    for path in files:
        file = tomllib.loads(path.read_text())
        for error in validator.iter_errors(file):
            sys.exit(f"{path.name}: {'.'.join(map(str, error.absolute_path))}: {error.message}")
        for fault, other in broken(file):
            faults += 1
            if validator.is_valid(other):
                sys.exit(f"{path.name} with {fault} is good by the schema")
    if len(files) < 40:
        sys.exit(f"only {len(files)} files were found")
    print(f"schema: {len(files)} files are good, and {faults} faults are found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
