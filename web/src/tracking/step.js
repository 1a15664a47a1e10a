/** One face from a frame to the next: tracker, detector and optical flow. */

import {boxFromLandmarks, relativeDistance} from "../geometry.js";
import * as fusion from "./fusion.js";
import * as trackChecks from "./track_checks.js";

/** @typedef {import("./config.js").TrackingConfig} TrackingConfig */
/** @typedef {import("./networks/crop.js").Image} Image */
/** @typedef {import("./networks/face_networks.js").Crop} Crop */
/** @typedef {import("./networks/face_networks.js").FaceNetworks} FaceNetworks */

/**
 * What a track keeps from frame to frame besides its landmarks.
 *
 * @typedef {object} TrackState
 * @property {Crop | null} crop of the last frame; null: not cut yet, or lost
 * @property {Float32Array | null} cutAround landmarks in the middle of the crop window
 * @property {number} framesSinceCorrection frames since the detector ran on the face
 * @property {Float32Array | null} detectorCorrection added to the landmarks of every
 *   frame; null: nothing
 */

/**
 * @typedef {object} Step
 * @property {number} cycleError of the tracker
 * @property {Float32Array | null} tracked the tracker's landmarks; null: rejected
 * @property {Float32Array | null} detected the detector's; null: it did not run
 * @property {Float32Array | null} landmarks fused; null: rejected, or the detector
 *   disagrees
 * @property {TrackState | null} state for the next step
 */

/** @type {TrackState} */
export const EMPTY_STATE = Object.freeze({
  crop: null,
  cutAround: null,
  framesSinceCorrection: 0,
  detectorCorrection: null,
});

/**
 * @param {FaceNetworks} networks
 * @param {TrackState} state
 * @param {Image} image
 * @param {Float32Array} landmarks
 * @returns {TrackState} with a new crop around landmarks
 */
function cutCrop(networks, state, image, landmarks) {
  const crop = networks.cropAround(image, landmarks);
  return {...state, crop, cutAround: landmarks};
}

/**
 * Track a face into the next frame.
 *
 * @param {FaceNetworks} networks
 * @param {TrackState} state with a crop of the frame before
 * @param {Image} image the next frame
 * @param {Float32Array} start landmarks in pixels of the frame before
 * @param {TrackingConfig} config
 * @returns {Promise<Step>}
 */
export async function trackStep(networks, state, image, start, config) {
  const previous = /** @type {Crop} */ (state.crop);
  const cutAround = /** @type {Float32Array} */ (state.cutAround);
  const [tracked, cycleError, crop] = await networks.step(previous, image, start);
  /** @type {Step} */
  const step = {cycleError, tracked: null, detected: null, landmarks: null, state: null};
  const previousBox = boxFromLandmarks(start);
  if (
    !(cycleError <= config.max_cycle_error) ||
    trackChecks.isDegenerate(tracked, previousBox, image, config)
  ) {
    return step;
  }
  step.tracked = tracked;
  const flow = networks.flowLandmarks(previous, crop, start, config);
  const motion = relativeDistance(tracked, start);
  // The window stays until the face has left its middle: a moving one adds noise.
  const stays = relativeDistance(tracked, cutAround) <= config.crop_slack;
  const frames = state.framesSinceCorrection + 1;
  state = {...state, crop: stays ? crop : null, framesSinceCorrection: frames};
  if (fusion.needsDetector(frames, cycleError, tracked, flow, motion, config)) {
    if (!state.crop) state = cutCrop(networks, state, image, tracked);
    step.detected = await networks.detectIn(/** @type {Crop} */ (state.crop));
    const correction = fusion.detectorCorrection(tracked, step.detected, config);
    if (!correction) return step;
    state = {...state, framesSinceCorrection: 0, detectorCorrection: correction};
  }
  const landmarks = corrected(
    fusion.fuse(tracked, flow, motion, config),
    state.detectorCorrection,
  );
  if (step.detected) {
    const replaced = fusion.replacedByDetector(tracked, step.detected, config);
    for (let i = 0; i < landmarks.length; i++) {
      if (replaced[i >> 1]) landmarks[i] = step.detected[i];
    }
  }
  if (!state.crop) state = cutCrop(networks, state, image, landmarks);
  return {...step, landmarks, state};
}

/**
 * @param {Float32Array} landmarks
 * @param {Float32Array | null} correction
 * @returns {Float32Array}
 */
function corrected(landmarks, correction) {
  return correction ? landmarks.map((value, i) => value + correction[i]) : landmarks;
}
