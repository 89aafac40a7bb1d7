// Attacks that need a real browser: another site frames, posts, reads and signs out; markup in what strangers send; a
// sign-in page carried to another browser.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { connect, expectNotice, leaving, openThirdParty, pageName, result, throughGrantwell, visit, world as start } from "./browser.mjs";

const world = start();

/** Another site: `127.0.0.1` against the issuer's `localhost`. It serves whatever a test puts there. */
const attacker = { pages: new Map() };
before(async () => {
  attacker.server = createServer((request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(attacker.pages.get(request.url) ?? "<!doctype html><main data-page='attacker'>here</main>");
  });
  await new Promise((resolve) => attacker.server.listen(0, "127.0.0.1", resolve));
  attacker.origin = `http://127.0.0.1:${attacker.server.address().port}`;
});
after(() => attacker.server.close());

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

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

/** The form of the page: where it goes and its hidden fields. */
function formOf(page, button) {
  return page.locator(`main form:has(${button})`).first().evaluate((form) => ({
    action: form.action,
    fields: Object.fromEntries([...form.querySelectorAll("input[type=hidden]")].map(({ name, value }) => [name, value])),
  }));
}

async function isSignedIn(context) {
  const page = await context.newPage();
  await page.goto(`${world.dev.issuer}/account`);
  const name = await pageName(page);
  await page.close();
  return name === "account";
}

async function endSessionEndpoint(page) {
  const answer = await page.request.get(`${world.dev.issuer}/.well-known/openid-configuration`);
  return (await answer.json()).end_session_endpoint;
}

const PAYLOADS = [
  '"><svg onload=alert(1)>',
  "'-alert(1)-'",
  "</script><script>alert(1)</script>",
  "{{7*7}}${7*7}",
  '" autofocus onfocus=alert(1) x="',
  "javascript:alert(1)",
  "\u2028alert(1)//\u202e",
];

test("[J-01] markup in what strangers send stays text, even without a policy", async () => {
  await visit(
    world,
    async (page) => {
      const dialogs = [];
      page.on("dialog", (dialog) => {
        dialogs.push(page.url());
        return dialog.dismiss();
      });
      for (const payload of PAYLOADS) {
        for (const name of ["login_hint", "state", "ui_locales", "client_id", "redirect_uri", "scope", "display", "acr_values", "error_description"]) {
          await page.goto(authorize({ [name]: payload }));
          const injected = page.locator("svg[onload], [onfocus], main script:not([src]), a[href^='javascript:']");
          assert.equal(await injected.count(), 0, `${name}=${payload}`);
          assert.ok(!(await page.locator("body").innerText()).includes("4949"), `${name}=${payload}`);
        }
        await page.goto(authorize());
        await page.locator('input[name="username"]').fill(payload);
        await page.locator('input[name="password"]').fill("x");
        await leaving(page, () => page.locator("main form button:not([name])").first().click());
        assert.equal(await page.locator("svg[onload], [onfocus], main script:not([src])").count(), 0, `username=${payload}`);
      }
      assert.deepEqual(dialogs, []);
    },
    { bypassCSP: true },
  );
});

test("[A-21] a sign-in page carried to another browser gives no code there", async () => {
  await visit(world, async (page, context) => {
    await page.goto(authorize());
    const { action, fields } = await formOf(page, 'input[name="username"]');
    const other = await world.browser.newContext();
    try {
      const user = world.dev.users[0];
      const answer = await other.request.post(action, {
        form: { ...fields, username: user.username, password: user.password },
        headers: { origin: world.dev.issuer, "sec-fetch-site": "same-origin" },
        maxRedirects: 0,
      });
      assert.ok([400, 403].includes(answer.status()), `${answer.status()}`);
      assert.match(await answer.text(), /data-page="error"/);
      assert.equal(await isSignedIn(other), false);
    } finally {
      await other.close();
    }
    assert.equal(await isSignedIn(context), false, "nor is the one who started it");
  });
});

test("[A-22] what is added to the consent form changes nothing", async () => {
  await visit(world, async (page) => {
    await openThirdParty(page, world);
    await leaving(page, () => page.locator('[data-shape="web"]').click());
    const user = world.dev.users[0];
    await page.locator('input[name="username"]').fill(user.username);
    await page.locator('input[name="password"]').fill(user.password);
    await leaving(page, () => page.locator("main form button:not([name])").first().click());
    assert.equal(await pageName(page), "consent");
    await page.locator('main form:has(button[name="decision"])').evaluate((form, evil) => {
      const added = { scope: "openid admin", redirect_uri: evil, client_id: "fieldnotes-spa", code_challenge: "x", response_type: "token" };
      for (const [name, value] of Object.entries(added)) {
        const input = document.createElement("input");
        Object.assign(input, { type: "hidden", name, value });
        form.append(input);
      }
    }, attacker.origin);
    await leaving(page, () => page.locator('button[name="decision"][value="allow"]').click());
    if (page.url().startsWith(world.dev.issuer)) {
      assert.equal(await pageName(page), "error");
    } else {
      await expectNotice(page, "signed-in");
      const token = await result(page, "access-token");
      assert.equal(token.client_id, "fieldnotes-web");
      assert.ok(!token.scope.includes("admin") && token.scope.includes("notes:write"), token.scope);
    }
  });
});

test("[L-01] another site cannot sign a person in as somebody else", async () => {
  await visit(
    world,
    async (page, context) => {
      const own = await world.browser.newContext();
      const ownPage = await own.newPage();
      await ownPage.goto(authorize());
      const { action, fields } = await formOf(ownPage, 'input[name="username"]');
      await own.close();
      const user = world.dev.users.at(-1);
      const inputs = Object.entries({ ...fields, username: user.username, password: user.password });
      const html = inputs.map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`);
      attacker.pages.set("/sign-in", `<!doctype html><form method="post" action="${escape(action)}">${html.join("")}<button>go</button></form>`);
      // With a pending request of the person's own in the same browser, so that only the check of the sender is left.
      await page.goto(authorize());
      await page.goto(`${attacker.origin}/sign-in`);
      const answers = [];
      page.on("response", (response) => answers.push(response));
      await leaving(page, () => page.locator("button").click());
      const answer = answers.find((response) => response.request().method() === "POST");
      assert.equal(answer.status(), 403);
      assert.equal(await isSignedIn(context), false);
    },
    { guests: [attacker.origin] },
  );
});

test("[L-06] no page can be framed by another site", async () => {
  await visit(
    world,
    async (page, context) => {
      await connect(page, world, "web");
      const targets = [
        authorize(),
        authorize({ prompt: "consent" }),
        authorize({ prompt: "login" }),
        authorize({ redirect_uri: "https://evil.example/" }),
        `${world.dev.issuer}/account`,
        await endSessionEndpoint(page),
        `${world.dev.issuer}/no-such-page`,
      ];
      const frames = [`${attacker.origin}/control`, ...targets].map((url) => `<iframe src="${escape(url)}"></iframe>`);
      attacker.pages.set("/frames", `<!doctype html>${frames.join("")}`);
      await page.goto(`${attacker.origin}/frames`);
      const shown = [];
      for (const frame of page.frames().slice(1)) {
        if ((await frame.locator("main").count()) > 0) shown.push(frame.url());
      }
      assert.deepEqual(shown, [`${attacker.origin}/control`]);
      assert.ok(await isSignedIn(context));
    },
    { guests: [attacker.origin] },
  );
});

test("[O-01] another site cannot sign a person out", async () => {
  await visit(
    world,
    async (page, context) => {
      await connect(page, world, "web");
      const endpoint = await endSessionEndpoint(page);
      attacker.pages.set("/out", `<!doctype html><img src="${endpoint}"><form method="post" action="${endpoint}"><button>go</button></form>`);
      await page.goto(`${attacker.origin}/out`);
      assert.ok(await isSignedIn(context), "an image");
      await leaving(page, () => page.locator("button").click());
      assert.ok(await isSignedIn(context), "a form");
      await page.goto(endpoint);
      assert.equal(await pageName(page), "logout");
      assert.ok(await isSignedIn(context), "a link: a question, not an answer");
    },
    { guests: [attacker.origin] },
  );
});

test("[H-08] scripts of another origin read nothing that is a person's", async () => {
  await visit(
    world,
    async (page) => {
      await connect(page, world, "web");
      await throughGrantwell(page, world);
      await page.goto(attacker.origin);
      const read = (url, options) =>
        page.evaluate(([url, options]) => fetch(url, options).then((answer) => answer.status, () => "refused"), [url, options]);
      const { issuer } = world.dev;
      for (const path of ["/account", "/sign-in", "/consent", "/introspect", "/end_session"]) {
        for (const credentials of ["include", "omit"]) assert.equal(await read(`${issuer}${path}`, { credentials }), "refused", path);
      }
      assert.equal(await read(authorize({ prompt: "none" }), { credentials: "include" }), "refused");
      for (const path of ["/.well-known/openid-configuration", "/jwks"]) {
        assert.equal(await read(`${issuer}${path}`, { credentials: "omit" }), 200, `${path} is everybody's`);
        assert.equal(await read(`${issuer}${path}`, { credentials: "include" }), "refused", `${path}, but never with cookies`);
      }
      assert.equal(await read(`${issuer}/token`, { method: "POST", credentials: "include" }), "refused");
    },
    { guests: [attacker.origin] },
  );
});
