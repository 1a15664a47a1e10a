/** The confidence of landmarks outside the picture. */

import assert from "node:assert/strict";
import {test} from "node:test";
import {NUM_LANDMARKS} from "../../src/landmarks.js";
import {LandmarkConfidence} from "../../src/tracking/confidence/landmark_confidence.js";

const UNKNOWN = new Float32Array(NUM_LANDMARKS).fill(NaN);
// A diagonal line from (0, 0) to (67, 67).
const landmarks = Float32Array.from({length: 2 * NUM_LANDMARKS}, (_, i) => i >> 1);

test("outside the picture it is halved", () => {
  const evidence = {cycle: UNKNOWN, flow: UNKNOWN, disagreement: UNKNOWN, resemblance: UNKNOWN};
  const face = /** @type {import("../../src/tracking/face.js").Face} */ (
    /** @type {unknown} */ ({state: "tracked", reliability: 0.8, landmarks, evidence})
  );
  const judge = new LandmarkConfidence();
  const whole = judge.of(face);
  const cut = judge.of(face, {width: 100, height: 31});
  whole.forEach((sure, i) => assert.equal(cut[i], i > 30 ? sure / 2 : sure));
  const away = {...face, landmarks: landmarks.map((value) => value - 100)};
  assert.deepEqual(judge.of(away, {width: 100, height: 31}), judge.of(away).map((p) => p / 2));
});
