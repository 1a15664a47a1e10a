/** An exported model folder: its description and its two networks. */

/**
 * @typedef {object} Description the part of `model.json` that tracking reads
 * @property {string} name
 * @property {{size: number, margin: number, any_roll?: boolean}} crop
 * @property {import("../confidence/reliability.js").Weights} [reliability]
 * @property {import("../confidence/landmark_confidence.js").Both} [landmark_confidence]
 * @property {Record<string, {bytes: number, sha256: string}>} files
 */

/**
 * @typedef {object} ModelFolder
 * @property {Description} description
 * @property {Uint8Array} detector
 * @property {Uint8Array} tracker
 */

/** @typedef {(path: string) => Promise<Uint8Array>} ReadFile reads a file of the folder */

export const FORMAT_VERSION = 1;

/**
 * @param {ReadFile} read
 * @param {string} name of the folder, for messages
 * @returns {Promise<ModelFolder>}
 * @throws {Error} a file is missing, or is not the one that was exported
 */
export async function loadFolder(read, name) {
  const [text, detector, tracker] = await Promise.all(
    ["model.json", "detector.tflite", "tracker.tflite"].map(read),
  );
  const description = parse(text, name);
  if (description.format_version !== FORMAT_VERSION) {
    throw new Error(`The model ${name} has another format version. Export it again.`);
  }
  await verify(detector, "detector.tflite", description);
  await verify(tracker, "tracker.tflite", description);
  return {description, detector, tracker};
}

/**
 * @param {Uint8Array} text of `model.json`
 * @param {string} name of the folder
 * @returns {any}
 */
function parse(text, name) {
  try {
    return Object(JSON.parse(new TextDecoder().decode(text)));
  } catch {
    // Many servers answer with a page where a file is missing.
    throw new Error(`model.json of ${name} is missing or damaged: it is not JSON.`);
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {string} name
 * @param {Description} description
 */
async function verify(bytes, name, description) {
  const expected = description.files?.[name];
  // Browsers offer the digest only to pages that came by HTTPS or from the same machine.
  const digest = globalThis.crypto?.subtle
    ? await globalThis.crypto.subtle.digest("SHA-256", /** @type {BufferSource} */ (bytes))
    : null;
  const sha256 =
    digest &&
    Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"))
      .join("");
  const isSame = sha256 === null || sha256 === expected?.sha256;
  if (bytes.length !== expected?.bytes || !isSame) {
    throw new Error(`${name} is not the file that was exported. Download it again.`);
  }
}

/**
 * @param {string} address of a folder
 * @returns {ReadFile} that fetches from there
 */
export function fetchFrom(address) {
  const folder = address.endsWith("/") ? address : `${address}/`;
  return async (path) => {
    const response = await fetch(folder + path).catch((error) => {
      throw new Error(`${folder}${path} cannot be loaded (${error.message}).`);
    });
    if (!response.ok) {
      throw new Error(`${folder}${path} is missing (${response.status}).`);
    }
    return new Uint8Array(await response.arrayBuffer());
  };
}
