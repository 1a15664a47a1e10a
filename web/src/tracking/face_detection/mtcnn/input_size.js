/**
 * Writes sizes of input and output into a `.tflite` file.
 *
 * LiteRT.js cannot resize inputs. The file is a FlatBuffer, and its input has a shape of
 * four numbers: the two in the middle are replaced. LiteRT derives the shapes between
 * input and output, and takes that of the output from the file.
 */

// Places of fields in the tables of TensorFlow Lite's schema.
const MODEL_SUBGRAPHS = 2;
const [SUBGRAPH_TENSORS, SUBGRAPH_INPUTS, SUBGRAPH_OUTPUTS] = [0, 1, 2];
const [TENSOR_SHAPE, TENSOR_SHAPE_SIGNATURE] = [0, 7];

/** @typedef {[number, number]} Size rows and columns */

/**
 * @param {Uint8Array} bytes a `.tflite` file with one input and one output of the shape
 *   (1, rows, columns, channels)
 * @param {Size} input
 * @param {Size} output
 * @returns {Uint8Array} a copy with these sizes
 */
export function withSizes(bytes, input, output) {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const model = follow(view, 0);
  const subgraph = element(view, vector(view, model, MODEL_SUBGRAPHS), 0);
  const tensors = vector(view, subgraph, SUBGRAPH_TENSORS);
  /** @type {[number, Size][]} */
  const ends = [
    [SUBGRAPH_INPUTS, input],
    [SUBGRAPH_OUTPUTS, output],
  ];
  for (const [field, size] of ends) {
    const index = view.getInt32(vector(view, subgraph, field) + 4, true);
    const tensor = element(view, tensors, index);
    for (const shape of [TENSOR_SHAPE, TENSOR_SHAPE_SIGNATURE]) {
      const place = vector(view, tensor, shape);
      if (place) size.forEach((side, i) => view.setInt32(place + 8 + 4 * i, side, true));
    }
  }
  return copy;
}

/**
 * @param {DataView} view
 * @param {number} at place of an offset
 * @returns {number} where it leads
 */
function follow(view, at) {
  return at + view.getUint32(at, true);
}

/**
 * @param {DataView} view
 * @param {number} table
 * @param {number} field
 * @returns {number} place of a vector, that is of its length; 0 if there is none
 */
function vector(view, table, field) {
  const vtable = table - view.getInt32(table, true);
  const entry = 4 + 2 * field;
  if (entry >= view.getUint16(vtable, true)) return 0;
  const offset = view.getUint16(vtable + entry, true);
  return offset ? follow(view, table + offset) : 0;
}

/**
 * @param {DataView} view
 * @param {number} tables place of a vector of tables
 * @param {number} i
 * @returns {number} place of one of them
 */
function element(view, tables, i) {
  return follow(view, tables + 4 + 4 * i);
}
