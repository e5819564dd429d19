// Node packages that others wrote: standardwebhooks, svix, stripe and @octokit/webhooks-methods sign, each as its users
// call it.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { sign as byOctokit } from "@octokit/webhooks-methods";
import * as standardwebhooks from "standardwebhooks";
import Stripe from "stripe";
import * as svix from "svix";

const { CALLBACK_HUB_URL: hub, CALLBACK_HUB_KEY: key } = process.env;
const callbacks = JSON.parse(readFileSync(new URL("callbacks.json", import.meta.url)));
const secret = (generator) => process.env[`GENERATOR_${generator.replaceAll("-", "_").toUpperCase()}_SECRET`];

const standard = (Webhook, brand) => (body, at) => {
    const id = `msg_${randomUUID()}`;
    const signature = new Webhook(secret("standard-webhooks")).sign(id, new Date(at * 1000), body);
    return { [`${brand}-id`]: id, [`${brand}-timestamp`]: String(at), [`${brand}-signature`]: signature };
};

const { webhooks } = new Stripe("sk_test_of_nobody");
const signers = [
    ["standardwebhooks", "standard-webhooks", standard(standardwebhooks.Webhook, "webhook")],
    ["svix", "standard-webhooks", standard(svix.Webhook, "svix")],
    [
        "stripe",
        "stripe",
        (payload, timestamp) => ({
            "stripe-signature": webhooks.generateTestHeaderString({ payload, secret: secret("stripe"), timestamp }),
        }),
    ],
    ["@octokit/webhooks-methods", "github", async (body) => ({ "x-hub-signature-256": await byOctokit(secret("github"), body) })],
];

async function request(method, url, headers, body) {
    const response = await fetch(url, { method, headers, body });
    return { http: response.status, answer: await response.json() };
}

// Without the token, so that the signature alone counts.
async function newTask(generator) {
    const body = JSON.stringify({ generator, submit: false });
    const { http, answer } = await request("POST", `${hub}/api/tasks`, { authorization: `Bearer ${key}` }, body);
    assert.equal(http, 201);
    return answer.callback_url.split("&attempt=")[0];
}

async function read(path) {
    const { http, answer } = await request("GET", hub + path, { authorization: `Bearer ${key}` });
    assert.equal(http, 200);
    return answer;
}

for (const [name, generator, sign] of signers) {
    const told = callbacks[generator];
    const mark = randomUUID();
    const body = told.body.replace("@ID@", mark);
    const own = Object.fromEntries(Object.entries(told.headers ?? {}).map(([header, value]) => [header, value.replace("@ID@", mark)]));
    const url = told.to === "task" ? await newTask(generator) : hub + told.to;
    const now = Math.floor(Date.now() / 1000);
    const post = (headers, sent) => request("POST", url, { ...own, ...headers }, sent);
    const refused = async (code, headers, sent) => {
        const { http, answer } = await post(headers, sent);
        assert.deepEqual([http, answer.code], [401, code], name);
    };

    const signed = await sign(body, now);
    await refused("signature_invalid", signed, body.replace("42", "43"));
    await refused("signature_invalid", signed, `${body} `);
    await refused("signature_missing", {}, body);
    if (!told.timeless) await refused("timestamp_out_of_tolerance", await sign(body, now - 330), body);
    if (!told.timeless && !told.future) await refused("timestamp_out_of_tolerance", await sign(body, now + 330), body);

    const { http, answer } = await post(signed, body);
    assert.deepEqual([http, answer.outcome], [200, told.outcome], name);
    assert.equal((await post(signed, body)).answer.outcome, "duplicate", name);
    const receipt = await read(`/api/callbacks/${answer.callback_id}`);
    assert.deepEqual([receipt.generator, receipt.verdict, receipt.outcome], [generator, "accepted", told.outcome], name);
    if (told.result) {
        const task = await read(`/api/tasks/${answer.task_id}`);
        assert.deepEqual([task.status, task.result], ["completed", told.result], name);
    }
}
