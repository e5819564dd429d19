// What operators do, each from a login on.
import assert from "node:assert/strict";

const SOON = 1000;

/** What an event brings is there within a second, without a look at the page again. */
async function aTasksBarMovesToCompletedByTheStreamAlone({ hub, open, logIn }) {
  await hub.task("moving");
  const page = await open();
  await logIn(page);
  // nothing but the stream tells
  await page.route("**/console/tasks**", (route) => (route.request().resourceType() === "fetch" ? route.fulfill({ status: 204 }) : route.continue()));
  for (const path of ["/console/tasks", "/console/tasks/moving"]) {
    await page.goto(hub.url + path);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(() => (window.stays = true));
    const place = page.locator('[data-task="moving"]');
    const isList = path.endsWith("tasks");
    for (const percentage of isList ? [20, 40] : [60, 80]) {
      assert.equal(await hub.callback("moving", { event: "progress", progress: { percentage, stage: `at ${percentage}` } }), 200);
      const begun = Date.now();
      await page.waitForFunction((percent) => document.querySelector('[data-task="moving"] progress').value === percent, percentage);
      assert(Date.now() - begun < SOON, `${Date.now() - begun} ms`);
      await place.getByText(`at ${percentage}`).waitFor();
    }
    if (isList) continue;
    assert.equal(await hub.callback("moving", { event: "completed", result: { url: "https://files.example/42.mp4" } }), 200);
    const begun = Date.now();
    await place.locator('[data-field="status"]').getByText("completed").waitFor();
    assert(Date.now() - begun < SOON, `${Date.now() - begun} ms`);
    assert.equal(await page.evaluate(() => document.querySelector("progress").value), 100);
    assert(await page.evaluate(() => window.stays), "it was not loaded again");
  }
  await page.context().close();
}

/** What is not in the event comes with the page, which is read again behind it. */
async function aTimelineGrowsByItself({ hub, open, logIn }) {
  await hub.task("growing");
  const page = await open();
  await logIn(page);
  await page.goto(`${hub.url}/console/tasks/growing`);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.evaluate(() => (window.stays = true));
  await hub.callback("growing", { event: "completed", result: { answer: 42 } });
  await page.getByText("Callback: completed").waitFor();
  await page.getByRole("heading", { name: "Result" }).waitFor();
  assert(await page.evaluate(() => window.stays), "it was not loaded again");
  await page.context().close();
}

async function aRefusedCallbackTellsItsCause({ hub, open, logIn }) {
  const body = '{"event":"completed","result":1}';
  await hub.task("refused");
  assert.equal(await hub.callback("refused", `${body}\n`, { signature: hub.sign(body) }), 401);
  await hub.until("/api/callbacks?verdict=rejected", (one) => one.task_id === "refused" && one.finding);
  const page = await open();
  await logIn(page);
  await page.getByRole("link", { name: "Callbacks", exact: true }).click();
  await page.getByLabel("Verdict").selectOption("rejected");
  await page.getByRole("button", { name: "Show" }).click();
  await page.locator("tr", { hasText: "refused" }).filter({ hasText: "newline stripped" }).getByRole("link").first().click();
  await page.locator("#cause").getByText("newline stripped").waitFor();
  await page.getByRole("link", { name: "Check it" }).first().click();
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByRole("heading", { name: "It would be refused" }).waitFor();
  await page.context().close();
}

async function deadLettersAreRetriedInBulk({ hub, subscriber, open, logIn }) {
  await hub.api("/api/webhooks", { url: subscriber.url, name: "editorial", events: ["order.*"] });
  for (let order = 0; order < 7; order += 1) await hub.api("/api/events", { event: "order.shipped", data: { order } });
  const dead = async () => (await hub.api("/api/deliveries?status=dead&event=order.shipped")).items.length;
  while ((await dead()) < 7);
  const page = await open();
  await logIn(page);
  await page.getByRole("link", { name: "Deliveries", exact: true }).click();
  await page.getByLabel("Event").fill("order.shipped");
  await page.getByLabel("Status").selectOption("dead");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("link", { name: "Retry dead ones…" }).click();
  await page.locator("#count").getByText("7", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Retry 7" }).click();
  await page.getByText("The dead deliveries are on their way again.").waitFor();
  await page.context().close();
}

async function aContentIsApproved({ hub, open, logIn }) {
  for (const id of ["article-1", "article-2"]) {
    await hub.task(id, { generator: "content-creator", input: { topic: "Lighthouses" }, submit: false });
    const result = { title: `Lighthouses at dusk, ${id}`, summary: "A walk along the coast.", content: "At dusk they begin to turn." };
    assert.equal(await hub.callback(id, { event: "completed", taskId: `job-${id}`, result }, { generator: "content-creator" }), 200);
  }
  const page = await open();
  await logIn(page);
  await page.getByRole("link", { name: "Review", exact: true }).click();
  await page.getByRole("link", { name: "Lighthouses at dusk, article-1" }).click();
  await page.getByLabel("Title").fill("Lighthouses by night");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.getByLabel("Note").fill("Good");
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("Approved: it is in the publish pool.").waitFor();
  await page.getByRole("link", { name: "Pool", exact: true }).click();
  await page.locator("tr", { hasText: "article-1" }).getByText("pending").waitFor();
  await page.context().close();
}

/** Markup, marks that turn the line around, megabytes and bytes: shown, and nothing more. Any dialog is a fault. */
async function hostileBodiesAreShownAndDoNothing({ hub, open, logIn }) {
  const script = '<script>alert(1)</script><img src=x onerror="alert(2)">';
  await hub.task("hostile", { metadata: { script } });
  const bodies = [
    JSON.stringify({ event: "progress", progress: { stage: script, message: `\u202e${script}` }, [script]: script }),
    JSON.stringify({ event: "progress", filler: Array.from({ length: 90_000 }, (_, n) => ({ n, text: script.slice(0, 30) })) }),
    Buffer.from([0xff, 0xfe, 0, 60, 115, 99, 114, 105, 112, 116, 62, 27, 91, 51, 49, 109]),
    JSON.stringify({ event: "failed", error: { message: script, code: script, details: { script } } }),
  ];
  const page = await open();
  await logIn(page);
  const before = new Set((await hub.api("/api/callbacks")).items.map((one) => one.id));
  for (const body of bodies) {
    await hub.callback("hostile", body);
    const found = await hub.until("/api/callbacks", (one) => one.task_id === "hostile" && !before.has(one.id));
    before.add(found.id);
    await page.goto(`${hub.url}/console/callbacks/${found.id}`);
    await page.locator("pre.body").waitFor();
    assert.equal(await page.locator("main script, main img").count(), 0);
  }
  await page.goto(`${hub.url}/console/tasks/hostile`);
  await page.getByText("Callback: failed").waitFor();
  assert.equal(await page.locator("main script, main img").count(), 0);
  await page.context().close();
}

async function everythingWorksWithoutTheScript({ hub, open, logIn }) {
  await hub.task("still");
  const page = await open({ javaScriptEnabled: false });
  await logIn(page);
  await page.goto(`${hub.url}/console/tasks/still`);
  await page.getByText("Cancel…").click();
  await page.getByRole("button", { name: "Cancel the task" }).click();
  await page.getByText("The task is cancelled.").waitFor();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.goto(`${hub.url}/console/tasks/still`);
  assert.match(page.url(), /\/console\/login\?to=/);
  await page.getByLabel("API key").fill("not-the-key");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("This key is not valid.").waitFor();
  await page.getByLabel("API key").fill(hub.key);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "still" }).waitFor();
  await page.context().close();
}

async function theKeyboardReachesWhatTheMouseDoes({ hub, open, logIn }) {
  await hub.task("typed");
  const page = await open();
  await logIn(page);
  await page.goto(`${hub.url}/console/tasks/typed`);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "To the content");
  await page.keyboard.press("Enter");
  for (const name of ["Tasks", "Cancel…"]) {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), name);
  }
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByText("The task is cancelled.").waitFor();
  await page.context().close();
}

export const flows = [
  aTasksBarMovesToCompletedByTheStreamAlone,
  aTimelineGrowsByItself,
  aRefusedCallbackTellsItsCause,
  deadLettersAreRetriedInBulk,
  aContentIsApproved,
  hostileBodiesAreShownAndDoNothing,
  everythingWorksWithoutTheScript,
  theKeyboardReachesWhatTheMouseDoes,
];
