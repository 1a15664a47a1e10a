/** The worker: networks, tracking and drawing, so that the page never waits. */

import {FaceTracker, loadRuntime} from "strrn-web";
import {header, rows} from "./csv.js";
import {draw} from "./overlay.js";
import {PixelReader, sizeOf} from "./pixels.js";
import {framesOf} from "./sources.js";

/** @typedef {import("strrn-web").Face} Face */

const scope = /** @type {any} */ (globalThis);
const base = new URL("./", scope.location.href).href;
// LiteRT's WebAssembly lies in a folder beside this file.
scope.Module = {locateFile: (/** @type {string} */ name) => `${base}wasm/${name}`};

// The networks run in WebAssembly: LiteRT must not search for a GPU before it loads them.
Object.defineProperty(scope.navigator, "gpu", {value: undefined});

// LiteRT takes longest: it begins before the page has named a model.
loadRuntime(`${base}wasm/`).catch(() => {});

const reader = new PixelReader();
/** @type {OffscreenCanvasRenderingContext2D | null} */
let context = null;
/** @type {FaceTracker | null} */
let tracker = null;
/** @type {Promise<void>} */
let queue = Promise.resolve();
let isMirrored = false;
// Work on files ends when this number changes.
let job = 0;

/**
 * @param {"runtime" | "model" | "file" | "tracking"} stage
 * @param {unknown} error
 */
function report(stage, error) {
  const detail = error instanceof Error ? error.message : String(error);
  scope.postMessage({type: "error", stage, detail});
}

/**
 * @param {{model: string, maxFaces: number, anyRoll: boolean}} choice
 */
async function open({model, maxFaces, anyRoll}) {
  tracker?.delete();
  tracker = null;
  // The models come while LiteRT is compiled.
  const opening = FaceTracker.fromPretrained(model, {
    wasm: `${base}wasm/`,
    models: `${base}models/`,
    mtcnn: `${base}models/mtcnn/`,
    maxFaces,
    ...(anyRoll ? {anyRoll} : {}),
  });
  opening.catch(() => {});
  try {
    await loadRuntime(`${base}wasm/`);
  } catch (error) {
    return report("runtime", error);
  }
  try {
    tracker = await opening;
  } catch (error) {
    return report("model", error);
  }
  scope.postMessage({type: "ready", model});
}

/**
 * @param {VideoFrame | ImageBitmap} frame is closed
 * @param {number} seconds
 * @param {boolean} isFile whether it comes from a file, not from the camera
 * @returns {Promise<Face[]>}
 */
async function track(frame, seconds, isFile) {
  try {
    const start = performance.now();
    const [width, height] = sizeOf(frame);
    if (!tracker) return [];
    const {frameSize} = tracker;
    // A phone that is turned gives frames of another size.
    const isOther = frameSize && (frameSize[0] !== width || frameSize[1] !== height);
    if (isOther) tracker.reset();
    const image = await reader.read(frame);
    const faces = await tracker.update(image, seconds);
    if (context) draw(context, frame, width, height, faces, isMirrored);
    const milliseconds = performance.now() - start;
    const size = {width, height};
    scope.postMessage({type: "faces", isFile, faces, ...size, seconds, milliseconds});
    return faces;
  } finally {
    frame.close();
  }
}

/**
 * @param {File[]} files
 * @param {number} number of the job
 */
async function trackFiles(files, number) {
  const arePictures = files.every(({type}) => type.startsWith("image/"));
  const parts = [header(arePictures)];
  let index = 0;
  try {
    tracker?.reset();
    for await (const {frame, seconds, name, progress} of framesOf(files)) {
      if (number !== job || !tracker) {
        frame?.close();
        break;
      }
      // Pictures are no video: each face of each is a new one.
      if (name !== null) tracker.reset();
      const faces = frame && (await track(frame, seconds, true));
      parts.push(rows(index, seconds, faces, name));
      index += 1;
      scope.postMessage({type: "progress", progress, frames: index});
    }
  } catch (error) {
    if (number !== job) return;
    report("file", error);
    // What was tracked before a damaged place is kept.
    if (!index) return;
  }
  const csv = new Blob(parts, {type: "text/csv"});
  scope.postMessage({type: "ended", frames: index, csv, stopped: number !== job});
}

/** @type {Record<string, (message: any) => unknown>} */
const actions = {
  canvas: ({canvas}) => {
    context = canvas.getContext("2d", {alpha: false});
  },
  view: (message) => {
    isMirrored = message.isMirrored;
  },
  open: (message) => {
    job += 1;
    queue = queue.then(() => open(message));
  },
  reset: () => {
    job += 1;
    queue = queue.then(() => tracker?.reset());
  },
  frame: ({frame, seconds}) => {
    queue = queue.then(async () => {
      try {
        await track(frame, seconds, false);
      } catch (error) {
        report("tracking", error);
      }
    });
  },
  files: ({files}) => {
    job += 1;
    const number = job;
    queue = queue.then(() => trackFiles(files, number));
  },
};

scope.onmessage = (/** @type {MessageEvent} */ {data}) => actions[data.type](data);
