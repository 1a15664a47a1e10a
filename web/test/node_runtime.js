/** LiteRT.js in Node: the few things that it expects of a browser, and files. */

import {readFile} from "node:fs/promises";
import {createRequire} from "node:module";
import {dirname, join, resolve} from "node:path";
import {fileURLToPath} from "node:url";
import vm from "node:vm";
import {loadRuntime} from "strrn-web";

const here = dirname(fileURLToPath(import.meta.url));
export const ROOT = join(here, "..", "..");
const require = createRequire(import.meta.url);
const WASM = join(dirname(require.resolve("@litertjs/core/package.json")), "wasm");

/** @returns {Promise<void>} when LiteRT is loaded */
export async function nodeRuntime() {
  const scope = /** @type {Record<string, any>} */ (globalThis);
  scope.self = globalThis;
  scope.importScripts = (/** @type {string} */ path) => {
    const text = require("node:fs").readFileSync(path, "utf8");
    vm.runInThisContext(`(function (require, __filename, __dirname, module) {${text}
      ;globalThis.ModuleFactory ??= typeof ModuleFactory === "undefined"
        ? undefined : ModuleFactory;})`)(require, path, WASM, {});
  };
  scope.Module = {locateFile: (/** @type {string} */ name) => join(WASM, name)};
  await loadRuntime(`${WASM}/`);
}

/**
 * @param {string} folder absolute, or relative to the project
 * @returns {import("../src/tracking/networks/model_folder.js").ReadFile}
 */
export function readFrom(folder) {
  return async (path) => new Uint8Array(await readFile(resolve(ROOT, folder, path)));
}
