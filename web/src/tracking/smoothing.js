/** The One-Euro filter on landmarks (Casiez, Roussel and Vogel 2012). */

import {boxFromLandmarks, eyeDistance} from "../geometry.js";

/** @typedef {import("./config.js").TrackingConfig} TrackingConfig */
/** @typedef {import("./face.js").Face} Face */

/**
 * @typedef {object} State
 * @property {Float64Array} raw landmarks before the filter
 * @property {Float64Array} smoothed landmarks after it
 * @property {Float64Array} velocity pixels per second
 * @property {number} time seconds
 */

/** Smooths the faces of one video, each by its id. */
export class Smoother {
  /** @param {TrackingConfig} config the fields `smoothing_...` */
  constructor(config) {
    this.config = config;
    /** @type {Map<number, State>} */
    this.states = new Map();
  }

  /** Forget all faces. */
  reset() {
    this.states = new Map();
  }

  /**
   * @param {Face[]} faces of a frame; lost ones are forgotten
   * @param {number} seconds of the frame, on a clock that rises with every frame
   * @returns {Face[]} with smoothed landmarks and their boxes
   */
  smooth(faces, seconds) {
    /** @type {Map<number, State>} */
    const states = new Map();
    const shown = faces.map((face) => this.smoothOne(face, seconds, states));
    this.states = states;
    return shown;
  }

  /**
   * @param {Face} face
   * @param {number} seconds
   * @param {Map<number, State>} states of the next frame, to be added to
   * @returns {Face}
   */
  smoothOne(face, seconds, states) {
    if (face.state === "lost") return face;
    const config = this.config;
    const before = this.states.get(face.id);
    const raw = Float64Array.from(face.landmarks);
    const gap = before ? seconds - before.time : -1;
    if (!before || !(gap > 0 && gap <= config.smoothing_max_gap)) {
      const velocity = new Float64Array(raw.length);
      states.set(face.id, {raw, smoothed: raw, velocity, time: seconds});
      return face;
    }
    const speedFactor = smoothingFactor(config.smoothing_speed_cutoff, gap);
    const velocity = before.velocity.map(
      (value, i) => value + speedFactor * ((raw[i] - before.raw[i]) / gap - value),
    );
    const eyes = eyeDistance(raw);
    const smoothed = new Float64Array(raw.length);
    for (let i = 0; i < raw.length; i += 2) {
      const speed = Math.hypot(velocity[i], velocity[i + 1]) / eyes;
      const cutoff = config.smoothing_min_cutoff + config.smoothing_beta * speed;
      const factor = smoothingFactor(cutoff, gap);
      for (const j of [i, i + 1]) {
        smoothed[j] = before.smoothed[j] + factor * (raw[j] - before.smoothed[j]);
      }
    }
    states.set(face.id, {raw, smoothed, velocity, time: seconds});
    const landmarks = Float32Array.from(smoothed);
    return {...face, landmarks, box: boxFromLandmarks(landmarks)};
  }
}

/**
 * @param {number} cutoff hertz
 * @param {number} gap seconds since the value before
 * @returns {number} weight of the new value in a low-pass filter
 */
function smoothingFactor(cutoff, gap) {
  return 1 / (1 + 1 / (2 * Math.PI * cutoff * gap));
}
