// Sign-in and consent with nothing but the keyboard; the focus can always be seen.

import assert from "node:assert/strict";
import { test } from "node:test";

import { expectNotice, openThirdParty, pageName, visit, world as start } from "./browser.mjs";

const world = start();

/** Presses Tab until what `matches` says has the focus. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 25; presses++) {
    const there = await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector);
    if (there) {
      const outline = await page.evaluate(() => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
        return { outlineStyle, outlineWidth, boxShadow };
      });
      const visible = (outline.outlineStyle !== "none" && outline.outlineWidth !== "0px") || outline.boxShadow !== "none";
      assert.ok(visible, `the focus on ${selector} can be seen: ${JSON.stringify(outline)}`);
      return;
    }
    await page.keyboard.press("Tab");
  }
  assert.fail(`${selector} cannot be reached with Tab on ${page.url()}`);
}

/** Presses Enter and waits for the next page. */
async function enter(page) {
  await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.keyboard.press("Enter")]);
}

for (const decision of ["deny", "allow"]) {
  test(`signing in and choosing ${decision} with the keyboard alone`, async () => {
    await visit(world, async (page) => {
      const user = world.dev.users[0];
      await openThirdParty(page, world);
      await tabTo(page, '[data-shape="web"]');
      await enter(page);
      assert.equal(await pageName(page), "sign-in");
      await tabTo(page, 'input[name="username"]');
      await page.keyboard.type(user.username);
      await tabTo(page, 'input[name="password"]');
      await page.keyboard.type(user.password);
      await enter(page);
      assert.equal(await pageName(page), "consent");
      await tabTo(page, `button[name="decision"][value="${decision}"]`);
      await enter(page);
      await expectNotice(page, decision === "allow" ? "signed-in" : "denied");
    });
  });
}
