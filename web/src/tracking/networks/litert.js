/** LiteRT in WebAssembly: loading it once, and running one network. */

import {isWebGPUSupported, loadAndCompile, loadLiteRt, Tensor} from "@litertjs/core";

/** @typedef {import("@litertjs/core").CompiledModel} CompiledModel */

/** @type {Promise<void> | null} */
let loading = null;

/**
 * Load LiteRT's WebAssembly. Later calls wait for the first one.
 *
 * @param {string} folder address of the folder `wasm` of `@litertjs/core`
 * @returns {Promise<void>}
 */
export function loadRuntime(folder) {
  loading ??= (async () => {
    await loadLiteRt(folder);
  })().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** @returns {boolean} whether the browser has WebGPU */
export function hasWebGPU() {
  return isWebGPUSupported();
}

/** One network. All arrays are Float32Array. */
export class LiteRTModel {
  /**
   * @param {CompiledModel} model
   * @param {string} name for messages
   */
  constructor(model, name) {
    this.model = model;
    this.name = name;
    /** @type {Map<string, number[]>} shapes of the inputs by name */
    this.inputs = new Map(
      model.getInputDetails().map(({name, shape}) => [name, Array.from(shape)]),
    );
    this.outputs = model.getOutputDetails().map(({name}) => name);
  }

  /**
   * @param {Uint8Array} bytes the `.tflite` file
   * @param {string} name for messages
   * @returns {Promise<LiteRTModel>}
   * @throws {Error} LiteRT cannot read it
   */
  static async load(bytes, name) {
    try {
      // WebGPU refuses tensors of rank 5, which these networks have.
      const model = await loadAndCompile(bytes, {accelerator: "wasm"});
      return new LiteRTModel(model, name);
    } catch (error) {
      throw new Error(`${name} is no model that LiteRT can read (${error}).`);
    }
  }

  /**
   * @param {Record<string, Float32Array>} arrays one for every input, by name
   * @returns {Promise<Record<string, Float32Array>>} copies of the outputs by name
   * @throws {RangeError} an array is missing or has another length
   */
  async run(arrays) {
    /** @type {Record<string, Tensor>} */
    const inputs = {};
    /** @type {Record<string, Tensor>} */
    let outputs = {};
    try {
      for (const [name, shape] of this.inputs) {
        const length = shape.reduce((product, side) => product * side, 1);
        if (arrays[name]?.length !== length) {
          throw new RangeError(
            `\`${name}\` of ${this.name} must have the shape [${shape}]. ` +
              `Received: ${arrays[name]?.length} numbers`,
          );
        }
        inputs[name] = new Tensor(arrays[name], shape);
      }
      outputs = await this.model.run(inputs);
      /** @type {Record<string, Float32Array>} */
      const results = {};
      for (const [name, tensor] of Object.entries(outputs)) {
        results[name] = /** @type {Float32Array} */ (tensor.toTypedArray());
      }
      return results;
    } finally {
      // Tensors lie outside of JavaScript's heap.
      for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) {
        tensor.delete();
      }
    }
  }

  /** Free the memory of the network. */
  delete() {
    this.model.delete();
  }
}
