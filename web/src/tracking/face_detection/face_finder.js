/** Faces in a frame: MTCNN (Zhang et al. 2016) on LiteRT. */

import {FINDER} from "../../constants.js";
import {halve, resizePixels} from "../networks/resize.js";
import * as mtcnn from "./mtcnn/boxes.js";
import {Network} from "./mtcnn/networks.js";

/** @typedef {import("../../geometry.js").Box} Box */
/** @typedef {import("../networks/crop.js").Image} Image */
/** @typedef {import("./mtcnn/boxes.js").Pixels} Pixels */

/**
 * @typedef {object} FoundFace
 * @property {Box} box of MTCNN in image pixels, larger than that of the landmarks
 * @property {number} score probability of being a face
 * @property {number[]} points eyes, nose and ends of the mouth, x, y, ...
 */

/** @typedef {[number, Network][]} Levels scale and proposal network */

/** Finds upright faces. */
export class FaceFinder {
  /**
   * @param {Uint8Array} pnet the file
   * @param {Network} rnet
   * @param {Network} onet
   * @param {number} minFaceFraction smallest face box, as a fraction of the image's
   *   shorter side
   */
  constructor(pnet, rnet, onet, minFaceFraction) {
    this.pnet = pnet;
    this.refiners = {rnet, onet};
    this.minFaceFraction = minFaceFraction;
    /** @type {Map<string, Levels>} proposal networks by the size of the image */
    this.proposers = new Map();
  }

  /**
   * @param {Image} image
   * @returns {Promise<FoundFace[]>} best score first
   */
  async find(image) {
    const {OVERLAPS, THRESHOLDS} = FINDER;
    const [pixels, factor, minFace] = this.shrink(image);
    let boxes = await this.propose(pixels, minFace);
    /** @type {Float32Array[]} */
    let outputs;

    [boxes, outputs] = await this.classify("rnet", pixels, boxes, THRESHOLDS[1]);
    boxes = boxes.map((box, i) => mtcnn.calibrate(box, outputs[i]));
    boxes = mtcnn
      .suppress(boxes, outputs.map(last), OVERLAPS[2])
      .map((i) => mtcnn.square(boxes[i]));

    [boxes, outputs] = await this.classify("onet", pixels, boxes, THRESHOLDS[2]);
    const points = boxes.map((box, i) =>
      mtcnn.placePoints(box, outputs[i].subarray(4, 14)),
    );
    boxes = boxes.map((box, i) => mtcnn.calibrate(box, outputs[i]));
    const scores = outputs.map(last);
    // Integers are pixel centres: where `factor` pixels became one, the first of them is
    // half the rest away from its centre.
    const shift = (factor - 1) / 2;
    return mtcnn.suppress(boxes, scores, OVERLAPS[3], true).map((i) => {
      const [x0, y0, x1, y1] = boxes[i].map((at) => factor * at + shift);
      const score = 1 / (1 + Math.exp(-scores[i]));
      const placed = Array.from(points[i], (at) => factor * at + shift);
      return {box: [x0, y0, x1, y1], score, points: placed};
    });
  }

  /**
   * @param {Image} image
   * @returns {[Pixels, number, number]} the image to search, what it shrank by, and the
   *   side of the smallest face in it
   */
  shrink(image) {
    const shorter = Math.min(image.width, image.height);
    let minFace = Math.max(FINDER.MIN_FACE, this.minFaceFraction * shorter);
    let factor = 1;
    const least = 2 * FINDER.SMALLEST_AFTER_HALVING;
    while (Math.min(minFace, image.width, image.height) >= least) {
      image = halve(image);
      minFace /= 2;
      factor *= 2;
    }
    return [toPixels(image), factor, minFace];
  }

  /**
   * @param {Pixels} pixels
   * @param {number} minFace
   * @returns {Promise<Box[]>} squares in which there may be a face
   */
  async propose(pixels, minFace) {
    const {OVERLAPS, THRESHOLDS} = FINDER;
    /** @type {Box[]} */
    const boxes = [];
    /** @type {number[]} */
    const scores = [];
    for (const [scale, network] of await this.levels(pixels, minFace)) {
      const small = resizePixels(pixels, network.width, network.height);
      const output = await network.run(small.data);
      const columns = mtcnn.windowsAlong(network.width);
      const found = mtcnn.windowBoxes(output, columns, scale, logit(THRESHOLDS[0]));
      for (const i of mtcnn.suppress(found.boxes, found.scores, OVERLAPS[0])) {
        boxes.push(found.boxes[i]);
        scores.push(found.scores[i]);
      }
    }
    return mtcnn
      .suppress(boxes, scores, OVERLAPS[1])
      .map((i) => mtcnn.square(boxes[i]));
  }

  /**
   * @param {Pixels} pixels
   * @param {number} minFace
   * @returns {Promise<Levels>} scale and proposal network of every level of the pyramid
   */
  async levels({width, height}, minFace) {
    const key = `${width} ${height} ${minFace}`;
    const known = this.proposers.get(key);
    if (known) return known;
    /** @type {Levels} */
    const levels = [];
    for (const scale of mtcnn.pyramidScales(height, width, minFace)) {
      const [rows, columns] = [Math.trunc(height * scale), Math.trunc(width * scale)];
      const network = await Network.proposer(this.pnet, rows, columns);
      levels.push([scale, network]);
    }
    this.proposers.set(key, levels);
    if (this.proposers.size > FINDER.FRAME_SIZES_KEPT) {
      const [oldest] = this.proposers.keys();
      for (const [, network] of this.proposers.get(oldest) ?? []) network.delete();
      this.proposers.delete(oldest);
    }
    return levels;
  }

  /**
   * @param {"rnet" | "onet"} name
   * @param {Pixels} pixels
   * @param {Box[]} boxes squares
   * @param {number} threshold probability
   * @returns {Promise<[Box[], Float32Array[]]>} those that the network classifies as
   *   faces, and its outputs
   */
  async classify(name, pixels, boxes, threshold) {
    const network = this.refiners[name];
    const side = network.width;
    const patch = new Float32Array(side * side * 3);
    /** @type {[Box[], Float32Array[]]} */
    const passed = [[], []];
    for (const box of boxes) {
      mtcnn.cutPatch(pixels, box, side, patch);
      const output = await network.run(patch);
      if (last(output) > logit(threshold)) {
        passed[0].push(box);
        passed[1].push(output);
      }
    }
    return passed;
  }

  /** Free the memory of the proposal networks. */
  delete() {
    for (const levels of this.proposers.values()) {
      for (const [, network] of levels) network.delete();
    }
    this.proposers.clear();
  }
}

/**
 * @param {Image} image
 * @returns {Pixels}
 */
function toPixels({data, width, height}) {
  const pixels = new Float32Array(3 * width * height);
  for (let from = 0, to = 0; to < pixels.length; from += 4, to += 3) {
    pixels[to] = data[from];
    pixels[to + 1] = data[from + 1];
    pixels[to + 2] = data[from + 2];
  }
  return {data: pixels, width, height};
}

/**
 * @param {number} probability in (0, 1)
 * @returns {number}
 */
function logit(probability) {
  return Math.log(probability / (1 - probability));
}

/**
 * @param {Float32Array} output
 * @returns {number}
 */
function last(output) {
  return output[output.length - 1];
}
