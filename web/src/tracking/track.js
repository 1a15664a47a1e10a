/** One track, its life from the first frame of a face to the last, and its clock. */

import {NUM_LANDMARKS} from "../landmarks.js";
import {NOTHING} from "./confidence/evidence.js";
import {EMPTY_STATE} from "./step.js";
import * as trackChecks from "./track_checks.js";

/** @typedef {import("../geometry.js").Box} Box */
/** @typedef {import("./config.js").TrackingConfig} TrackingConfig */
/** @typedef {import("./face.js").Face} Face */
/** @typedef {import("./networks/crop.js").Image} Image */
/** @typedef {import("./step.js").TrackState} TrackState */

/**
 * @typedef {object} TimedFrame
 * @property {Image} image
 * @property {number} clock seconds; only differences matter
 * @property {number | null} timestamp argument of the caller
 */

/**
 * @typedef {object} Track
 * @property {Face} face in the last frame, before smoothing
 * @property {number} firstSeen clock of its first frame
 * @property {number} lastSeen clock of the last frame in which it was not lost
 * @property {Box} expectedBox box at the last check: a lost face is expected there
 * @property {number} expectedRoll roll at the last check: a lost face returns with it
 * @property {TrackState} state for the next step
 * @property {number} missCount searches in a row that did not find a face that needs
 *   confirmation
 */

export const NO_LANDMARKS = new Float32Array(2 * NUM_LANDMARKS).fill(NaN);

/** @type {Face} the face of a track before its first frame */
const EMPTY_FACE = {
  id: -1,
  landmarks: NO_LANDMARKS,
  box: [0, 0, 0, 0],
  reliability: 0,
  cycleError: NaN,
  state: "lost",
  timestamp: null,
  disagreement: NaN,
  faceScore: 1,
  landmarkOffset: 0,
  evidence: NOTHING,
  landmarkConfidence: new Float32Array(NUM_LANDMARKS),
};

/**
 * @param {TimedFrame} frame
 * @returns {Track} without a face
 */
export function newTrack(frame) {
  return {
    face: EMPTY_FACE,
    firstSeen: frame.clock,
    lastSeen: frame.clock,
    expectedBox: EMPTY_FACE.box,
    expectedRoll: 0,
    state: EMPTY_STATE,
    missCount: 0,
  };
}

/**
 * @param {Track} track
 * @returns {boolean}
 */
export function isLost(track) {
  return track.face.state === "lost";
}

/** Seconds that rise with every frame, whatever timestamps the caller gives. */
export class FrameClock {
  /**
   * @param {number} seconds clock of the last frame
   * @param {number} shift clock minus timestamp
   * @param {number | null} timestamp the last that was given
   * @param {boolean} hasBegun whether there was a frame
   * @param {boolean} isRestart whether the last timestamp begins another video
   */
  constructor(
    seconds = 0,
    shift = 0,
    timestamp = null,
    hasBegun = false,
    isRestart = false,
  ) {
    this.seconds = seconds;
    this.shift = shift;
    this.timestamp = timestamp;
    this.hasBegun = hasBegun;
    this.isRestart = isRestart;
  }

  /**
   * @param {number | null} timestamp finite seconds
   * @param {TrackingConfig} config the nominal rate, and limits of steps
   * @returns {FrameClock} at the next frame
   */
  after(timestamp, config) {
    const nominal = this.seconds + config.frame_interval;
    if (timestamp === null) {
      return new FrameClock(nominal, this.shift, this.timestamp, true);
    }
    const isFine = ulp(timestamp) < config.shortest_step;
    if (!this.hasBegun && isFine) return new FrameClock(timestamp, 0, timestamp, true);
    const rise = this.timestamp === null ? 0 : timestamp - this.timestamp;
    let seconds;
    if (rise < config.shortest_step) {
      seconds = nominal;
    } else if (rise > config.longest_step) {
      seconds = this.seconds + config.longest_step;
    } else {
      seconds = timestamp + this.shift;
      if (seconds > this.seconds) {
        return new FrameClock(seconds, this.shift, timestamp, true);
      }
      seconds = this.seconds + rise;
    }
    const isRestart = rise < 0 && rise <= -config.restart_step;
    return new FrameClock(seconds, seconds - timestamp, timestamp, true, isRestart);
  }
}

/**
 * @param {number} value
 * @returns {number} distance to the next double
 */
function ulp(value) {
  const size = Math.abs(value);
  return size === 0 ? Number.MIN_VALUE : 2 ** (Math.floor(Math.log2(size)) - 52);
}

/**
 * Report a track as lost in a frame.
 *
 * @param {Track} track
 * @param {TimedFrame} frame
 * @param {number} cycleError of its step
 */
export function markLost(track, frame, cycleError) {
  track.face = {
    ...track.face,
    landmarks: NO_LANDMARKS,
    reliability: 0,
    cycleError,
    disagreement: NaN,
    faceScore: NaN,
    landmarkOffset: NaN,
    evidence: NOTHING,
    landmarkConfidence: new Float32Array(NUM_LANDMARKS),
    state: "lost",
    timestamp: frame.timestamp,
  };
  track.state = EMPTY_STATE;
}

/**
 * Count a search, and lose the tracks that too many searches have missed.
 *
 * @param {Track[]} seen all tracks that are not lost
 * @param {Set<number>} found indices of those that the search has found
 * @param {TimedFrame} frame of the search
 * @param {TrackingConfig} config `confirmation_reliability` and `max_misses`
 */
export function markMissed(seen, found, frame, config) {
  seen.forEach((track, i) => {
    const isMissed = trackChecks.needsConfirmation(track.face, config) && !found.has(i);
    track.missCount = isMissed ? track.missCount + 1 : 0;
    if (track.missCount >= config.max_misses) {
      track.missCount = 0;
      markLost(track, frame, track.face.cycleError);
    }
  });
}

/**
 * Of two tracks on one face, lose the less reliable one. A young one is to be forgotten
 * at once: it never was a face.
 *
 * @param {Track[]} tracks all
 * @param {TimedFrame} frame
 * @param {TrackingConfig} config
 */
export function loseDuplicates(tracks, frame, config) {
  const sorted = [...tracks].sort((a, b) => b.face.reliability - a.face.reliability);
  for (const track of sorted) {
    const seen = tracks.filter((other) => !isLost(other)).map(({face}) => face);
    if (isLost(track) || !trackChecks.hasBetterDuplicate(track.face, seen, config)) {
      continue;
    }
    markLost(track, frame, track.face.cycleError);
    if (frame.clock - track.firstSeen < config.duplicate_age) track.lastSeen = -Infinity;
  }
}

/**
 * @param {Track[]} tracks all, in the order of their ids
 * @param {Track | null} returning lost track whose face is found again; null: new
 * @param {number} limit number of faces to follow
 * @returns {Track | null} the track that a returning face displaces; null if it may
 *   not return
 */
export function findDisplacedTrack(tracks, returning, limit) {
  const seen = tracks.filter((track) => !isLost(track));
  const youngest = seen[seen.length - 1];
  if (returning === null || seen.length > limit) return null;
  return youngest.face.id < returning.face.id ? null : youngest;
}
