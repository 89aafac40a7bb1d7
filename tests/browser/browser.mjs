// A real browser over a running `grantwell dev`, watched: no request leaves the three origins, no policy is violated,
// no script fails.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { chromium } from "playwright-core";

import { startDev } from "../dev.mjs";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts both for the tests of one file. Its members are there once the first test runs. */
export function world() {
  const world = {};
  before(async () => {
    world.dev = await startDev();
    world.browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });
  });
  after(async () => {
    await world.browser?.close();
    await world.dev?.end();
  });
  return world;
}

/**
 * Runs `walk(page, context)` in a browser profile of its own, and fails when something was seen that must not be.
 * `guests` are further origins the browser may visit: those of an attacker, whose blocked attempts are then no failure.
 */
export async function visit(world, walk, { guests = [], ...options } = {}) {
  const origins = [world.dev.issuer, world.dev.third_party, world.dev.api, ...guests].map((url) => new URL(url).origin);
  const context = await world.browser.newContext(options);
  context.setDefaultTimeout(30_000);
  const seen = [];
  context.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && !origins.includes(origin)) seen.push(`a request to ${request.url()}`);
  });
  context.on("console", (message) => {
    const isPolicy = /Content Security Policy|Refused to/i.test(message.text());
    if (isPolicy && guests.length === 0) seen.push(message.text());
  });
  context.on("weberror", (error) => seen.push(String(error.error())));
  try {
    const page = await context.newPage();
    await walk(page, context);
  } finally {
    await context.close();
  }
  assert.deepEqual(seen, []);
}

/** Does what leads to another page, and waits for that page. */
export async function leaving(page, act) {
  await Promise.all([page.waitForNavigation({ waitUntil: "load" }), act()]);
}

/** The marker of the page of Grantwell that is shown. */
export async function pageName(page) {
  return page.locator("main[data-page]").getAttribute("data-page");
}

/** Walks Grantwell's pages until the browser is elsewhere; the names of the pages that were shown. */
export async function throughGrantwell(page, world, { user = world.dev.users[0], decision = "allow" } = {}) {
  const shown = [];
  while (page.url().startsWith(world.dev.issuer)) {
    const name = await pageName(page);
    shown.push(name);
    assert.ok(shown.length < 6, `walking in circles: ${shown.join(", ")}`);
    if (name === "sign-in") {
      await page.locator('input[name="username"]').fill(user.username);
      await page.locator('input[name="password"]').fill(user.password);
      await leaving(page, () => page.locator('main form button:not([name])').first().click());
    } else if (name === "consent") {
      await leaving(page, () => page.locator(`button[name="decision"][value="${decision}"]`).click());
    } else if (name === "select-account") {
      await leaving(page, () => page.locator('button[name="account"]').first().click());
    } else if (name === "logout") {
      await leaving(page, () => page.locator('button[name="decision"][value="sign-out"]').click());
    } else {
      assert.fail(`the page ${name} is a surprise at ${page.url()}: ${await page.locator("main").innerText()}`);
    }
  }
  return shown;
}

/** The third party's start page, with its script running where there is one. */
export async function openThirdParty(page, world, { script = true } = {}) {
  await page.goto(world.dev.third_party);
  if (script) await page.locator("html[data-ready]").waitFor({ state: "attached" });
}

/** Presses the button of a shape and walks to where the third party shows its panel. */
export async function connect(page, world, shape, options = {}) {
  await openThirdParty(page, world, options);
  await leaving(page, () => page.locator(`[data-shape="${shape}"]`).click());
  // The page may first have to fetch the issuer's metadata before it leaves.
  await page.waitForURL((url) => url.pathname !== "/");
  const shown = await throughGrantwell(page, world, options);
  await page.locator(`[data-panel="${shape}"] [data-result="notice"]`).waitFor();
  return shown;
}

/** Presses a button of the panel and waits for the notice that must follow. */
export async function act(page, action, notice) {
  await page.locator(`[data-action="${action}"]`).click();
  await expectNotice(page, notice);
}

/** The kind of notice the panel shows, within the time limit. */
export async function expectNotice(page, notice) {
  const locator = page.locator(`[data-result="notice"][data-notice="${notice}"]`);
  await locator.waitFor().catch(async () => {
    const shown = page.locator('[data-result="notice"]');
    const kind = await shown.getAttribute("data-notice").catch(() => "nothing");
    assert.fail(`expected the notice ${notice}, got ${kind}: ${await shown.innerText().catch(() => page.url())}`);
  });
}

/** What a result holds. */
export async function result(page, name) {
  return JSON.parse(await page.locator(`[data-result="${name}"]`).innerText());
}

/** The requests the panel lists, as `METHOD /path status`. */
export async function log(page) {
  return page.locator("[data-log]").evaluateAll((lines) => lines.map((line) => `${line.dataset.log} ${line.dataset.status}`));
}
