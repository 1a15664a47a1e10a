/** The page with a fake camera, against Python on the same frames. */

import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {describe, test} from "node:test";
import {meanDistance} from "../../src/geometry.js";
import {IN_FLOAT32, untilReady, useFloat32, watch} from "./browser.js";
import {ROOT} from "../node_runtime.js";
import {FOLDER} from "../recorded.js";
import {shared} from "./site.js";
import {spy} from "./spy.js";

const [FRAMES, LEAST_TRACKED, MOST_PIXELS, LEAST_DRAWN] = [60, 0.98, 1, 60];
const COLOURS = ["#3ddc84", "#ffc83d", "#ff5a4f"].map((text) =>
  [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16)),
);

/** @typedef {{number: number, seconds: number, faces: any[]}} Shown */

/**
 * @param {Shown[]} shown
 * @param {string} model folder
 * @returns {(number[] | null)[]} what Python finds in the same frames
 */
function inPython(shown, model) {
  const python = process.env.STRRN_PYTHON ?? "python";
  const args = ["-m", "strrn_tf.commands.web.camera", "track", FOLDER, model];
  const input = JSON.stringify(shown.map(({number, seconds}) => [number, seconds]));
  const output = execFileSync(python, args, {cwd: ROOT, input, maxBuffer: 1 << 28});
  return JSON.parse(output.toString());
}

describe("camera", () => {
  const site = shared();

  test("a face is followed under one id, as in Python, and drawn", async () => {
    const page = await site.newPage();
    const faults = watch(page, site.address);
    await page.addInitScript(spy);
    await useFloat32(page);
    await page.goto(site.address);
    await untilReady(page);
    await page.click("#camera");
    await page.waitForFunction((n) => window.answered >= n, FRAMES);
    await page.click("#stop");
    await page.waitForFunction(() => window.answered === window.frames.length);
    /** @type {Shown[]} */
    const frames = /** @type {any} */ (await page.evaluate("window.frames"));
    const shown = frames.filter(({faces}) => faces);
    const first = shown.findIndex(({faces}) => faces.length);
    assert.ok(first >= 0 && first < 5);
    const seen = shown
      .slice(first)
      .filter(({faces}) => faces.length === 1 && faces[0].id === 0 && isSeen(faces[0]));
    assert.ok(seen.length >= LEAST_TRACKED * (shown.length - first), `${seen.length}`);

    const expected = inPython(shown, IN_FLOAT32);
    let largest = 0;
    shown.forEach(({faces}, i) => {
      const landmarks = expected[i];
      if (!faces.length || !isSeen(faces[0]) || !landmarks) return;
      largest = Math.max(largest, meanDistance(faces[0].landmarks, landmarks));
    });
    assert.ok(largest <= MOST_PIXELS, `${largest} pixels from Python's landmarks`);
    console.log(`${seen.length} of ${shown.length} frames, ${largest.toFixed(2)} px`);

    const drawn = await drawnPoints(page, shown[shown.length - 1].faces[0].landmarks);
    assert.ok(drawn >= LEAST_DRAWN, `${drawn} of 68 points are drawn`);
    assert.deepEqual(faults, []);
    await page.close();
  });

  test("a camera starts once, and one that is gone is missed", async () => {
    const page = await site.newPage();
    await page.addInitScript(() => {
      const {mediaDevices} = navigator;
      const ask = mediaDevices.getUserMedia.bind(mediaDevices);
      const kept = /** @type {any} */ (window);
      kept.streams = [];
      mediaDevices.getUserMedia = async (wanted) => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        kept.streams.push(await ask(wanted));
        return kept.streams.at(-1);
      };
    });
    await page.goto(site.address);
    await untilReady(page);
    await page.click("#camera");
    await page.click("#camera");
    await page.waitForSelector("#stop:not([hidden])");
    await page.waitForSelector("#list li");
    assert.equal(await page.evaluate("window.streams.length"), 1);
    await page.evaluate("streams[0].getTracks()[0].dispatchEvent(new Event('ended'))");
    await page.waitForSelector("#message:not([hidden])");
    assert.match(await page.innerText("#message"), /The camera is gone/);
    assert.equal(await page.evaluate("streams[0].getTracks()[0].readyState"), "ended");
    // Files that are opened while the browser asks for the camera come before it.
    await page.click("#camera");
    await page.setInputFiles("#files", `${FOLDER}/picture.png`);
    await page.waitForSelector("#save:not([hidden])");
    await page.waitForFunction(() => {
      const {streams} = /** @type {any} */ (window);
      return streams[1]?.getTracks()[0].readyState === "ended";
    });
    assert.ok(await page.isHidden("#stop"));
    await page.close();
  });

  test("the page works without a network after the first visit", async () => {
    const context = await site.newContext();
    const page = await context.newPage();
    await page.goto(`${site.address}?model=strrn-mdm`);
    await untilReady(page);
    await page.evaluate(async () => {
      const {active} = await navigator.serviceWorker.ready;
      while (active?.state !== "activated") await new Promise((r) => setTimeout(r, 50));
      const chosen = "models/strrn-mdm/tracker.tflite";
      while (!(await caches.match(chosen))) await new Promise((r) => setTimeout(r, 50));
    });
    await context.setOffline(true);
    // The model that was chosen, then that of the page.
    await page.reload();
    await untilReady(page);
    await page.goto(site.address);
    await untilReady(page);
    await page.click("#camera");
    await page.waitForFunction(
      () => document.querySelector("#list li b")?.textContent?.includes("%"),
    );
    await context.close();
  });
});

/**
 * @param {{state: string}} face
 * @returns {boolean}
 */
function isSeen({state}) {
  return state !== "lost";
}

/**
 * @param {import("playwright-core").Page} page
 * @param {number[]} landmarks
 * @returns {Promise<number>} how many of them the canvas shows
 */
async function drawnPoints(page, landmarks) {
  let drawn = 0;
  // The canvas shows later what the worker has drawn.
  for (let i = 0; i < 100 && drawn < LEAST_DRAWN; i++) {
    await page.waitForTimeout(200);
    const colours = await page.evaluate(coloursAt, landmarks);
    drawn = colours.filter((c) => COLOURS.some((known) => isNear(c, known))).length;
  }
  return drawn;
}

/**
 * Runs in the page.
 *
 * @param {number[]} landmarks
 * @returns {number[][]} colours of the picture at the landmarks
 */
function coloursAt(landmarks) {
  const shown = /** @type {HTMLCanvasElement} */ (document.getElementById("canvas"));
  const copy = new OffscreenCanvas(shown.width, shown.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    copy.getContext("2d", {willReadFrequently: true})
  );
  context.drawImage(shown, 0, 0);
  const colours = [];
  for (let i = 0; i < landmarks.length; i += 2) {
    const [x, y] = [landmarks[i], landmarks[i + 1]].map(Math.round);
    colours.push([...context.getImageData(x, y, 1, 1).data.slice(0, 3)]);
  }
  return colours;
}

/**
 * @param {number[]} colour
 * @param {number[]} other
 * @returns {boolean}
 */
function isNear(colour, other) {
  return colour.every((value, i) => Math.abs(value - other[i]) < 40);
}
