/** Confidence of single landmarks: the probability that each is near its true place. */

import {LANDMARK_CONFIDENCE, RELIABILITY} from "../../constants.js";
import {NUM_LANDMARKS} from "../../landmarks.js";

/** @typedef {import("../face.js").Face} Face */

/**
 * @typedef {object} Weights of one logistic function
 * @property {number[]} constants one for each landmark
 * @property {number[]} slopes one for each feature
 */

/**
 * @typedef {object} Both
 * @property {Weights} of_tracked six slopes
 * @property {Weights} of_detected four slopes
 */

/** Logistic functions for the landmarks of tracked and of detected faces. */
export class LandmarkConfidence {
  /** @param {Both} [weights] of `model.json` */
  constructor(weights = LANDMARK_CONFIDENCE.DEFAULT) {
    this.weights = weights;
  }

  /**
   * @param {Face} face
   * @param {{width: number, height: number}} [picture] of the face; outside of it
   *   probabilities are halved
   * @returns {Float32Array} probabilities of its landmarks; 0 if it is lost
   */
  of(face, picture) {
    const probabilities = new Float32Array(NUM_LANDMARKS);
    if (face.state === "lost" || !face.landmarks.every(Number.isFinite)) {
      return probabilities;
    }
    const isTracked = face.state === "tracked";
    const {constants, slopes} = isTracked
      ? this.weights.of_tracked
      : this.weights.of_detected;
    const rows = features(face);
    return probabilities.map((_, i) => {
      const score = slopes.reduce((sum, slope, k) => sum + slope * rows[i][k], constants[i]);
      const probability = 1 / (1 + Math.exp(-Math.min(Math.max(score, -50), 50)));
      const isOutside = picture && isOutsideOf(picture, face.landmarks, i);
      return isOutside ? LANDMARK_CONFIDENCE.OUTSIDE * probability : probability;
    });
  }
}

/**
 * @param {Face} face
 * @returns {number[][]} features of its landmarks: six if it is tracked, else four
 */
export function features(face) {
  const known = LANDMARK_CONFIDENCE;
  const {cycle, flow, disagreement, resemblance} = face.evidence;
  const reliability = Math.min(Math.max(face.reliability, known.LEAST), known.MOST);
  const odds = Math.log(reliability / (1 - reliability));
  const turn = signedTurn(face.landmarks);
  return Array.from({length: NUM_LANDMARKS}, (_, i) => {
    const rest = [
      Math.log10(orElse(disagreement[i], 0) + known.DISAGREEMENT_FLOOR),
      orElse(resemblance[i], known.UNKNOWN_RESEMBLANCE),
      odds,
      turn * known.SIDES[i],
    ];
    if (face.state !== "tracked") return rest;
    const apart = orElse(flow[i], known.LOST_FLOW);
    return [
      Math.log10(orElse(cycle[i], 0) + known.FLOOR),
      Math.log10(apart + known.FLOOR),
      ...rest,
    ];
  });
}

/**
 * @param {{width: number, height: number}} picture
 * @param {import("../../geometry.js").Points} landmarks 68 points
 * @param {number} i
 * @returns {boolean} whether a landmark is outside the picture
 */
function isOutsideOf({width, height}, landmarks, i) {
  const [x, y] = [landmarks[2 * i], landmarks[2 * i + 1]];
  return x < -0.5 || y < -0.5 || x > width - 0.5 || y > height - 0.5;
}

/**
 * @param {import("../../geometry.js").Points} landmarks 68 points
 * @returns {number} how far a head is turned: positive where the nose points to the
 *   right, at most 2
 */
export function signedTurn(landmarks) {
  const {NOSE, LEFT_JAW, RIGHT_JAW} = RELIABILITY;
  const [left, right] = [LEFT_JAW, RIGHT_JAW].map((i) => {
    const x = landmarks[2 * i] - landmarks[2 * NOSE];
    const y = landmarks[2 * i + 1] - landmarks[2 * NOSE + 1];
    return Math.log(Math.hypot(x, y) + 1e-6);
  });
  return Math.min(Math.max(left - right, -2), 2);
}

/**
 * @param {number} value
 * @param {number} otherwise
 * @returns {number} the value, or the other one if it is not finite
 */
function orElse(value, otherwise) {
  return Number.isFinite(value) ? value : otherwise;
}
