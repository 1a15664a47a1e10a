/** The choice among what a detector answers in windows that are turned by quarters. */

import {rollAngle} from "../../geometry.js";

/** @typedef {import("./face_networks.js").Detections} Detections */

/**
 * @typedef {object} Answer detections in a turned window
 * @property {number} doubt about them, in eye distances
 * @property {Detections} detections
 */

/**
 * @param {Answer[]} answers that of the likeliest roll first
 * @param {number} limit doubt up to which an answer counts in any case
 * @param {number} margin by which a doubtful one must be better than the first
 * @returns {Answer} that with the least doubt
 */
export function leastDoubtful(answers, limit, margin = 0) {
  const [first] = answers;
  const best = answers.reduce((one, other) => (other.doubt < one.doubt ? other : one));
  return best.doubt <= limit || first.doubt - best.doubt >= margin ? best : first;
}

/**
 * A doubtful answer must be that of the likeliest roll, and near to it. Upside down,
 * detector and face check are often sure of what is no face: such a roll has to be known.
 *
 * @param {Answer} best
 * @param {Answer} first that of the likeliest roll
 * @param {number} roll the likeliest, in radians
 * @param {boolean} isKnown whether the face had this roll before
 * @returns {boolean} whether a doubtful answer is to be believed
 */
export function isLikely(best, first, roll, isKnown) {
  const away = Math.cos(rollAngle(best.detections.landmarks) - roll);
  const isNear = away > Math.cos(Math.PI / 4);
  return best === first && isNear && (isKnown || Math.cos(roll) > 0);
}
