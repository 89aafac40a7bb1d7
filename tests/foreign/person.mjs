// A person without a browser: follows redirects, keeps cookies, and posts the forms of Grantwell's pages as any HTML
// form would be posted.

import assert from "node:assert/strict";

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescape(text) {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal) return String.fromCodePoint(Number(decimal));
    return ENTITIES[name] ?? whole;
  });
}

function attributes(tag) {
  const found = {};
  for (const [, name, value] of tag.matchAll(/([\w-]+)\s*=\s*"([^"]*)"/g)) found[name] = unescape(value);
  return found;
}

/** The form that `wanted` (a field or button name) is in: where it goes and what it holds. */
function formWith(wanted, html, base) {
  for (const [whole, start, inside] of html.matchAll(/(<form\b[^>]*>)(.*?)<\/form>/gs)) {
    if (!whole.includes(`name="${wanted}"`)) continue;
    const fields = new URLSearchParams();
    for (const [tag] of inside.matchAll(/<input\b[^>]*>/g)) {
      const { name, type, value } = attributes(tag);
      if (name && type === "hidden") fields.append(name, value ?? "");
    }
    return { action: new URL(attributes(start).action ?? "", base), fields };
  }
  return assert.fail(`no form with ${wanted} at ${base}: ${html.slice(0, 2000)}`);
}

export class Person {
  #cookies = new Map();
  #issuer;
  #user;

  constructor(dev, user = dev.users[0]) {
    this.#issuer = dev.issuer;
    this.#user = user;
  }

  async #send(url, form) {
    const headers = { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    if (form) Object.assign(headers, { origin: this.#issuer, "sec-fetch-site": "same-origin" });
    const response = await fetch(url, { method: form ? "POST" : "GET", headers, body: form, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...rest] = line.split(";");
      const at = pair.indexOf("=");
      const [name, value] = [pair.slice(0, at).trim(), pair.slice(at + 1)];
      if (value === "" || rest.some((part) => /max-age=0\b/i.test(part))) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }

  /** A cookie of the issuer as this person's browser holds it. */
  cookie(name) {
    return this.#cookies.get(name);
  }

  /** A cookie that somebody else put there. */
  plant(name, value) {
    this.#cookies.set(name, value);
  }

  /** Signs in and decides; the URL at the application that the browser is sent to in the end. */
  async authorize(url, decision = "allow") {
    let response = await this.#send(url);
    for (let step = 0; step < 12; step++) {
      const location = response.headers.get("location");
      if (location) {
        url = new URL(location, url);
        if (url.origin !== new URL(this.#issuer).origin) return url;
        response = await this.#send(url);
        continue;
      }
      const html = await response.text();
      const name = /<main[^>]*\bdata-page="([^"]*)"/.exec(html)?.[1];
      const wanted = { "sign-in": "username", consent: "decision" }[name];
      assert.ok(wanted, `the page ${name} (${response.status}) is a surprise: ${html.slice(0, 2000)}`);
      const { action, fields } = formWith(wanted, html, url);
      if (name === "sign-in") {
        fields.set("username", this.#user.username);
        fields.set("password", this.#user.password);
      } else {
        fields.set("decision", decision);
      }
      url = action;
      response = await this.#send(action, fields);
    }
    return assert.fail("walking in circles");
  }
}
