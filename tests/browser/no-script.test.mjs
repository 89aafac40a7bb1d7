// Grantwell's own pages with JavaScript off, walked by the shape that needs none either.

import assert from "node:assert/strict";
import { test } from "node:test";

import { act, connect, expectNotice, leaving, pageName, throughGrantwell, visit, world as start } from "./browser.mjs";

const world = start();
const options = { javaScriptEnabled: false };

test("sign-in, consent, a refresh, the account page and sign-out work without a script", async () => {
  await visit(
    world,
    async (page) => {
      const shown = await connect(page, world, "web", { script: false });
      assert.deepEqual(shown, ["sign-in", "consent"]);
      await expectNotice(page, "signed-in");
      await page.locator('input[name="text"]').fill("Without a script");
      await act(page, "note", "written");
      await act(page, "refresh", "refreshed");
      await page.goto(`${world.dev.issuer}/account`);
      assert.equal(await pageName(page), "account");
      assert.ok((await page.locator('section[aria-labelledby="applications"] li').count()) >= 1);
      await page.goto(`${world.dev.third_party}/web`);
      await leaving(page, () => page.locator('[data-action="sign-out"]').click());
      await throughGrantwell(page, world);
      assert.equal(page.url(), `${world.dev.third_party}/signed-out`);
    },
    options,
  );
});

test("a wrong password is said so, and the name is kept", async () => {
  await visit(
    world,
    async (page) => {
      await page.goto(world.dev.third_party);
      await leaving(page, () => page.locator('[data-shape="web"]').click());
      const user = world.dev.users[0];
      await page.locator('input[name="username"]').fill(user.username);
      await page.locator('input[name="password"]').fill("not the password");
      await leaving(page, () => page.locator("main form button:not([name])").first().click());
      assert.equal(await pageName(page), "sign-in");
      assert.ok(await page.locator('[role="alert"]').isVisible());
      assert.equal(await page.locator('input[name="username"]').inputValue(), user.username);
      assert.equal(await page.locator('input[name="password"]').inputValue(), "");
    },
    options,
  );
});
