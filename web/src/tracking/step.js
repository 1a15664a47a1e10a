/** One face from a frame to the next: tracker, detector and optical flow. */

import {boxFromLandmarks, mean, relativeDistance, relativeDistances} from "../geometry.js";
import {NOTHING} from "./confidence/evidence.js";
import {UNSEEN} from "./confidence/visibility.js";
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
 * @property {import("./confidence/visibility.js").Visibility} visibility what is known of
 *   the surroundings of the landmarks
 * @property {import("./confidence/evidence.js").Evidence} evidence of the last frame, for
 *   and against single landmarks
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
  visibility: UNSEEN,
  evidence: NOTHING,
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
 * @param {TrackState} state with a crop
 * @param {Float32Array} landmarks those that were checked
 * @param {import("./face_detection/face_check.js").FaceCheckResult} check in the crop
 * @param {TrackingConfig} config
 * @returns {TrackState} its template is new if the face check is sure
 */
export function afterCheck(state, landmarks, check, config) {
  if (!trackChecks.passesCheck(check, config)) return state;
  const crop = /** @type {Crop} */ (state.crop);
  return {...state, visibility: state.visibility.renewed(crop, landmarks, config)};
}

/**
 * Run the detector on a tracked face, and compare it with the template.
 *
 * @param {FaceNetworks} networks
 * @param {TrackState} before
 * @param {Image} image
 * @param {Float32Array} tracked
 * @param {TrackingConfig} config
 * @returns {Promise<[Float32Array, TrackState | null]>} the detector's landmarks, and the
 *   state with its correction; null where the detector disagrees
 */
async function check(networks, before, image, tracked, config) {
  const state = before.crop ? before : cutCrop(networks, before, image, tracked);
  const crop = /** @type {Crop} */ (state.crop);
  const detected = await networks.detectIn(crop);
  const visibility = state.visibility.compared(crop, tracked, config);
  const hidden = visibility.hidden(config);
  const correction = fusion.detectorCorrection(tracked, detected, config, hidden);
  if (!correction) return [detected, null];
  const evidence = {
    ...state.evidence,
    disagreement: relativeDistances(detected, tracked),
    resemblance: visibility.resemblance,
  };
  const corrected = {framesSinceCorrection: 0, detectorCorrection: correction};
  return [detected, {...state, ...corrected, visibility, evidence}];
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
  const [tracked, errors, crop] = await networks.step(previous, image, start);
  const cycleError = mean(errors);
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
  const apart = relativeDistances(flow, tracked);
  const motion = relativeDistance(tracked, start);
  // The window stays until the face has left its middle: a moving one adds noise.
  const stays = relativeDistance(tracked, cutAround) <= config.crop_slack;
  const frames = state.framesSinceCorrection + 1;
  const evidence = {...state.evidence, cycle: errors, flow: apart};
  state = {...state, crop: stays ? crop : null, framesSinceCorrection: frames, evidence};
  if (fusion.needsDetector(frames, cycleError, apart, motion, config)) {
    const [detected, checked] = await check(networks, state, image, tracked, config);
    step.detected = detected;
    if (!checked) return step;
    state = checked;
  }
  const hidden = state.visibility.hidden(config);
  const fused = hidden
    ? fusion.fuseAround(hidden, start, tracked, flow, apart, motion, config)
    : fusion.fuse(tracked, flow, apart, motion, config);
  const landmarks = corrected(fused, state.detectorCorrection);
  if (step.detected) {
    const replaced = fusion.replacedByDetector(tracked, step.detected, config, hidden);
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
