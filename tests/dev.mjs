// A running `grantwell dev` on free ports, with data of its own: started here, ended by its process id.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAM = process.env.GRANTWELL ?? fileURLToPath(new URL("../target/debug/grantwell", import.meta.url));
const START_LIMIT = 60_000;
const STOP_LIMIT = 10_000;

/** What `dev --json` printed, and `end()`. */
export async function startDev() {
  const data = await mkdtemp(join(tmpdir(), "grantwell-test-"));
  const child = spawn(PROGRAM, ["dev", "--json", "--data", data, "--port", "0"], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  let log = "";
  child.stderr.on("data", (chunk) => (log = (log + chunk).slice(-20_000)));
  const end = async () => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT);
    child.kill("SIGTERM");
    await ended;
    clearTimeout(timer);
    await rm(data, { recursive: true, force: true });
  };
  try {
    const printed = await firstObject(child, ended);
    return { ...printed, log: () => log, end };
  } catch (error) {
    await end();
    throw new Error(`grantwell dev did not start: ${error.message}\n${log}`);
  }
}

function firstObject(child, ended) {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error(`nothing printed in ${START_LIMIT} ms`)), START_LIMIT);
    const settle = (how, value) => {
      clearTimeout(timer);
      how(value);
    };
    child.once("error", (error) => settle(reject, error));
    ended.then((code) => settle(reject, new Error(`it ended with ${code}`)));
    child.stdout.on("data", (chunk) => {
      text += chunk;
      try {
        settle(resolve, JSON.parse(text));
      } catch {
        // Not whole yet.
      }
    });
  });
}
