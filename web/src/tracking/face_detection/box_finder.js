/** Functions that find face boxes in an image. */

import {FINDER} from "../../constants.js";
import {landmarkBox, rolledBoxes} from "./face_boxes.js";

/** @typedef {import("../../geometry.js").FoundBox} FoundBox */
/** @typedef {import("../networks/crop.js").Image} Image */
/** @typedef {import("./face_finder.js").FaceFinder} FaceFinder */

/**
 * Finds face boxes with MTCNN.
 *
 * With `turns` an image without an upright face is turned and searched again: the first
 * image by 180, 90 and 270 degrees, a later one by one of these in turn. Behind the
 * boxes are then the rolls.
 */
export class MtcnnFinder {
  /**
   * @param {FaceFinder} mtcnn
   * @param {boolean} turns whether turned faces are looked for
   */
  constructor(mtcnn, turns) {
    this.mtcnn = mtcnn;
    this.turns = turns;
    this.numTurned = 0;
  }

  /** Take the next image for the first one of another video. */
  reset() {
    this.numTurned = 0;
  }

  /**
   * @param {Image} image
   * @returns {Promise<FoundBox[]>}
   */
  async find(image) {
    const found = await this.findUpright(image);
    if (found.length || !this.turns) return found;
    const turns = FINDER.QUARTER_TURNS;
    const tried = this.numTurned === 0 ? turns : [turns[this.numTurned % turns.length]];
    this.numTurned += 1;
    for (const turn of tried) {
      const boxes = await this.findUpright(turned(image, turn));
      if (boxes.length) return boxes.map((box) => turnBack(box, turn, image));
    }
    return [];
  }

  /**
   * @param {Image} image
   * @returns {Promise<FoundBox[]>}
   */
  async findUpright(image) {
    const found = await this.mtcnn.find(image);
    return this.turns ? rolledBoxes(found) : found.map(({box}) => landmarkBox(box));
  }
}

/**
 * @param {Image} image
 * @param {number} turns quarter turns, counter-clockwise on the screen
 * @returns {Image}
 */
export function turned({data, width, height}, turns) {
  const pixels = new Uint32Array(data.slice().buffer);
  const result = new Uint32Array(pixels.length);
  const isSideways = turns % 2 === 1;
  const [w, h] = isSideways ? [height, width] : [width, height];
  for (let y = 0, at = 0; y < h; y++) {
    for (let x = 0; x < w; x++, at++) {
      const [fromX, fromY] =
        turns === 1
          ? [width - 1 - y, x]
          : turns === 2
            ? [width - 1 - x, height - 1 - y]
            : [y, height - 1 - x];
      result[at] = pixels[fromY * width + fromX];
    }
  }
  return {data: new Uint8Array(result.buffer), width: w, height: h};
}

/**
 * @param {FoundBox} box in pixels of a turned image
 * @param {number} turns by which it was turned
 * @param {{width: number, height: number}} image
 * @returns {FoundBox} in pixels of the image
 */
export function turnBack([x0, y0, x1, y1, seen = 0], turns, {width, height}) {
  const [right, bottom] = [width - 1, height - 1];
  const roll = seen + (turns * Math.PI) / 2;
  if (turns === 1) return [right - y1, x0, right - y0, x1, roll];
  if (turns === 2) return [right - x1, bottom - y1, right - x0, bottom - y0, roll];
  return [y0, bottom - x1, y1, bottom - x0, roll];
}
