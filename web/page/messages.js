/** What went wrong, in words that say what to do. */

import {hasSimd} from "./features.js";

/** @type {Record<string, string>} */
const CAMERA = {
  NotFoundError: "There is no camera. Connect one, or open a picture or a video.",
  NotAllowedError:
    "The browser may not use the camera. Allow it in the settings of this page, or open " +
    "a picture or a video.",
  NotReadableError: "Another program uses the camera. Close it, then start again.",
  OverconstrainedError: "The camera has no picture of a usable size.",
};

/**
 * @param {unknown} error of `getUserMedia`
 * @returns {string}
 */
export function cameraMessage(error) {
  if (!window.isSecureContext || !navigator.mediaDevices) {
    return "Browsers give the camera only to pages that come by HTTPS, or from this machine.";
  }
  const name = error instanceof DOMException ? error.name : "";
  return CAMERA[name] ?? `The camera does not start (${error}).`;
}

export const CAMERA_ENDED =
  "The camera is gone. Connect it, or allow it again, then start again.";

/**
 * @param {"runtime" | "model" | "file" | "tracking"} stage in which it happened
 * @param {string} detail
 * @returns {string}
 */
export function workMessage(stage, detail) {
  if (stage === "runtime") {
    return `LiteRT does not start in this browser. Reload the page; update the browser. (${detail})`;
  }
  if (stage === "model") {
    return `The model cannot be loaded: ${detail} Check the connection, then reload the page.`;
  }
  if (stage === "file") return detail;
  return `Tracking stopped: ${detail}`;
}

/** @returns {string | null} what this browser lacks */
export function missingFeature() {
  if (!hasSimd()) {
    return "This browser has no WebAssembly with SIMD, which the networks need. Update it.";
  }
  if (!("transferControlToOffscreen" in HTMLCanvasElement.prototype)) {
    return "This browser cannot draw in a worker. Update it.";
  }
  return null;
}
