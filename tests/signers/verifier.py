"""Do packages that others wrote accept what the hub sends? Standard input: JSON lines {"secret", "headers", "body"}.

Each is verified with standardwebhooks and svix, at this moment's time, and so is a copy of which one byte was changed: that
must be refused. Prints how many were accepted; fails at the first that is not.
"""

import json
import os
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parent.parent / ".venv"
try:
    import standardwebhooks
    import svix.webhooks
except ModuleNotFoundError:
    # they are in the environment that tests/run fills
    if Path(sys.prefix) == VENV or not (VENV / "bin" / "python").exists():
        raise
    os.execv(VENV / "bin" / "python", [str(VENV / "bin" / "python"), *sys.argv])

PACKAGES = {"standardwebhooks": standardwebhooks.Webhook, "svix": svix.webhooks.Webhook}


def accepts(webhook, body, headers):
    try:
        webhook.verify(body, headers)
    except Exception:
        return False
    return True


accepted = 0
for line in sys.stdin:
    sample = json.loads(line)
    body, headers = sample["body"], sample["headers"]
    for name, package in PACKAGES.items():
        webhook = package(sample["secret"])
        assert accepts(webhook, body, headers), f"{name} refuses {headers} {body}"
        assert not accepts(webhook, body.replace("task", "tusk", 1), headers), f"{name} accepts a changed body"
    accepted += 1
assert accepted, "there was nothing to verify"
print(f"standardwebhooks and svix for Python accept all {accepted}")
