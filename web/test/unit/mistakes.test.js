/** Mistakes of callers are named, before they do harm. */

import assert from "node:assert/strict";
import {before, describe, test} from "node:test";
import {FaceTracker} from "strrn-web";
import {loadFolder} from "../../src/tracking/networks/model_folder.js";
import {nodeRuntime, readFrom} from "../node_runtime.js";

const image = {data: new Uint8ClampedArray(4 * 64 * 48), width: 64, height: 48};
const any = (/** @type {unknown} */ value) => /** @type {any} */ (value);

/**
 * @param {import("strrn-web").Options} options
 * @returns {Promise<FaceTracker>}
 */
function open(options = {}) {
  const [model, finder] = [
    "saved_models/strrn-fast",
    "strrn_tf/tracking/face_detection/mtcnn",
  ].map(readFrom);
  return FaceTracker.fromFiles("strrn-fast", model, finder, nodeRuntime(), options);
}

describe("mistakes", () => {
  /** @type {FaceTracker} */
  let tracker;
  before(async () => {
    tracker = await open();
  });

  test("options", async () => {
    await assert.rejects(open({maxFaces: 0}), /`maxFaces` must be a whole number from 1/);
    await assert.rejects(open({config: any({nope: 1})}), /`nope` must be a field/);
  });

  test("images and times", async () => {
    for (const wrong of [undefined, {}, {width: 8, height: 8}, {...image, width: 63.5}]) {
      await assert.rejects(tracker.update(any(wrong)), /4 bytes a pixel/);
    }
    await assert.rejects(tracker.update(image, NaN), /finite number of seconds/);
    await tracker.update(image, 0);
    const other = {data: new Uint8Array(16), width: 2, height: 2};
    await assert.rejects(tracker.update(other, 1), /64 x 48. Received: 2 x 2/);
  });

  test("boxes and landmarks", async () => {
    for (const box of [undefined, [1, 2, 3], {x: 1}, [9, 9, 5, 5], [99, 0, 120, 9]]) {
      await assert.rejects(tracker.align(image, any(box)), /a box must be/);
    }
    const landmarks = new Float32Array(136).fill(NaN);
    await assert.rejects(tracker.step(image, image, landmarks), /136 finite numbers/);
  });

  test("two calls at once", async () => {
    const calls = [tracker.update(image, 2), tracker.update(image, 3)];
    const [first, second] = await Promise.allSettled(calls);
    assert.deepEqual([first.status, second.status], ["fulfilled", "rejected"]);
    assert.match(String(any(second).reason), /One call at a time/);
    await tracker.update(image, 4);
  });

  test("a server that answers with a page where a model is missing", async () => {
    const page = async () => new TextEncoder().encode("<!doctype html>");
    await assert.rejects(loadFolder(page, "a"), /model\.json of a is missing or damaged/);
    const bare = async () => new TextEncoder().encode('{"format_version": 1}');
    await assert.rejects(loadFolder(bare, "a"), /not the file that was exported/);
  });
});
