/** The LiteRT networks of MTCNN, one for every input shape. */

import {LiteRTModel} from "../../networks/litert.js";
import {withSizes} from "./input_size.js";
import {windowsAlong} from "./boxes.js";

/** One network at one input size. */
export class Network {
  /**
   * @param {LiteRTModel} model
   * @param {number} height rows of the input
   * @param {number} width columns of the input
   */
  constructor(model, height, width) {
    this.model = model;
    this.height = height;
    this.width = width;
    this.input = [...model.inputs.keys()][0];
    this.output = model.outputs[0];
  }

  /**
   * @param {Uint8Array} bytes `pnet.tflite`
   * @param {number} height
   * @param {number} width
   * @returns {Promise<Network>} the proposal network for images of this size
   */
  static async proposer(bytes, height, width) {
    const output = /** @type {[number, number]} */ ([height, width].map(windowsAlong));
    const sized = withSizes(bytes, [height, width], output);
    return new Network(await LiteRTModel.load(sized, "pnet.tflite"), height, width);
  }

  /**
   * @param {Uint8Array} bytes
   * @param {string} name
   * @param {number} side of its input
   * @returns {Promise<Network>} one of the two others
   */
  static async refiner(bytes, name, side) {
    return new Network(await LiteRTModel.load(bytes, name), side, side);
  }

  /**
   * @param {Float32Array} pixels (height, width, 3) RGB in [0, 255]
   * @returns {Promise<Float32Array>} (rows, columns, 5) for `pnet`, 5 numbers for `rnet`,
   *   15 for `onet`
   */
  async run(pixels) {
    return (await this.model.run({[this.input]: pixels}))[this.output];
  }

  /** Free the memory of the network. */
  delete() {
    this.model.delete();
  }
}
