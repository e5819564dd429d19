// Do packages that others wrote accept what the hub sends? The same as verifier.py, for Node.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

const packages = { standardwebhooks: standardwebhooks.Webhook, svix: svix.Webhook };

function refusal(webhook, body, headers) {
    try {
        webhook.verify(body, headers);
        return null;
    } catch (error) {
        return String(error);
    }
}

let accepted = 0;
for await (const line of createInterface({ input: process.stdin })) {
    const { secret, headers, body, old } = JSON.parse(line);
    for (const [name, Webhook] of Object.entries(packages)) {
        const webhook = new Webhook(secret);
        const said = refusal(webhook, body, headers);
        if (old) {
            assert(said?.includes("too old"), `${name} does not mind that it is old, but says ${said}`);
            continue;
        }
        assert.equal(said, null, `${name} refuses ${JSON.stringify(headers)} ${body}`);
        assert(refusal(webhook, body.replace("task", "tusk"), headers), `${name} accepts a changed body`);
    }
    accepted += old ? 0 : 1;
}
assert(accepted > 0, "there was nothing to verify");
console.log(`standardwebhooks and svix for Node accept all ${accepted}`);
