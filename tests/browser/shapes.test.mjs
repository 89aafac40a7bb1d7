// The four clients, each from the button to the API's answer and back out again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { act, connect, expectNotice, leaving, log, openThirdParty, pageName, result, throughGrantwell, visit, world as start } from "./browser.mjs";

const world = start();
const CLIENTS = { spa: "fieldnotes-spa", backend: "fieldnotes-backend", web: "fieldnotes-web" };

/** What every shape with a person must show. */
async function checkConnected(page, shape) {
  await expectNotice(page, "signed-in");
  const { resource } = await (await page.request.get(`${world.dev.third_party}/config.json`)).json();
  const idToken = await result(page, "id-token");
  assert.equal(idToken.iss, world.dev.issuer);
  assert.deepEqual([idToken.aud].flat(), [CLIENTS[shape]]);
  assert.ok(idToken.sub && idToken.nonce && idToken.exp > idToken.iat);
  const accessToken = await result(page, "access-token");
  assert.equal(accessToken.aud, resource);
  assert.equal(accessToken.client_id, CLIENTS[shape]);
  assert.equal(accessToken.sub, idToken.sub);
  const me = await result(page, "api");
  assert.equal(me.status, 200);
  assert.equal(me.body.sub, idToken.sub);
  const lines = await log(page);
  for (const line of ["/authorize", "POST /token 200", "GET /jwks 200", "GET /api/me 200", "GET /api/notes 200"]) {
    assert.ok(lines.some((made) => made.includes(line)), `${line} in ${lines.join(", ")}`);
  }
}

/** Everything a connected person can do. */
async function useConnection(page, shape) {
  const text = `A note through ${shape}`;
  await page.locator('input[name="text"]').fill(text);
  await act(page, "note", "written");
  assert.ok(JSON.stringify(await result(page, "notes")).includes(text));
  const before = await result(page, "access-token");
  await act(page, "refresh", "refreshed");
  assert.notEqual((await result(page, "access-token")).jti, before.jti);
  await act(page, "call", "called");
  await act(page, "spoil", "expired");
  assert.equal((await result(page, "api")).status, 401);
  assert.ok(await page.locator('[data-action="sign-in"]').isVisible(), "a way back is offered");
  await act(page, "refresh", "refreshed");
  await act(page, "call", "called");
}

async function signOut(page, shape) {
  await leaving(page, () => page.locator('[data-action="sign-out"]').click());
  await page.waitForURL((url) => url.pathname !== `/${shape}`);
  await throughGrantwell(page, world);
  assert.equal(page.url(), `${world.dev.third_party}/signed-out`);
  await openThirdParty(page, world);
  await leaving(page, () => page.locator(`[data-shape="${shape}"]`).click());
  await page.waitForURL((url) => url.href.startsWith(world.dev.issuer));
  assert.notEqual(await pageName(page), "consent", "the session at Grantwell has ended too");
}

test("shape 1: the page redeems its own code, and no token outlives it", async () => {
  await visit(world, async (page, context) => {
    const shown = await connect(page, world, "spa");
    assert.deepEqual(shown, ["sign-in", "consent"]);
    await checkConnected(page, "spa");
    assert.equal(new URL(page.url()).search, "", "the code is gone from the address bar");
    await useConnection(page, "spa");
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie);
    assert.doesNotMatch(kept, /gwr_|gwa_|eyJ/);
    const cookies = await context.cookies(world.dev.third_party);
    assert.doesNotMatch(JSON.stringify(cookies), /gwr_|gwa_|eyJ/);
    await page.reload();
    await page.locator('[data-panel="spa"] [data-action="sign-in"]').waitFor();
    assert.equal(await page.locator('[data-action="call"]').count(), 0);
  });
});

test("shape 2: the back end redeems the code, and the page never sees a token", async () => {
  await visit(world, async (page, context) => {
    const bodies = [];
    page.on("response", (response) => {
      if (new URL(response.url()).pathname.startsWith("/backend/")) bodies.push(response.text().catch(() => ""));
    });
    await connect(page, world, "backend");
    await checkConnected(page, "backend");
    await useConnection(page, "backend");
    const text = (await Promise.all(bodies)).join("\n");
    assert.ok(text.includes("fieldnotes-backend"), "something was answered");
    assert.doesNotMatch(text, /gwr_[\w-]{12}|gwa_[\w-]{12}|eyJ[\w-]{12}/);
    const session = (await context.cookies(world.dev.third_party)).find(({ name }) => name.endsWith("fieldnotes_backend"));
    assert.deepEqual([session.httpOnly, session.sameSite], [true, "Strict"]);
    await page.reload();
    await expectNotice(page, "called");
  });
});

test("shape 3: a server-side application with its secret in the body", async () => {
  await visit(world, async (page, context) => {
    await connect(page, world, "web");
    await checkConnected(page, "web");
    await useConnection(page, "web");
    const session = (await context.cookies(world.dev.third_party)).find(({ name }) => name.endsWith("fieldnotes_web"));
    assert.deepEqual([session.httpOnly, session.sameSite], [true, "Lax"]);
  });
});

test("shape 4: a machine in its own name", async () => {
  await visit(world, async (page) => {
    await openThirdParty(page, world);
    await page.locator('[data-shape="machine"]').click();
    await expectNotice(page, "called");
    const accessToken = await result(page, "access-token");
    assert.equal(accessToken.client_id, "fieldnotes-machine");
    assert.equal(accessToken.sub, "fieldnotes-machine");
    assert.equal(await page.locator('[data-result="id-token"]').count(), 0);
    assert.ok((await log(page)).includes("POST /token 200"));
    await page.locator('input[name="text"]').fill("A note of the machine");
    await act(page, "note", "written");
    await act(page, "spoil", "expired");
    await act(page, "call", "called");
  });
});

for (const shape of Object.keys(CLIENTS)) {
  test(`${shape}: a person who says no sees that nothing was shared`, async () => {
    await visit(world, async (page) => {
      // The other tests of this file may have been agreed to: a person of their own.
      await connect(page, world, shape, { user: world.dev.users.at(-1), decision: "deny" });
      await expectNotice(page, "denied");
      assert.match(await page.locator('[data-result="notice"]').innerText(), /Nothing was shared/);
      assert.ok(!(await log(page)).some((line) => line.startsWith("POST /token")));
      assert.ok(await page.locator('[data-action="sign-in"]').isVisible());
    });
  });

  test(`${shape}: signing out ends the session on both sides`, async () => {
    await visit(world, async (page) => {
      await connect(page, world, shape);
      await expectNotice(page, "signed-in");
      await signOut(page, shape);
    });
  });
}

test("an answer with another state is not redeemed", async () => {
  await visit(world, async (page) => {
    for (const shape of ["spa", "backend"]) {
      await page.goto(`${world.dev.third_party}/callback/${shape}?code=x&state=y&iss=${encodeURIComponent(world.dev.issuer)}`);
      await expectNotice(page, "failed");
      assert.ok(!(await log(page)).some((line) => line.includes("/token")));
    }
    await page.goto(`${world.dev.third_party}/web/callback?code=x&state=y&iss=${encodeURIComponent(world.dev.issuer)}`);
    await expectNotice(page, "failed");
  });
});
