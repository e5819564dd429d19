"""Do packages that others wrote accept what the hub sends? Standard input: JSON lines {"secret", "headers", "body"}.

Each is verified with standardwebhooks and svix, at this moment's time, and so is a copy of which one byte was changed: that
must be refused. One with "old": true must be refused, too, since it was sent more than five minutes ago. Prints how many were
accepted; fails at the first that is not.
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


def refusal(webhook, body, headers):
    try:
        webhook.verify(body, headers)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


accepted = 0
for line in sys.stdin:
    sample = json.loads(line)
    body, headers = sample["body"], sample["headers"]
    for name, package in PACKAGES.items():
        webhook = package(sample["secret"])
        said = refusal(webhook, body, headers)
        if sample.get("old"):
            assert said and "too old" in said, f"{name} does not mind that it is old, but says {said}"
            continue
        assert said is None, f"{name} refuses {headers} {body}: {said}"
        assert refusal(webhook, body.replace("task", "tusk", 1), headers), f"{name} accepts a changed body"
    accepted += not sample.get("old")
assert accepted, "there was nothing to verify"
print(f"standardwebhooks and svix for Python accept all {accepted}")
