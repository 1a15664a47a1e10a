/** Reliability: the probability that a face's landmarks are good. */

import {RELIABILITY} from "../../constants.js";
import {faceSize} from "../../geometry.js";

/** @typedef {import("../face.js").Face} Face */

/**
 * @typedef {object} Weights the constant first
 * @property {number[]} of_tracked seven
 * @property {number[]} of_detected six
 */

/** The logistic functions that `model.json` has the weights of. */
export class Reliability {
  /** @param {Weights} [weights] of `model.json` */
  constructor(weights = RELIABILITY.DEFAULT) {
    this.weights = weights;
  }

  /**
   * @param {Face} face not lost
   * @returns {number} probability that its landmarks are good
   */
  of(face) {
    const isTracked = face.state === "tracked";
    const weights = isTracked ? this.weights.of_tracked : this.weights.of_detected;
    const values = features(face);
    if (!values.every(Number.isFinite)) return 0;
    const score = values.reduce((sum, v, i) => sum + weights[i + 1] * v, weights[0]);
    return 1 / (1 + Math.exp(-clip(score, -50, 50)));
  }
}

/**
 * @param {Face} face
 * @returns {number[]} six features if it is tracked, else five
 */
export function features(face) {
  const rest = 1 - face.faceScore;
  const isInside = rest > 0 && rest < 1;
  const odds = isInside ? Math.log(face.faceScore / rest) : Infinity * (0.5 - rest);
  const values = [
    Math.log10(face.disagreement + RELIABILITY.DISTANCE_FLOOR),
    turn(face.landmarks),
    Math.log10(faceSize(face.box) / 100),
    clip(odds, RELIABILITY.LEAST_LOGIT, RELIABILITY.MOST_LOGIT),
    Math.log10(face.landmarkOffset + RELIABILITY.DISTANCE_FLOOR),
  ];
  if (face.state === "tracked") {
    values.unshift(Math.log10(face.cycleError + RELIABILITY.CYCLE_FLOOR));
  }
  return values;
}

/**
 * @param {import("../../geometry.js").Points} landmarks 68 points
 * @returns {number} how far a head is turned: 0 from the front, at most 2 in profile
 */
export function turn(landmarks) {
  const {NOSE, LEFT_JAW, RIGHT_JAW} = RELIABILITY;
  const [left, right] = [LEFT_JAW, RIGHT_JAW].map((i) =>
    Math.log(
      Math.hypot(
        landmarks[2 * i] - landmarks[2 * NOSE],
        landmarks[2 * i + 1] - landmarks[2 * NOSE + 1],
      ) + 1e-6,
    ),
  );
  return Math.min(Math.abs(left - right), 2);
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number}
 */
function clip(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
