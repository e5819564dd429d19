// A TypeScript client as a user would write it; the types come from the API document.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

function variable(name: string): string {
    const value = process.env[name];
    if (value === undefined) throw new Error(`${name} is not set`);
    return value;
}

const hub = createClient<paths>({
    baseUrl: variable("CALLBACK_HUB_URL"),
    headers: { Authorization: `Bearer ${variable("CALLBACK_HUB_KEY")}` },
});

const created = await hub.POST("/api/tasks", { body: { generator: "default", input: { prompt: "a lighthouse" }, priority: 3 } });
assert.equal(created.response.status, 201);
const task = created.data;
assert.ok(task?.callback_url);

const patched = await hub.PATCH("/api/tasks/{task_id}", { params: { path: { task_id: task.id } }, body: { external_id: `ts-${task.id}` } });
assert.equal(patched.data?.external_id, `ts-${task.id}`);

const callback: components["schemas"]["CallbackBody"] = { event: "completed", result: { url: "https://files.example/1.mp4" } };
const body = JSON.stringify(callback);
const signature = createHmac("sha256", variable("CALLBACK_SECRET_KEY")).update(body).digest("hex");
const response = await fetch(task.callback_url, { method: "POST", body, headers: { "X-Webhook-Signature": signature } });
assert.equal(response.status, 200);

const settled = await hub.GET("/api/tasks/{task_id}", { params: { path: { task_id: task.id }, query: { wait: 10 } } });
const status: components["schemas"]["Status"] | undefined = settled.data?.status;
assert.equal(status, "completed");
assert.deepEqual(settled.data?.result, callback.result);

const listed = await hub.GET("/api/tasks", { params: { query: { status: "completed", limit: 200 } } });
assert.ok(listed.data?.items.some((item) => item.id === task.id));

const again = await hub.POST("/api/tasks/{task_id}/cancel", { params: { path: { task_id: task.id } } });
assert.equal(again.error?.code, "conflict");
