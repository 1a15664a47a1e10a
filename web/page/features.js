/** What the browser's WebAssembly can do. */

// Functions with one instruction each: a browser that lacks it refuses the module.
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0,
  253, 15, 253, 98, 11,
];
const RELAXED_SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1,
  253, 15, 65, 2, 253, 15, 253, 128, 2, 11,
];

/** @returns {boolean} whether the networks run at all */
export function hasSimd() {
  return typeof WebAssembly === "object" && WebAssembly.validate(Uint8Array.from(SIMD));
}

/** @returns {boolean} whether LiteRT takes its faster build */
export function hasRelaxedSimd() {
  return WebAssembly.validate(Uint8Array.from(RELAXED_SIMD));
}
