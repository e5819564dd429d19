// Node, standard library: every spelling of a signature, single and in a batch.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

const { CALLBACK_HUB_URL: hub, CALLBACK_HUB_KEY: key, CALLBACK_SECRET_KEY: secret } = process.env;

async function post(url, body, headers) {
    const response = await fetch(url, { method: "POST", body, headers });
    return { status: response.status, ...(await response.json()), http: response.status };
}

async function newTask() {
    const task = await post(`${hub}/api/tasks`, "{}", { authorization: `Bearer ${key}` });
    assert.equal(task.http, 201);
    return task;
}

const hmac = (body, encoding) => createHmac("sha256", secret).update(body).digest(encoding);
const spellings = {
    hex: (body) => hmac(body, "hex"),
    "sha256=hex": (body) => `sha256=${hmac(body, "hex")}`,
    base64: (body) => hmac(body, "base64"),
    "sha256=base64": (body) => `sha256=${hmac(body, "base64")}`,
};

for (const [spelling, sign] of Object.entries(spellings)) {
    const { callback_url: url } = await newTask();
    const body = JSON.stringify({ event: "completed", result: { title: "Überschrift 标题 😀", separator: "\u2028" } });
    const forged = body.replace("Überschrift", "Überschrieft");
    const refused = await post(url, forged, { "x-webhook-signature": sign(body) });
    assert.deepEqual([refused.http, refused.code], [401, "signature_invalid"], spelling);
    const taken = await post(url, body, { "x-webhook-signature": sign(body) });
    assert.deepEqual([taken.http, taken.outcome, taken.status], [200, "applied", "completed"], spelling);
}

const tasks = [await newTask(), await newTask()];
const callbacks = tasks.map(({ id }) => ({ task_id: id, event: "completed", result: { id } }));
const batch = JSON.stringify({ callbacks });
const answer = await post(`${hub}/callback`, batch, { "x-webhook-signature": hmac(batch, "hex") });
assert.equal(answer.http, 200);
assert.deepEqual(answer.results.map(({ outcome }) => outcome), ["applied", "applied"]);
const forged = await post(`${hub}/callback`, batch.replace("completed", "cancelled"), { "x-webhook-signature": hmac(batch, "hex") });
assert.deepEqual([forged.http, forged.code], [401, "signature_invalid"]);
