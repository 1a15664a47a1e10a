/** Rows of CSV with the columns of `strrn track`. */

import {CSV_DECIMALS as DECIMALS} from "../src/constants.js";
import {NUM_LANDMARKS} from "../src/landmarks.js";

/** @typedef {import("strrn-web").Face} Face */

/**
 * @param {boolean} hasSource whether the last column is the name of the picture
 * @returns {string}
 */
export function header(hasSource) {
  const points = Array.from({length: NUM_LANDMARKS}, (_, i) => `x${i},y${i}`);
  const columns = ["frame", "time", "id", "state", "reliability", ...points];
  return `${[...columns, ...(hasSource ? ["source"] : [])].join(",")}\n`;
}

/**
 * @param {number} index of the frame, from 0
 * @param {number} seconds since the first frame
 * @param {Face[] | null} faces of the frame; without one there is a row with the state
 *   "none"; null for a picture that cannot be read: "broken"
 * @param {string | null} source name of the picture
 * @returns {string}
 */
export function rows(index, seconds, faces, source = null) {
  const tail = source === null ? [] : [quoted(source)];
  const nobody = Array.from({length: 2 * NUM_LANDMARKS}, () => "");
  const time = number(seconds, 6);
  if (!faces?.length) {
    const state = faces ? "none" : "broken";
    return line([index, time, "", state, "0.0", ...nobody, ...tail]);
  }
  return faces
    .map(({id, state, reliability, landmarks}) => {
      const isLost = state === "lost";
      const points = isLost ? nobody : Array.from(landmarks, (v) => number(v, DECIMALS));
      const chance = number(reliability, 4);
      return line([index, time, id, state, chance, ...points, ...tail]);
    })
    .join("");
}

/**
 * @param {(string | number)[]} values
 * @returns {string}
 */
function line(values) {
  return `${values.join(",")}\n`;
}

/**
 * @param {number} value
 * @param {number} decimals
 * @returns {string} as Python prints a float
 */
function number(value, decimals) {
  const text = String(Number(value.toFixed(decimals)));
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/**
 * @param {string} text
 * @returns {string}
 */
function quoted(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
