#!/usr/bin/env node
// The console in a real browser: Debian's Chromium, driven by Playwright, against the hub of CALLBACK_HUB_URL.
//
//     tests/hub.py sqlite --settings tests/console/run.mjs -- tests/console/run.mjs
//
// SCREENSHOTS names a folder for a picture of each page, in light, dark and phone width; CHROMIUM another browser.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { Hub, listen } from "./hub.mjs";
import { flows } from "./flows.mjs";

const SETTINGS = { TASK_AUTO_APPROVE: "false", DELIVERY_ALLOWED_NETWORKS: "private" };
if (process.argv[2] === "--settings") {
  console.log(JSON.stringify(SETTINGS));
  process.exit(0);
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LOOKS = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 } },
};
const executablePath = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));
assert(executablePath, "chromium is missing: install it with apt-get, or set CHROMIUM");

const faults = [];

/** A page whose every complaint is a fault of the console. */
async function open(browser, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on("dialog", (dialog) => (faults.push(`${page.url()} opens a dialog: ${dialog.message()}`), dialog.dismiss()));
  page.on("console", (said) => {
    const isRefusal = /status of 4\d\d/.test(said.text());
    if (said.type() === "error" && !isRefusal) faults.push(`${page.url()}: ${said.text()}`);
  });
  return page;
}

async function logIn(page, hub) {
  await page.goto(`${hub.url}/console`);
  assert.match(page.url(), /\/console\/login$/);
  await page.getByLabel("API key").fill(hub.key);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
}

/** Each page, in each look: nothing that axe calls serious, nothing wider than the window. */
async function look(browser, hub, paths) {
  let seen = 0;
  for (const [name, options] of Object.entries(LOOKS)) {
    const page = await open(browser, options);
    await page.goto(`${hub.url}/console/login`);
    await inspect(page, `${name} login`);
    await logIn(page, hub);
    for (const [title, path] of Object.entries(paths)) {
      const answer = await page.goto(`${hub.url}/console${path}`);
      assert.equal(answer.status(), title === "nothing" ? 404 : 200, path);
      await inspect(page, `${name} ${title}`);
      seen += 1;
    }
    await page.context().close();
  }
  return seen;
}

async function inspect(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (folder) await page.screenshot({ path: `${folder}/${name.replace(" ", "-")}.png`, fullPage: true });
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run());
  for (const { id, impact, nodes } of violations.filter((one) => ["serious", "critical"].includes(one.impact))) {
    faults.push(`${name}: ${impact} ${id}: ${nodes.map((node) => node.html).join(" | ")}`);
  }
  const isWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  if (isWide) faults.push(`${name}: is wider than its window`);
}

const hub = new Hub();
const subscriber = await listen(404);
const browser = await chromium.launch({ executablePath, args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
try {
  const means = { browser, hub, subscriber, open: (options) => open(browser, options), logIn: (page) => logIn(page, hub) };
  for (const flow of flows) {
    const begun = Date.now();
    await flow(means);
    console.log(`console: ${flow.name.replace(/([A-Z])/g, " $1").toLowerCase()} (${Date.now() - begun} ms)`);
  }
  const pages = await look(browser, hub, await hub.paths());
  assert.deepEqual(faults, []);
  console.log(`console: ${flows.length} flows and ${pages} pages were right on ${process.env.HUB_DATABASE}`);
} finally {
  await browser.close();
  subscriber.close();
}
