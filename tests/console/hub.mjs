// The hub from outside: its API, callbacks as generators send them, and a subscriber.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";

export class Hub {
  url = process.env.CALLBACK_HUB_URL;
  key = process.env.CALLBACK_HUB_KEY;
  secret = process.env.CALLBACK_SECRET_KEY;

  async api(path, body) {
    const answer = await fetch(this.url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { "X-API-Key": this.key },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    assert(answer.ok, `${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }

  async task(id, more = {}) {
    return this.api("/api/tasks", { id, ...more });
  }

  /** Signed, unless another signature is given. Answers with the status. */
  async callback(task, body, { generator = "default", signature } = {}) {
    const bytes = Buffer.isBuffer(body) || typeof body === "string" ? body : JSON.stringify(body);
    const answer = await fetch(`${this.url}/callback/${task}?generator=${generator}`, {
      method: "POST",
      headers: { "X-Webhook-Signature": signature ?? this.sign(bytes) },
      body: bytes,
    });
    return answer.status;
  }

  sign(bytes) {
    return `sha256=${createHmac("sha256", this.secret).update(bytes).digest("hex")}`;
  }

  async first(path) {
    const found = (await this.api(path)).items[0];
    assert(found, `${path} is empty`);
    return found;
  }

  /** Asks until it is there: refused callbacks are written behind the answer's back. */
  async until(path, isThere) {
    for (;;) {
      const found = (await this.api(path)).items.find(isThere);
      if (found) return found;
    }
  }

  /** Every page, of things that are there. */
  async paths() {
    const refused = await this.first("/api/callbacks?verdict=rejected");
    const webhook = await this.first("/api/webhooks");
    const delivery = await this.first("/api/deliveries");
    const content = await this.first("/api/contents");
    return {
      overview: "", tasks: "/tasks", task: "/tasks/moving", failed: "/tasks/hostile", callbacks: "/callbacks",
      callback: `/callbacks/${refused.id}`, check: `/check?callback=${refused.id}`, generators: "/generators",
      generator: "/generators/default", preset: "/generators/replicate", webhooks: "/webhooks", webhook: `/webhooks/${webhook.id}`,
      form: "/webhooks/new", edit: `/webhooks/${webhook.id}?edit=1`, deliveries: "/deliveries", delivery: `/deliveries/${delivery.id}`,
      retry: "/deliveries/retry", review: "/review?all=1", content: `/review/${content.id}`, pool: "/pool", settings: "/settings",
      nothing: "/nothing",
    };
  }
}

/** A subscriber that always answers the same. */
export function listen(status) {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status).end();
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve({ url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() }));
  });
}
