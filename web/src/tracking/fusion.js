/** Fusion of tracker, detector and optical flow into the landmarks of one frame. */

import {eyeDistance, relativeDistance} from "../geometry.js";

/** @typedef {import("../geometry.js").Points} Points */
/** @typedef {import("./config.js").TrackingConfig} TrackingConfig */

/**
 * @param {number} framesSinceCorrection this frame included
 * @param {number} cycleError of the step into this frame
 * @param {Points} tracked
 * @param {Points} flow NaN: not found again
 * @param {number} motion mean distance that the face has moved in this frame
 * @param {TrackingConfig} config intervals and thresholds
 * @returns {boolean} whether the detector runs on a tracked face in this frame
 */
export function needsDetector(
  framesSinceCorrection,
  cycleError,
  tracked,
  flow,
  motion,
  config,
) {
  const interval =
    motion > config.motion_threshold
      ? config.detection_interval_moving
      : config.detection_interval_resting;
  const gate = flowGate(motion, config);
  // NaN compares as false: where flow finds nothing is no evidence against the tracker.
  const outliers = distances(tracked, flow).filter((value) => value > gate).length;
  return (
    framesSinceCorrection >= interval ||
    cycleError > config.cycle_recheck_threshold ||
    outliers / (tracked.length / 2) > config.flow_outlier_fraction
  );
}

/**
 * @param {Points} tracked
 * @param {Points} detected
 * @param {TrackingConfig} config `max_disagreement` and `detector_weight`
 * @returns {Float32Array | null} offsets by which the detector moves the landmarks;
 *   null if the two shapes are too far apart in the mean
 */
export function detectorCorrection(tracked, detected, config) {
  if (!(relativeDistance(tracked, detected) <= config.max_disagreement)) return null;
  const replaced = replacedByDetector(tracked, detected, config);
  return Float32Array.from(tracked, (value, i) =>
    replaced[i >> 1] ? 0 : config.detector_weight * (detected[i] - value),
  );
}

/**
 * @param {Points} tracked
 * @param {Points} detected
 * @param {TrackingConfig} config `max_disagreement`
 * @returns {boolean[]} which landmarks take the detector's position at once
 */
export function replacedByDetector(tracked, detected, config) {
  return Array.from(
    distances(tracked, detected),
    (distance) => distance > config.max_disagreement,
  );
}

/**
 * @param {Points} tracked
 * @param {Points} flow NaN: not found again
 * @param {number} motion mean distance that the face has moved in this frame
 * @param {TrackingConfig} config `tracker_weight` and the gate of the flow
 * @returns {Float32Array} landmarks between optical flow and tracker
 */
export function fuse(tracked, flow, motion, config) {
  const gate = flowGate(motion, config);
  const apart = distances(tracked, flow);
  return Float32Array.from(tracked, (value, i) =>
    apart[i >> 1] <= gate ? flow[i] + config.tracker_weight * (value - flow[i]) : value,
  );
}

/**
 * @param {number} motion
 * @param {TrackingConfig} config
 * @returns {number} the largest distance from the tracker at which flow is used
 */
function flowGate(motion, config) {
  return config.flow_gate + config.flow_gate_per_motion * motion;
}

/**
 * @param {Points} shape
 * @param {Points} other
 * @returns {Float64Array} distances of the points, fractions of the eye distance
 */
function distances(shape, other) {
  const eyes = eyeDistance(shape);
  const apart = new Float64Array(shape.length / 2);
  for (let i = 0; i < apart.length; i++) {
    const [x, y] = [shape[2 * i] - other[2 * i], shape[2 * i + 1] - other[2 * i + 1]];
    apart[i] = Math.hypot(x, y) / eyes;
  }
  return apart;
}
