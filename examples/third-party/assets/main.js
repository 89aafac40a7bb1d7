// Which of the shapes is on screen, and what its buttons do.

import { Backend } from "/assets/backend.js";
import { Machine } from "/assets/machine.js";
import { Spa } from "/assets/spa.js";
import { draw } from "/assets/view.js";

const home = document.querySelector('[data-view="home"]');
const panel = document.querySelector('[data-view="panel"]');
const config = await fetch("/config.json", { cache: "no-store" }).then((response) => response.json());
const clients = { spa: new Spa(config), backend: new Backend(config), machine: new Machine() };

const METHODS = { call: "call", note: "note", refresh: "refresh", spoil: "spoil", "sign-in": "signIn", "sign-out": "signOut", finish: "finish", session: "session" };

function show(shape) {
  home.hidden = true;
  panel.hidden = false;
  draw(panel, shape, clients[shape].view, (action, text) => run(shape, action, text));
}

async function run(shape, action, text) {
  const client = clients[shape];
  try {
    await client[METHODS[action]](...(text === undefined ? [] : [text]));
  } catch (error) {
    client.failed(error);
  }
  // A browser that is on its way to the issuer must not see the old page drawn again.
  if (!(action === "sign-in" || action === "sign-out") || client.view.notice?.kind === "failed") show(shape);
}

for (const shape of ["spa", "backend"]) {
  document.querySelector(`[data-shape="${shape}"]`).addEventListener("click", () => run(shape, "sign-in"));
}
document.querySelector('[data-shape="machine"]').addEventListener("click", () => {
  history.pushState(null, "", "/machine");
  run("machine", "call");
});
addEventListener("popstate", () => location.reload());

switch (location.pathname) {
  case "/callback/spa":
    await run("spa", "finish");
    break;
  case "/callback/backend":
    await run("backend", "finish");
    break;
  case "/spa":
    show("spa");
    break;
  case "/backend":
    await run("backend", "session");
    break;
  case "/machine":
    show("machine");
    break;
}
document.documentElement.dataset.ready = "true";
