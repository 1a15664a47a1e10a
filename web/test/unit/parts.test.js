/** The parts of the tracker against what Python's answered on the same picture. */

import assert from "node:assert/strict";
import {createHash} from "node:crypto";
import {before, describe, test} from "node:test";
import {FINDER, TRACKING_CONFIG} from "../../src/constants.js";
import {FaceCheck} from "../../src/tracking/face_detection/face_check.js";
import {FaceFinder} from "../../src/tracking/face_detection/face_finder.js";
import {Network} from "../../src/tracking/face_detection/mtcnn/networks.js";
import {cut} from "../../src/tracking/networks/crop.js";
import {flowLandmarks, flowSettings} from "../../src/tracking/optical_flow.js";
import {nodeRuntime, readFrom} from "../node_runtime.js";
import {framesOf, readCases} from "../recorded.js";

/** @typedef {import("../../src/geometry.js").Matrix} Matrix */

const SIZE = 315;
const {parts} = readCases();
const frames = framesOf("parts", parts.size);
const files = readFrom("strrn_tf/tracking/face_detection/mtcnn");

before(() => nodeRuntime());

/**
 * @param {ArrayLike<number>} values
 * @param {ArrayLike<number | null>} expected
 * @param {number} tolerance
 */
function assertNear(values, expected, tolerance) {
  assert.equal(values.length, expected.length);
  Array.from(expected, (value, i) => {
    const isNear = Math.abs(values[i] - (value ?? NaN)) <= tolerance;
    const isUnknown = value === null && Number.isNaN(values[i]);
    assert.ok(isNear || isUnknown, `${i}: ${values[i]} is not ${value}`);
  });
}

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("parts", () => {
  test("a crop has Python's bytes", () => {
    for (const {scale, matrix, rgb, gray} of parts.crops.filter((c) => c.scale === 1)) {
      const crop = cut(frames[0], /** @type {Matrix} */ (matrix), SIZE);
      const bytes = Uint8Array.from(crop.pixels, (value) => Math.round(255 * value));
      assert.equal(sha256(bytes), rgb, `scale ${scale}`);
      assert.equal(sha256(crop.gray), gray);
    }
  });

  test("optical flow follows the landmarks as OpenCV's does", () => {
    const [before, after] = frames.map((frame) => {
      const crop = cut(frame, /** @type {Matrix} */ (parts.matrix), SIZE);
      return {data: crop.gray, width: SIZE, height: SIZE};
    });
    const settings = flowSettings(TRACKING_CONFIG, SIZE);
    parts.starts.forEach((start, i) => {
      assertNear(flowLandmarks(before, after, start, settings), parts.flows[i], 0.01);
    });
    assert.ok(parts.flows[1].includes(null));
  });

  test("the face check sees what Python's sees", async () => {
    const network = await Network.refiner(await files("onet.tflite"), "onet", FINDER.ONET_SIDE);
    const crop = {
      matrix: /** @type {Matrix} */ (parts.matrix),
      size: SIZE,
      ...cut(frames[0], /** @type {Matrix} */ (parts.matrix), SIZE),
    };
    const check = new FaceCheck(network, TRACKING_CONFIG);
    const {score, landmarkOffset, box} = await check.run(crop, parts.starts[0]);
    assertNear([score, landmarkOffset], parts.check.slice(0, 2), 1e-3);
    assertNear(box, parts.check.slice(2), 0.1);
  });

  test("the face finder finds Python's boxes", async () => {
    const finder = new FaceFinder(
      await files("pnet.tflite"),
      await Network.refiner(await files("rnet.tflite"), "rnet", FINDER.RNET_SIDE),
      await Network.refiner(await files("onet.tflite"), "onet", FINDER.ONET_SIDE),
      TRACKING_CONFIG.finder_min_face_fraction,
    );
    const found = await finder.find(frames[0]);
    assert.equal(found.length, parts.found.length);
    found.forEach(({box, score}, i) => {
      assertNear([...box, score], parts.found[i], 0.05);
    });
  });
});
