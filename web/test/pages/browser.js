/** Chromium with a fake camera, and the site on a server of its own. */

import {spawn} from "node:child_process";
import {existsSync} from "node:fs";
import {basename, join} from "node:path";
import {chromium} from "playwright-core";
import {ROOT} from "../node_runtime.js";
import {FOLDER} from "../recorded.js";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
export const EXECUTABLE = process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path));
// LiteRT writes its log with console.error.
const LITERT = /^(INFO|WARNING): \[|^INFO: Created TensorFlow Lite|WebGPU device/;

const MODEL = "strrn-fast";
/** Folder of the page's model with weights in float32. */
export const IN_FLOAT32 = join(FOLDER, "models", MODEL);

/** @typedef {import("playwright-core").Page} Page */

/**
 * @typedef {object} Site
 * @property {string} address
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string[]} options of the server
 * @returns {Promise<Site>} with the last address that it prints
 */
export async function serve(...options) {
  const script = join(ROOT, "web", "scripts", "serve.mjs");
  const server = spawn(process.execPath, [script, "--port", "0", ...options]);
  const address = await new Promise((resolve) => {
    server.stdout.on("data", (data) => {
      const last = /(\S+:\/\/localhost\S*)\s*$/.exec(String(data));
      if (last) resolve(last[1]);
    });
  });
  const stop = () =>
    /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        server.once("exit", () => resolve());
        server.kill();
      })
    );
  return {address, stop};
}

/**
 * @param {string} [clip] what the fake camera shows; none: there is no camera
 * @param {boolean} isAllowed whether pages may use it
 * @returns {import("playwright-core").LaunchOptions}
 */
export function withCamera(clip, isAllowed = true) {
  const camera = [
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${clip}`,
  ];
  const args = [
    "--no-sandbox",
    ...(clip ? camera : []),
    ...(isAllowed ? ["--use-fake-ui-for-media-stream"] : []),
  ];
  return {executablePath: EXECUTABLE, args};
}

/**
 * @param {{hasCamera?: boolean, isAllowed?: boolean}} options
 * @returns {Promise<import("playwright-core").Browser>}
 */
export function launch({hasCamera = true, isAllowed = true} = {}) {
  const clip = hasCamera ? join(FOLDER, "camera.y4m") : undefined;
  return chromium.launch(withCamera(clip, isAllowed));
}

/**
 * Notes what a page does that it should not: errors, and requests to other places.
 *
 * @param {Page} page
 * @param {string} address
 * @returns {string[]} that grows
 */
export function watch(page, address) {
  /** @type {string[]} */
  const faults = [];
  page.on("console", (message) => {
    const isBad = ["error", "warning"].includes(message.type());
    if (isBad && !LITERT.test(message.text())) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(address) && !/^(blob|data):/.test(url)) faults.push(url);
  });
  return faults;
}

/**
 * @param {Page} page
 * @returns {Promise<void>} when the networks are loaded
 */
export async function untilReady(page) {
  await page.waitForSelector("html[data-ready]");
}

/**
 * Gives the page its model in float32: what 8-bit products round adds up over frames.
 *
 * @param {Page} page
 */
export async function useFloat32(page) {
  await page.route(`**/models/${MODEL}/*`, (route) =>
    route.fulfill({path: join(IN_FLOAT32, basename(route.request().url()))}),
  );
}
