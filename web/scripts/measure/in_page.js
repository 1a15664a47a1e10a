/** The part of `networks.mjs` that runs in the page. */

import {LiteRTModel, loadRuntime} from "../../src/tracking/networks/litert.js";

/** @returns {Promise<number[][][]>} landmarks of the detector, and of the tracker */
window.runNetworks = async () => {
  const names = ["detector.tflite", "tracker.tflite", "crops.bin", "starts.bin"];
  const files = await Promise.all(
    names.map(async (name) => (await fetch(`/given/${name}`)).arrayBuffer()),
  );
  await loadRuntime("/wasm/");
  const [detector, tracker] = await Promise.all(
    names.slice(0, 2).map((name, i) => LiteRTModel.load(new Uint8Array(files[i]), name)),
  );
  const pixels = Float32Array.from(new Uint8Array(files[2]), (byte) => byte / 255);
  const starts = new Float32Array(files[3]);
  const length = shapeLength(detector, "frames");
  const points = shapeLength(tracker, "start");
  /** @type {number[][][]} */
  const answers = [[], []];
  for (let i = 0; i < starts.length / points; i++) {
    const frames = pixels.slice(i * length, (i + 1) * length);
    const start = starts.slice(i * points, (i + 1) * points);
    answers[0].push([...(await detector.run({frames})).landmarks]);
    answers[1].push([...(await tracker.run({frames, start})).landmarks]);
  }
  return answers;
};

/**
 * @param {LiteRTModel} model
 * @param {string} name of an input
 * @returns {number}
 */
function shapeLength(model, name) {
  return (model.inputs.get(name) ?? []).reduce((product, side) => product * side, 1);
}
