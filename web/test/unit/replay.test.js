/** Replays in JavaScript what Python recorded: the same ids, states and landmarks. */

import assert from "node:assert/strict";
import {join} from "node:path";
import {before, describe, test} from "node:test";
import {boxFromLandmarks, faceSize, mean, meanDistance} from "../../src/geometry.js";
import {FaceTracker} from "../../src/index.js";
import {nodeRuntime, readFrom} from "../node_runtime.js";
import {FOLDER, framesOf, readCases} from "../recorded.js";

const FINDER = "strrn_tf/tracking/face_detection/mtcnn";
const TOLERANCE = 0.5; // pixels of the crop, in the mean over the landmarks
const {cases} = readCases();

before(() => nodeRuntime());

/**
 * @param {ReturnType<typeof readCases>["cases"][number]} recorded
 * @returns {Promise<FaceTracker>}
 */
function open({model, is_shipped: isShipped, options}) {
  const {max_faces: maxFaces, any_roll: anyRoll, smooth} = options;
  return FaceTracker.fromFiles(
    model,
    readFrom(isShipped ? join("saved_models", model) : join(FOLDER, "models", model)),
    readFrom(FINDER),
    nodeRuntime(),
    {maxFaces, anyRoll, smooth},
  );
}

describe("recorded cases", () => {
  for (const recorded of cases) {
    test(recorded.name, async () => {
      const tracker = await open(recorded);
      const frames = framesOf(recorded.name, recorded.size);
      let [largest, number] = [0, 0];
      for (const [i, expected] of recorded.faces.entries()) {
        const boxes = recorded.boxes[String(i)] ?? (hasBoxes(recorded) ? [] : null);
        const faces = await tracker.update(frames[i], recorded.times[i], boxes);
        const seen = faces.map(({id, state}) => [id, state]);
        assert.deepEqual(seen, expected.map(({id, state}) => [id, state]), `frame ${i}`);
        for (const [j, {landmarks, reliability, confidence}] of expected.entries()) {
          if (!landmarks) continue;
          const size = faceSize(boxFromLandmarks(landmarks));
          const scale = recorded.crop_pixels_per_face / size;
          const apart = scale * meanDistance(faces[j].landmarks, landmarks);
          assert.ok(apart <= TOLERANCE, `frame ${i}: ${apart} crop pixels`);
          assert.ok(Math.abs(faces[j].reliability - reliability) < 0.1, `frame ${i}`);
          const sure = mean(faces[j].landmarkConfidence);
          assert.ok(Math.abs(sure - confidence) < 0.05, `frame ${i}: ${sure}`);
          largest = Math.max(largest, apart);
          number += 1;
        }
      }
      console.log(`${recorded.name}: ${number} faces, at most ${largest.toFixed(3)} px`);
      tracker.delete();
    });
  }
});

/**
 * @param {{boxes: object}} recorded
 * @returns {boolean}
 */
function hasBoxes({boxes}) {
  return Object.keys(boxes).length > 0;
}
