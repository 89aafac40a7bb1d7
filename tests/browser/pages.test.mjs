// Every page once, in light and dark, wide and at 320 px: a picture of each in `test-output/`, and nothing that has to be
// scrolled sideways.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { act, connect, leaving, openThirdParty, pageName, throughGrantwell, visit, world as start } from "./browser.mjs";

const world = start();
const OUTPUT = fileURLToPath(new URL("../../test-output/", import.meta.url));

async function shoot(page, name) {
  await mkdir(OUTPUT, { recursive: true });
  const before = page.viewportSize();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const width of [1100, 320]) {
      await page.setViewportSize({ width, height: 800 });
      await page.screenshot({ path: `${OUTPUT}${name}-${colorScheme}-${width}.png`, fullPage: true });
      const needed = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(needed <= width, `${name} is ${needed} px wide at ${width} px`);
      await checkTargets(page, name);
    }
  }
  await page.setViewportSize(before);
}

/** Buttons and fields are at least 44 px high; each field has a label, each page one title. */
async function checkTargets(page, name) {
  const found = await page.evaluate(() => {
    const shown = (node) => node.getClientRects().length > 0;
    const controls = [...document.querySelectorAll("main button, main input:not([type=hidden])")].filter(shown);
    return {
      low: controls.filter((node) => node.getBoundingClientRect().height < 43.5).map((node) => node.outerHTML.slice(0, 120)),
      nameless: controls.filter((node) => node.matches("input") && node.labels.length === 0).map((node) => node.name),
      titles: [...document.querySelectorAll("h1")].filter(shown).length,
      language: document.documentElement.lang,
    };
  });
  assert.deepEqual(found.low, [], `${name}: targets under 44 px`);
  assert.deepEqual(found.nameless, [], `${name}: fields without a label`);
  assert.equal(found.titles, 1, `${name}: one h1`);
  assert.ok(found.language, `${name}: a language`);
}

function authorize(change = {}) {
  const url = new URL(`${world.dev.issuer}/authorize`);
  const parameters = {
    response_type: "code",
    client_id: "fieldnotes-spa",
    redirect_uri: `${world.dev.third_party}/callback/spa`,
    scope: "openid profile",
    state: "s",
    nonce: "n",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    ...change,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** Opens `url`, checks which page it is, and takes its pictures. */
async function shootPage(page, url, name) {
  await page.goto(url);
  assert.equal(await pageName(page), name);
  await shoot(page, name);
}

test("the pages of Grantwell", async () => {
  await visit(world, async (page) => {
    await shootPage(page, authorize(), "sign-in");
    await shootPage(page, authorize({ redirect_uri: `${world.dev.third_party}/callback/spa/` }), "error");
    assert.equal(await page.locator("main").getAttribute("data-error").then(Boolean), true);
    await leaving(page, () => page.locator("main a").first().click());
    assert.equal(new URL(page.url()).origin, world.dev.third_party, "the page of a mistake leads back to the application");

    await openThirdParty(page, world);
    await leaving(page, () => page.locator('[data-shape="web"]').click());
    const user = world.dev.users[0];
    await page.locator('input[name="username"]').fill(user.username);
    await page.locator('input[name="password"]').fill(user.password);
    await leaving(page, () => page.locator("main form button:not([name])").first().click());
    assert.equal(await pageName(page), "consent");
    await shoot(page, "consent");
    await throughGrantwell(page, world);

    await shootPage(page, authorize({ prompt: "select_account" }), "select-account");
    await shootPage(page, `${world.dev.issuer}/account`, "account");
    const metadata = await (await page.request.get(`${world.dev.issuer}/.well-known/openid-configuration`)).json();
    await shootPage(page, metadata.end_session_endpoint, "logout");
    await leaving(page, () => page.locator('button[name="decision"][value="sign-out"]').click());
    assert.equal(await pageName(page), "signed-out");
    await shoot(page, "signed-out");
  });
});

test("the pages of the third party", async () => {
  await visit(world, async (page) => {
    await openThirdParty(page, world);
    await shoot(page, "fieldnotes-home");
    for (const shape of ["spa", "backend", "web"]) {
      await connect(page, world, shape);
      await shoot(page, `fieldnotes-${shape}`);
    }
    await act(page, "spoil", "expired");
    await shoot(page, "fieldnotes-expired");
    await page.goto(`${world.dev.third_party}/signed-out`);
    await shoot(page, "fieldnotes-signed-out");
    await openThirdParty(page, world);
    await page.locator('[data-shape="machine"]').click();
    await page.locator('[data-panel="machine"]').waitFor();
    await shoot(page, "fieldnotes-machine");
  });
});
