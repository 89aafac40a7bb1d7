// The account page: what is disconnected there is refused from then on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { act, connect, leaving, pageName, result, throughGrantwell, visit, world as start } from "./browser.mjs";

const world = start();

async function disconnectAll(account) {
  const buttons = account.locator('section[aria-labelledby="applications"] form button');
  const count = await buttons.count();
  assert.ok(count > 0, "the application is listed");
  for (let left = count; left > 0; left--) {
    await leaving(account, () => buttons.first().click());
    assert.equal(await pageName(account), "account");
    assert.equal(await buttons.count(), left - 1);
  }
}

for (const shape of ["spa", "backend", "web"]) {
  test(`[N-05] ${shape}: a disconnected application gets nothing more`, async () => {
    await visit(world, async (page, context) => {
      await connect(page, world, shape);
      const account = await context.newPage();
      await account.goto(`${world.dev.issuer}/account`);
      assert.equal(await pageName(account), "account");
      await disconnectAll(account);
      await page.locator('input[name="text"]').fill("Too late");
      await act(page, "note", "expired");
      assert.ok(!JSON.stringify(await result(page, "notes")).includes("Too late"));
      await act(page, "refresh", "disconnected");
      await page.locator('[data-action="sign-in"]').click();
      await page.waitForURL((url) => url.href.startsWith(world.dev.issuer));
      assert.equal(await pageName(page), "consent", "still signed in, but asked again");
      await throughGrantwell(page, world);
    });
  });
}

test("the account page shows the session, and ends it", async () => {
  await visit(world, async (page, context) => {
    await connect(page, world, "web");
    const account = await context.newPage();
    await account.goto(`${world.dev.issuer}/account`);
    const sessions = account.locator('section[aria-labelledby="sessions"] li');
    assert.ok((await sessions.count()) >= 1);
    await leaving(account, () => account.locator("main .who form button").click());
    assert.ok(["signed-out", "sign-in", "logout"].includes(await pageName(account)));
    if ((await pageName(account)) === "logout") {
      await leaving(account, () => account.locator('button[value="sign-out"]').click());
    }
    await account.goto(`${world.dev.issuer}/account`);
    assert.equal(await pageName(account), "sign-in");
  });
});
