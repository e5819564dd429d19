"""A Python client as a user would write it, on the code that was generated from the API document."""

import hashlib
import hmac
import json
import os
import urllib.request

from callback_hub_client import AuthenticatedClient
from callback_hub_client.api.tasks import cancel_task, create_task, list_tasks, patch_task, read_task
from callback_hub_client.models import NewTask, Status, Task, TaskPatch

hub = AuthenticatedClient(base_url=os.environ["CALLBACK_HUB_URL"], token=os.environ["CALLBACK_HUB_KEY"])

created = create_task.sync_detailed(client=hub, body=NewTask(generator="default", input_={"prompt": "a lighthouse"}, priority=3))
assert created.status_code == 201, created
task = created.parsed
assert isinstance(task, Task) and task.callback_url, created

patched = patch_task.sync(task.id, client=hub, body=TaskPatch(external_id=f"py-{task.id}"))
assert isinstance(patched, Task) and patched.external_id == f"py-{task.id}", patched

result = {"url": "https://files.example/1.mp4"}
body = json.dumps({"event": "completed", "result": result}).encode()
signature = hmac.new(os.environ["CALLBACK_SECRET_KEY"].encode(), body, hashlib.sha256).hexdigest()
urllib.request.urlopen(urllib.request.Request(task.callback_url, body, {"X-Webhook-Signature": signature}))

settled = read_task.sync(task.id, client=hub, wait=10)
assert isinstance(settled, Task) and settled.status == Status.COMPLETED and settled.result == result, settled

listed = list_tasks.sync(client=hub, status="completed", limit=200)
assert any(item.id == task.id for item in listed.items), listed

again = cancel_task.sync_detailed(task.id, client=hub)
assert again.status_code == 409 and again.parsed.code == "conflict", again
