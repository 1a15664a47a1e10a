/** Data association: which box belongs to which face, visible or lost. */

import {faceSize, overlap} from "../../geometry.js";

/** @typedef {import("../../geometry.js").Box} Box */
/** @typedef {import("../config.js").TrackingConfig} TrackingConfig */
/** @typedef {[number, number]} Pair two indices */

/**
 * Pair boxes with others, largest overlap first, each at most once.
 *
 * @param {Box[]} boxes
 * @param {Box[]} others
 * @param {TrackingConfig} config `association_min_overlap`
 * @returns {Pair[]} index of a box and of another that overlap enough
 */
export function associate(boxes, others, config) {
  /** @type {[number, number, number][]} */
  const costs = [];
  boxes.forEach((box, i) => {
    others.forEach((other, j) => {
      const common = overlap(box, other);
      if (common >= config.association_min_overlap) costs.push([-common, i, j]);
    });
  });
  return pair(costs);
}

/**
 * Pair lost faces with boxes inside their gates, nearest first, each at most once.
 *
 * @param {[Box, number][]} lost expected box, and for how many seconds it is lost
 * @param {Box[]} boxes
 * @param {TrackingConfig} config `gating_radius`, `gating_rate`, `max_size_change`
 * @returns {Pair[]} index of a lost face and of a box
 */
export function reassociateLost(lost, boxes, config) {
  /** @type {[number, number, number][]} */
  const costs = [];
  lost.forEach(([expected, seconds], i) => {
    const gate = config.gating_radius + config.gating_rate * seconds;
    const size = faceSize(expected);
    boxes.forEach((box, j) => {
      const x = (box[0] + box[2] - expected[0] - expected[2]) / 2;
      const y = (box[1] + box[3] - expected[1] - expected[3]) / 2;
      const distance = Math.hypot(x, y) / size;
      const sizeChange = Math.abs(Math.log(faceSize(box) / size));
      if (distance <= gate && sizeChange <= Math.log(config.max_size_change)) {
        costs.push([distance, i, j]);
      }
    });
  });
  return pair(costs);
}

/**
 * @param {[number, number, number][]} costs cost and two indices
 * @returns {Pair[]} of least cost, greedily, each index at most once
 */
function pair(costs) {
  /** @type {Pair[]} */
  const pairs = [];
  costs.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  for (const [, i, j] of costs) {
    if (!pairs.some(([a, b]) => i === a || j === b)) pairs.push([i, j]);
  }
  return pairs;
}
