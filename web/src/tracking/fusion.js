/** Fusion of tracker, detector and optical flow into the landmarks of one frame. */

import {
  applyMatrix,
  fitSimilarity,
  relativeDistance,
  relativeDistances,
} from "../geometry.js";

/** @typedef {import("../geometry.js").Points} Points */
/** @typedef {import("./config.js").TrackingConfig} TrackingConfig */

/**
 * @param {number} framesSinceCorrection this frame included
 * @param {number} cycleError of the step into this frame
 * @param {ArrayLike<number>} flowDistances between tracker and flow; NaN: not found again
 * @param {number} motion mean distance that the face has moved in this frame
 * @param {TrackingConfig} config intervals and thresholds
 * @returns {boolean} whether the detector runs on a tracked face in this frame
 */
export function needsDetector(
  framesSinceCorrection,
  cycleError,
  flowDistances,
  motion,
  config,
) {
  const interval =
    motion > config.motion_threshold
      ? config.detection_interval_moving
      : config.detection_interval_resting;
  const gate = flowGate(motion, config);
  // NaN compares as false: where flow finds nothing is no evidence against the tracker.
  const outliers = Array.from(flowDistances).filter((value) => value > gate).length;
  return (
    framesSinceCorrection >= interval ||
    cycleError > config.cycle_recheck_threshold ||
    outliers / flowDistances.length > config.flow_outlier_fraction
  );
}

/**
 * @param {Points} tracked
 * @param {Points} detected
 * @param {TrackingConfig} config `max_disagreement` and `detector_weight`
 * @param {boolean[] | null} hidden see `Visibility.hidden`
 * @returns {Float32Array | null} offsets by which the detector moves the landmarks;
 *   null if the two shapes are too far apart in the mean, and the face is in plain sight
 */
export function detectorCorrection(tracked, detected, config, hidden = null) {
  const isFar = !(relativeDistance(tracked, detected) <= config.max_disagreement);
  if (isFar && !hidden) return null;
  const replaced = replacedByDetector(tracked, detected, config, hidden);
  return Float32Array.from(tracked, (value, i) =>
    replaced[i >> 1] ? 0 : config.detector_weight * (detected[i] - value),
  );
}

/**
 * @param {Points} tracked
 * @param {Points} detected
 * @param {TrackingConfig} config `max_disagreement`
 * @param {boolean[] | null} hidden see `Visibility.hidden`
 * @returns {boolean[]} which landmarks take the detector's position at once
 */
export function replacedByDetector(tracked, detected, config, hidden = null) {
  return Array.from(
    relativeDistances(detected, tracked),
    (distance, i) => distance > config.max_disagreement && (!hidden || hidden[i]),
  );
}

/**
 * @param {Points} tracked
 * @param {Points} flow NaN: not found again
 * @param {ArrayLike<number>} flowDistances between the two
 * @param {number} motion mean distance that the face has moved in this frame
 * @param {TrackingConfig} config `tracker_weight` and the gate of the flow
 * @returns {Float32Array} landmarks between optical flow and tracker
 */
export function fuse(tracked, flow, flowDistances, motion, config) {
  const gate = flowGate(motion, config);
  return Float32Array.from(tracked, (value, i) =>
    flowDistances[i >> 1] <= gate ? flow[i] + config.tracker_weight * (value - flow[i]) : value,
  );
}

/**
 * Landmarks in sight are fused as by `fuse`. For the others the similarity that moves
 * those in sight takes the place of optical flow.
 *
 * @param {boolean[]} hidden see `Visibility.hidden`
 * @param {Points} start the landmarks in the frame before
 * @param {Points} tracked
 * @param {Points} flow NaN: not found again
 * @param {ArrayLike<number>} flowDistances between the two
 * @param {number} motion mean distance that the face has moved in this frame
 * @param {TrackingConfig} config `tracker_weight` and the gate of the flow
 * @returns {Float32Array} landmarks of a face that is hidden in part
 */
export function fuseAround(hidden, start, tracked, flow, flowDistances, motion, config) {
  const gate = flowGate(motion, config);
  const trusted = hidden.map((isHidden, i) => !isHidden && flowDistances[i] <= gate);
  const count = trusted.filter(Boolean).length;
  if (count < config.min_visible_fraction * trusted.length) {
    return fuse(tracked, flow, flowDistances, motion, config);
  }
  const [from, to] = [start, flow].map((points) =>
    Array.from(points).filter((_, i) => trusted[i >> 1]),
  );
  const moved = applyMatrix(fitSimilarity(from, to), start);
  return Float32Array.from(tracked, (value, i) => {
    const motionOf = trusted[i >> 1] ? flow[i] : moved[i];
    return motionOf + config.tracker_weight * (value - motionOf);
  });
}

/**
 * @param {number} motion
 * @param {TrackingConfig} config
 * @returns {number} the largest distance from the tracker at which flow is used
 */
function flowGate(motion, config) {
  return config.flow_gate + config.flow_gate_per_motion * motion;
}
