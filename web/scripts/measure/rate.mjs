/** Frames per second of the page, and of MediaPipe's face mesh in the same browser. */

import {readFile} from "node:fs/promises";
import {createServer} from "node:http";
import {basename, join} from "node:path";
import {chromium} from "playwright-core";
import {serve, untilReady, withCamera} from "../../test/pages/browser.js";
import {onCore, quantile} from "./browser.mjs";

/**
 * @typedef {object} Settings
 * @property {string} clip
 * @property {string} [core]
 * @property {number} seconds
 * @property {number} wanted frames per second of the camera
 */

// Code is compiled, and the face found, in the first seconds.
const WARM_UP = 5;

/**
 * @param {Settings} settings
 * @param {string} model
 */
export async function pageRate(settings, model) {
  const site = await serve();
  await measure(settings, model, async (page) => {
    await page.addInitScript(noteAnswers);
    await page.goto(`${site.address}?model=${model}`);
    await untilReady(page);
    await page.click("#camera");
  });
  await site.stop();
}

/**
 * @param {Settings} settings
 * @param {string} folder of the package
 */
export async function faceMeshRate(settings, folder) {
  const server = createServer(async ({url = "/"}, response) => {
    const name = basename(new URL(url, "http://host").pathname);
    try {
      const body = name ? await readFile(join(folder, name)) : PAGE;
      const type = name ? (TYPES[name.replace(/.*\./, "")] ?? "") : "text/html";
      response.writeHead(200, {"Content-Type": type}).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "localhost", () => resolve(null)));
  const {port} = /** @type {import("node:net").AddressInfo} */ (server.address());
  for (const useCpuInference of [true, false]) {
    const name = `face_mesh, networks on the ${useCpuInference ? "CPU" : "GPU"}`;
    await measure(settings, name, async (page) => {
      await page.goto(`http://localhost:${port}/`);
      await page.evaluate(followWithFaceMesh, useCpuInference);
    });
  }
  server.closeAllConnections();
  server.close();
}

/**
 * @param {Settings} settings
 * @param {string} name
 * @param {(page: import("playwright-core").Page) => Promise<void>} start
 */
async function measure({clip, core, seconds, wanted}, name, start) {
  const browser = await onCore(core, () => chromium.launch(withCamera(clip)));
  const page = await browser.newPage();
  await page.addInitScript(askCameraFor, wanted);
  await start(page);
  await page.waitForFunction(() => window.noted.length > 0);
  await page.waitForTimeout(1000 * (WARM_UP + seconds));
  const frames = await page.evaluate(() => window.noted);
  await browser.close();
  const begin = frames[0].moment + 1000 * WARM_UP;
  const kept = frames.filter(({moment}) => moment >= begin);
  const span = (kept[kept.length - 1].moment - kept[0].moment) / 1000;
  const times = kept.map(({milliseconds}) => milliseconds);
  const seen = kept.filter(({faces}) => faces === 1).length / kept.length;
  console.log(
    `${name}: ${((kept.length - 1) / span).toFixed(1)} frames a second of ${wanted}, ` +
      `median ${quantile(times, 0.5).toFixed(1)} ms a frame, ` +
      `nine tenths below ${quantile(times, 0.9).toFixed(1)} ms, ` +
      `one face in ${(100 * seen).toFixed(0)} % of ${kept.length}`,
  );
}

/** @param {number} rate Runs in the page: asks the camera for frames a second. */
function askCameraFor(rate) {
  const devices = navigator.mediaDevices;
  if (!devices) return;
  const original = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (wanted) => {
    const video = /** @type {object} */ (wanted?.video);
    return original({video: {...video, frameRate: {ideal: rate}}});
  };
}

/** Runs in the page, before its own scripts: notes what the worker answers. */
function noteAnswers() {
  const scope = /** @type {any} */ (window);
  scope.noted = [];
  const Original = Worker;
  scope.Worker = class extends Original {
    /** @param {string | URL} address */
    constructor(address) {
      super(address);
      this.addEventListener("message", ({data}) => {
        if (data.type !== "faces") return;
        const {milliseconds} = data;
        const faces = data.faces.filter((/** @type {any} */ f) => f.state !== "lost").length;
        scope.noted.push({moment: performance.now(), milliseconds, faces});
      });
    }
  };
}

/**
 * Runs in the page of the face mesh: follows the camera, and draws as our page does.
 *
 * @param {boolean} useCpuInference
 */
async function followWithFaceMesh(useCpuInference) {
  const scope = /** @type {any} */ (window);
  scope.noted = [];
  const [width, height] = [640, 480];
  const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector("canvas"));
  const context = /** @type {CanvasRenderingContext2D} */ (
    canvas.getContext("2d", {alpha: false})
  );
  const video = document.createElement("video");
  video.srcObject = await navigator.mediaDevices.getUserMedia({video: {width, height}});
  await video.play();
  const mesh = new scope.FaceMesh({locateFile: (/** @type {string} */ name) => name});
  mesh.setOptions({maxNumFaces: 1, useCpuInference, refineLandmarks: false});
  /** @type {{x: number, y: number}[][]} */
  let faces = [];
  mesh.onResults((/** @type {any} */ {image, multiFaceLandmarks}) => {
    faces = multiFaceLandmarks;
    context.drawImage(image, 0, 0, width, height);
    context.fillStyle = "#3ddc84";
    context.beginPath();
    for (const {x, y} of faces.flat()) {
      context.moveTo(x * width + 1.5, y * height);
      context.arc(x * width, y * height, 1.5, 0, 2 * Math.PI);
    }
    context.fill();
  });
  await mesh.initialize();
  const follow = async () => {
    const start = performance.now();
    await mesh.send({image: video});
    const moment = performance.now();
    scope.noted.push({moment, milliseconds: moment - start, faces: faces.length});
    video.requestVideoFrameCallback(follow);
  };
  video.requestVideoFrameCallback(follow);
}

/** @type {Record<string, string>} */
const TYPES = {js: "text/javascript", wasm: "application/wasm"};
const PAGE = `<!doctype html><title>face mesh</title>
<canvas width="640" height="480"></canvas><script src="face_mesh.js"></script>`;
