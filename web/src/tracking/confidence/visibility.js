/** Which landmarks are in plain sight: do their surroundings look as they did before? */

import {VISIBILITY} from "../../constants.js";
import {applyMatrix} from "../../geometry.js";
import {pyrDown} from "../optical_flow.js";
import {UNKNOWN} from "./evidence.js";

/** @typedef {import("../../geometry.js").Points} Points */
/** @typedef {import("../config.js").TrackingConfig} TrackingConfig */
/** @typedef {import("../networks/face_networks.js").Crop} Crop */

const {SIDE, STRIDE} = VISIBILITY;
const SAMPLES = SIDE * SIDE;

/** What a track remembers of the surroundings of its landmarks. */
export class Visibility {
  /**
   * @param {Float32Array | null} template see `surroundings`; NaN where there was no
   *   contrast
   * @param {ArrayLike<number>} resemblance of the last check to the template: 1 the
   *   same, 0 unrelated, NaN where nothing is known
   */
  constructor(template = null, resemblance = UNKNOWN) {
    this.template = template;
    this.resemblance = resemblance;
  }

  /**
   * @param {Crop} crop
   * @param {Points} landmarks in pixels of the image
   * @param {TrackingConfig} config `noise_level`
   * @returns {Visibility} the same template, compared with a crop
   */
  compared(crop, landmarks, config) {
    const {template} = this;
    if (!template) return this;
    const seen = surroundings(crop, landmarks, config.noise_level);
    const resemblance = new Float32Array(template.length / SAMPLES);
    for (let i = 0; i < template.length; i++) {
      resemblance[Math.floor(i / SAMPLES)] += seen[i] * template[i];
    }
    return new Visibility(template, resemblance);
  }

  /**
   * @param {Crop} crop
   * @param {Points} landmarks in pixels of the image
   * @param {TrackingConfig} config `noise_level`
   * @returns {Visibility} the same resemblance, and the template of another crop
   */
  renewed(crop, landmarks, config) {
    const seen = surroundings(crop, landmarks, config.noise_level);
    for (let start = 0; start < seen.length; start += SAMPLES) {
      const row = seen.subarray(start, start + SAMPLES);
      // Below half of the length there is more noise than contrast.
      if (2 * squareOf(row) < 1) row.fill(NaN);
    }
    return new Visibility(seen, this.resemblance);
  }

  /**
   * @param {TrackingConfig} config
   * @returns {boolean[]} which landmarks look as before; unknown ones do not
   */
  visible(config) {
    return Array.from(this.resemblance, (value) => value > config.min_resemblance);
  }

  /**
   * @param {TrackingConfig} config
   * @returns {number | null} fraction of the landmarks that look as before; null:
   *   nothing is known of most landmarks
   */
  visibleFraction(config) {
    const all = Array.from(this.resemblance);
    const known = all.filter((value) => !Number.isNaN(value)).length;
    if (2 * known < all.length) return null;
    return this.visible(config).filter(Boolean).length / known;
  }

  /**
   * @param {TrackingConfig} config
   * @returns {boolean[] | null} which landmarks are hidden; null: the face is in plain
   *   sight, or too little is to say where the rest is
   */
  hidden(config) {
    const fraction = this.visibleFraction(config);
    const {min_visible_fraction: low, plain_visible_fraction: high} = config;
    if (fraction === null || !(low <= fraction && fraction <= high)) return null;
    return this.visible(config).map((isVisible) => !isVisible);
  }
}

export const UNSEEN = new Visibility();

/**
 * @param {Crop} crop
 * @param {Points} landmarks in pixels of the image
 * @param {number} noiseLevel in grey levels
 * @returns {Float32Array} what is seen around landmarks, without brightness and
 *   contrast: rows of the length 1, and less with little contrast
 */
export function surroundings(crop, landmarks, noiseLevel) {
  const places = applyMatrix(crop.matrix, landmarks);
  const plane = {data: crop.gray, width: crop.size, height: crop.size};
  const small = pyrDown(pyrDown(plane));
  const margin = Math.floor(SIDE / 2);
  const most = small.height - 1 - margin;
  const cell = (/** @type {number} */ at) =>
    Math.trunc(Math.min(Math.max(at / STRIDE, margin), most));
  const seen = new Float32Array((places.length / 2) * SAMPLES);
  for (let i = 0; i < places.length / 2; i++) {
    const [x, y] = [cell(places[2 * i]) - margin, cell(places[2 * i + 1]) - margin];
    const row = seen.subarray(i * SAMPLES, (i + 1) * SAMPLES);
    let sum = 0;
    for (let k = 0; k < SAMPLES; k++) {
      row[k] = small.data[(y + Math.floor(k / SIDE)) * small.width + x + (k % SIDE)];
      sum += row[k];
    }
    for (let k = 0; k < SAMPLES; k++) row[k] -= sum / SAMPLES;
    const length = Math.sqrt(squareOf(row) + (SIDE * noiseLevel) ** 2);
    for (let k = 0; k < SAMPLES; k++) row[k] /= length;
  }
  return seen;
}

/**
 * @param {Float32Array} row
 * @returns {number} square of its length
 */
function squareOf(row) {
  return row.reduce((sum, value) => sum + value * value, 0);
}
