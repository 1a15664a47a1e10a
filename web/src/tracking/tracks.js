/** All tracks of one video, and the rules by which they start, go on and end. */

import {boxFromLandmarks, mean, rollAngle} from "../geometry.js";
import {NOTHING} from "./confidence/evidence.js";
import {UNSEEN} from "./confidence/visibility.js";
import * as association from "./face_detection/association.js";
import {CheckedDetector} from "./face_detection/checked_detector.js";
import {afterCheck, EMPTY_STATE, trackStep} from "./step.js";
import {
  findDisplacedTrack,
  isLost,
  loseDuplicates,
  markLost,
  markMissed,
  newTrack,
} from "./track.js";
import * as trackChecks from "./track_checks.js";

/** @typedef {import("../geometry.js").Box} Box */
/** @typedef {import("../geometry.js").FoundBox} FoundBox */
/** @typedef {import("./config.js").TrackingConfig} TrackingConfig */
/** @typedef {import("./face.js").Face} Face */
/** @typedef {import("./face_detection/checked_detector.js").Detection} Detection */
/** @typedef {import("./face_detection/face_check.js").FaceCheck} FaceCheck */
/** @typedef {import("./networks/face_networks.js").Crop} Crop */
/** @typedef {import("./networks/face_networks.js").FaceNetworks} FaceNetworks */
/** @typedef {import("./confidence/landmark_confidence.js").LandmarkConfidence} LandmarkConfidence */
/** @typedef {import("./confidence/reliability.js").Reliability} Reliability */
/** @typedef {import("./step.js").Step} Step */
/** @typedef {import("./step.js").TrackState} TrackState */
/** @typedef {import("./track.js").TimedFrame} TimedFrame */
/** @typedef {import("./track.js").Track} Track */

/**
 * All tracks of one video. Call `track`, then `detect` where there are boxes, then
 * `settle`, once for every frame.
 */
export class Tracks {
  /**
   * @param {FaceNetworks} networks
   * @param {Reliability} reliability
   * @param {FaceCheck | null} faceCheck null: everything is a face
   * @param {TrackingConfig} config
   * @param {LandmarkConfidence} judge
   */
  constructor(networks, reliability, faceCheck, config, judge) {
    this.judge = judge;
    this.networks = networks;
    this.reliability = reliability;
    this.detector = new CheckedDetector(networks, faceCheck, config);
    this.config = config;
    this.nextId = 0;
    /** @type {Track[]} */
    this.tracks = [];
  }

  /** Forget all tracks. The next one has the id 0. */
  reset() {
    this.forget();
    this.nextId = 0;
  }

  /** Forget all tracks. Their ids are not given again. */
  forget() {
    this.tracks = [];
  }

  /** @returns {number} number of tracks that are not lost */
  get numSeen() {
    return this.tracks.filter((track) => !isLost(track)).length;
  }

  /** @returns {boolean} whether a face is lost or unconfirmed, or there is none */
  get needsSearch() {
    return (
      !this.tracks.length ||
      this.tracks.some(
        (track) =>
          isLost(track) || trackChecks.needsConfirmation(track.face, this.config),
      )
    );
  }

  /**
   * Track every face into a frame.
   *
   * @param {TimedFrame} frame
   */
  async track(frame) {
    for (const track of this.tracks) {
      if (isLost(track)) markLost(track, frame, NaN);
      else await this.trackOne(track, frame);
    }
  }

  /**
   * @param {Track} track
   * @param {TimedFrame} frame
   */
  async trackOne(track, frame) {
    const before = track.face;
    const step = await trackStep(
      this.networks,
      track.state,
      frame.image,
      before.landmarks,
      this.config,
    );
    const error = step.cycleError;
    if (!step.tracked) {
      // The detector returns landmarks for any picture: it needs the face check.
      if (!this.detector.hasFaceCheck) return markLost(track, frame, error);
      return this.detectAgain(track, frame, before.box, error);
    }
    if (!step.landmarks || !step.state) {
      return this.detectAgain(track, frame, boxFromLandmarks(step.tracked), error);
    }
    if (!step.detected) {
      return this.update(track, frame, step.landmarks, step.state, {
        state: "tracked",
        cycleError: error,
      });
    }
    return this.checkStep(track, frame, step);
  }

  /**
   * Accept the landmarks of a step if the face check sees a face there.
   *
   * @param {Track} track
   * @param {TimedFrame} frame
   * @param {Step} step with all its fields
   */
  async checkStep(track, frame, step) {
    const {cycleError} = step;
    const config = this.config;
    const landmarks = /** @type {Float32Array} */ (step.landmarks);
    const state = /** @type {TrackState} */ (step.state);
    const crop = /** @type {Crop} */ (state.crop);
    const check = await this.detector.check(crop, landmarks);
    if (!trackChecks.isStillFace(check, state.visibility, config)) {
      if (check.score < config.min_face_score) return markLost(track, frame, cycleError);
      return this.detectAgain(track, frame, check.box, cycleError);
    }
    const after = afterCheck(state, landmarks, check, config);
    return this.update(track, frame, landmarks, after, {
      state: "tracked",
      cycleError,
      disagreement: mean(state.evidence.disagreement),
      faceScore: check.score,
      landmarkOffset: check.landmarkOffset,
    });
  }

  /**
   * Detect a face again in a box, or mark its track as lost.
   *
   * @param {Track} track
   * @param {TimedFrame} frame
   * @param {Box} box
   * @param {number} cycleError
   */
  async detectAgain(track, frame, box, cycleError) {
    const config = this.config;
    // The face is still known, so its roll is too.
    const detection = await this.detector.detect(
      frame.image,
      box,
      track.face.box,
      config.confident_face_score,
      rollAngle(track.face.landmarks),
      track.state.visibility,
      true,
    );
    if (!detection || !(detection.inconsistency <= config.max_disagreement)) {
      return markLost(track, frame, cycleError);
    }
    return this.restart(track, frame, detection);
  }

  /**
   * Let a track go on from a detection; nothing of its former state remains.
   *
   * @param {Track} track
   * @param {TimedFrame} frame
   * @param {Detection} detection
   */
  restart(track, frame, detection) {
    const {crop, landmarks, check, inconsistency, distances} = detection;
    const evidence = {...NOTHING, disagreement: distances};
    const fresh = {...EMPTY_STATE, crop, cutAround: landmarks, evidence};
    const state = afterCheck(fresh, landmarks, check, this.config);
    this.update(track, frame, landmarks, state, {
      state: "detected",
      cycleError: NaN,
      disagreement: inconsistency,
      faceScore: check.score,
      landmarkOffset: check.landmarkOffset,
    });
  }

  /**
   * Complete a frame of a track; facts that are not given stay as they were.
   *
   * @param {Track} track
   * @param {TimedFrame} frame
   * @param {Float32Array} landmarks
   * @param {TrackState} trackState
   * @param {Partial<Face>} facts
   */
  update(track, frame, landmarks, trackState, facts) {
    const box = boxFromLandmarks(landmarks);
    const face = {
      ...track.face,
      landmarks,
      box,
      timestamp: frame.timestamp,
      evidence: trackState.evidence,
      ...facts,
    };
    const judged = {...face, reliability: this.reliability.of(face)};
    track.face = {...judged, landmarkConfidence: this.judge.of(judged, frame.image)};
    track.state = trackState;
    track.lastSeen = frame.clock;
    if ("faceScore" in facts) {
      track.expectedBox = box;
      track.expectedRoll = rollAngle(landmarks);
    }
  }

  /**
   * Detect faces in the boxes that belong to no visible face, lost faces first.
   *
   * @param {TimedFrame} frame of the boxes
   * @param {FoundBox[]} boxes the most wanted first
   * @param {number | null} limit largest number of visible faces; null: any
   * @param {boolean} searched whether the boxes are all that a search has found
   */
  async detect(frame, boxes, limit = null, searched = false) {
    const config = this.config;
    const seen = this.tracks.filter((track) => !isLost(track));
    const seenBoxes = seen.map((track) => track.face.box);
    const pairs = association.associate(seenBoxes, boxes.map(placeOf), config);
    if (searched) markMissed(seen, new Set(pairs.map(([i]) => i)), frame, config);
    const covered = new Set(pairs.map(([, j]) => j));
    const free = boxes.filter((_, j) => !covered.has(j));
    const waiting = [];
    for (const [lost, box] of this.assign(free, frame, limit)) {
      const created = await this.detectOne(lost, frame, box, limit);
      if (!created) continue;
      if (searched && !trackChecks.isConfident(created.face, config)) {
        waiting.push(created);
      } else {
        this.add(created);
      }
    }
    const isAnyConfirmed = this.tracks.some(
      (t) => isLost(t) || !trackChecks.needsConfirmation(t.face, config),
    );
    if (isAnyConfirmed) return;
    const vacant = limit === null ? Infinity : Math.max(limit - this.numSeen, 0);
    waiting.slice(0, vacant).forEach((track) => this.add(track));
  }

  /**
   * Detect a lost or a new face in a box.
   *
   * @param {Track | null} lost
   * @param {TimedFrame} frame
   * @param {FoundBox} box
   * @param {number | null} limit
   * @returns {Promise<Track | null>} its track if it is new
   */
  async detectOne(lost, frame, box, limit) {
    const config = this.config;
    const isFull = this.isFull(limit);
    const displaced =
      isFull && limit !== null ? findDisplacedTrack(this.tracks, lost, limit) : null;
    if (isFull && !displaced) return null;
    const score = isFull ? config.confident_face_score : config.min_face_score;
    // The finder sees the roll of a new face.
    const roll = lost ? lost.expectedRoll : (box[4] ?? 0);
    const detection = await this.detector.detect(
      frame.image,
      placeOf(box),
      null,
      score,
      roll,
      UNSEEN,
      lost !== null,
    );
    if (!detection) return null;
    const track = lost ?? newTrack(frame);
    this.restart(track, frame, detection);
    if (displaced) markLost(displaced, frame, displaced.face.cycleError);
    return lost ? null : track;
  }

  /**
   * @param {FoundBox[]} boxes
   * @param {TimedFrame} frame
   * @param {number | null} limit
   * @returns {[Track | null, FoundBox][]} every box with its lost track, or null for a new
   *   face; lost tracks come first
   */
  assign(boxes, frame, limit) {
    const lost = this.tracks.filter(isLost);
    // At the limit the gates do not grow: a face further away is another face.
    const pace = this.isFull(limit) ? 0 : 1;
    const last = lost.map(
      /** @returns {[Box, number]} */
      (t) => [t.expectedBox, pace * (frame.clock - t.lastSeen)],
    );
    const pairs = association.reassociateLost(last, boxes.map(placeOf), this.config);
    const taken = new Set(pairs.map(([, j]) => j));
    /** @type {[Track | null, FoundBox][]} */
    const assigned = pairs.map(([i, j]) => [lost[i], boxes[j]]);
    boxes.forEach((box, j) => {
      if (!taken.has(j)) assigned.push([null, box]);
    });
    return assigned;
  }

  /** @param {Track} track */
  add(track) {
    track.face = {...track.face, id: this.nextId};
    this.tracks.push(track);
    this.nextId += 1;
  }

  /**
   * @param {number | null} limit
   * @returns {boolean}
   */
  isFull(limit) {
    return limit !== null && this.numSeen >= limit;
  }

  /**
   * Resolve duplicates and forget old tracks.
   *
   * @param {TimedFrame} frame
   * @returns {Face[]} in the order of ids
   */
  settle(frame) {
    loseDuplicates(this.tracks, frame, this.config);
    this.tracks = this.tracks.filter(
      (t) => !isLost(t) || frame.clock - t.lastSeen <= this.config.patience,
    );
    return this.tracks.map((track) => track.face);
  }
}

/**
 * @param {FoundBox} box
 * @returns {Box} without its roll
 */
function placeOf([x0, y0, x1, y1]) {
  return [x0, y0, x1, y1];
}
