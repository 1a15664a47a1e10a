/** What is known at run time for and against single landmarks. */

import {NUM_LANDMARKS} from "../../landmarks.js";

/**
 * Evidence of the landmarks of one face in one frame, 68 numbers each. Distances are
 * fractions of the eye distance. NaN is not known.
 *
 * @typedef {object} Evidence
 * @property {ArrayLike<number>} cycle distance between the landmark before and the one
 *   that backward tracking returns to
 * @property {ArrayLike<number>} flow distance of tracker and optical flow
 * @property {ArrayLike<number>} disagreement distance of tracker and detector at the
 *   last check; of a face that was detected, distance of two detections
 * @property {ArrayLike<number>} resemblance of the surroundings at the last check to
 *   those of the last plain sight
 */

export const UNKNOWN = new Float32Array(NUM_LANDMARKS).fill(NaN);

/** @type {Evidence} */
export const NOTHING = Object.freeze({
  cycle: UNKNOWN,
  flow: UNKNOWN,
  disagreement: UNKNOWN,
  resemblance: UNKNOWN,
});
