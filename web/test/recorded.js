/** What `strrn_tf.commands.web.cases` has written. */

import {readFileSync} from "node:fs";
import {join} from "node:path";
import {gunzipSync} from "node:zlib";
import {ROOT} from "./node_runtime.js";

export const FOLDER = process.env.STRRN_CASES ?? join(ROOT, "web", "build", "cases");

/**
 * @typedef {object} RecordedFace
 * @property {number} id
 * @property {string} state
 * @property {number[] | null} landmarks
 * @property {number} reliability
 * @property {number} confidence mean of the landmarks'
 */

/**
 * @typedef {object} Recorded
 * @property {string} name
 * @property {string} model
 * @property {boolean} is_shipped
 * @property {{max_faces?: number, any_roll?: boolean, smooth?: boolean}} options
 * @property {[number, number]} size
 * @property {(number | null)[]} times
 * @property {Record<string, import("../src/geometry.js").Box[]>} boxes
 * @property {number} crop_pixels_per_face
 * @property {RecordedFace[][]} faces
 */

/**
 * @typedef {object} Parts
 * @property {[number, number]} size
 * @property {number[][]} found
 * @property {{scale: number, matrix: number[], rgb: string, gray: string,
 *   sample: number[]}[]} crops
 * @property {number[]} matrix
 * @property {number[][]} starts
 * @property {(number | null)[][]} flows
 * @property {number[]} check
 */

/** @returns {{cases: Recorded[], parts: Parts}} */
export function readCases() {
  return JSON.parse(readFileSync(join(FOLDER, "cases.json"), "utf8"));
}

/**
 * @param {string} name
 * @param {[number, number]} size width and height
 * @returns {import("../src/tracking/networks/crop.js").Image[]}
 */
export function framesOf(name, [width, height]) {
  const packed = gunzipSync(readFileSync(join(FOLDER, `${name}.rgb.gz`)));
  const length = 3 * width * height;
  return Array.from({length: packed.length / length}, (_, i) => {
    const data = new Uint8Array(4 * width * height).fill(255);
    for (let from = i * length, to = 0; to < data.length; from += 3, to += 4) {
      data[to] = packed[from];
      data[to + 1] = packed[from + 1];
      data[to + 2] = packed[from + 2];
    }
    return {data, width, height};
  });
}
