/**
 * Builds the site into `dist/`: page, worker, WebAssembly and models.
 *
 * Nothing is committed twice: WebAssembly comes from the package, models from
 * `saved_models`. A site that is too large to load fails.
 */

import {createHash} from "node:crypto";
import {cp, mkdir, readdir, readFile, rm, writeFile} from "node:fs/promises";
import {dirname, join, relative} from "node:path";
import {fileURLToPath} from "node:url";
import {brotliCompressSync, constants} from "node:zlib";
import {build} from "esbuild";

const WEB = join(dirname(fileURLToPath(import.meta.url)), "..");
const ROOT = join(WEB, "..");
const DIST = join(WEB, "dist");
const MODULES = join(WEB, "node_modules");
const FINDER = join(ROOT, "strrn_tf", "tracking", "face_detection", "mtcnn");
const DEFAULT_MODEL = "strrn-fast";
const MOST_MEGABYTES = 10;
/** @type {Record<string, string>} */
const LABELS = {
  "strrn-fast": "strrn-fast, fastest",
  "strrn-hgn": "strrn-hgn, most exact",
  "strrn-mdm": "strrn-mdm, between both",
};
const SHELL = ["index.html", "style.css", "icon.svg", "manifest.webmanifest"];
const LICENCES = [
  ["The code of strrn", join(ROOT, "LICENSE")],
  ["The weights of the models", join(ROOT, "saved_models", "LICENSE")],
  ["The face finder's weights", join(FINDER, "LICENSE")],
  ["mediabunny", join(MODULES, "mediabunny", "LICENSE")],
];

/** @param {string} name @param {"esm" | "iife"} format @param {object} define */
async function bundle(name, format, define = {}) {
  await build({
    entryPoints: [join(WEB, "page", name)],
    outfile: join(DIST, name),
    bundle: true,
    minify: true,
    format,
    define: Object.fromEntries(
      Object.entries(define).map(([key, value]) => [key, JSON.stringify(value)]),
    ),
    target: "es2022",
    logLevel: "warning",
  });
}

async function copyModels() {
  const saved = join(ROOT, "saved_models");
  const names = [];
  for (const entry of await readdir(saved, {withFileTypes: true})) {
    if (entry.isDirectory()) names.push(entry.name);
  }
  names.sort((a, b) => (a === DEFAULT_MODEL ? -1 : b === DEFAULT_MODEL ? 1 : a < b ? -1 : 1));
  for (const name of names) {
    for (const file of ["model.json", "detector.tflite", "tracker.tflite"]) {
      await cp(join(saved, name, file), join(DIST, "models", name, file));
    }
  }
  for (const network of ["pnet", "rnet", "onet"]) {
    const file = `${network}.tflite`;
    await cp(join(FINDER, file), join(DIST, "models", "mtcnn", file));
  }
  const listed = names.map((name) => ({name, label: LABELS[name] ?? name}));
  await writeFile(join(DIST, "models", "models.json"), JSON.stringify(listed));
}

/** @returns {Promise<Record<"relaxed" | "compat", string[]>>} files of both builds */
async function copyWasm() {
  /** @type {Record<"relaxed" | "compat", string[]>} */
  const wasm = {relaxed: [], compat: []};
  for (const kind of /** @type {const} */ (["relaxed", "compat"])) {
    const infix = kind === "relaxed" ? "" : "compat_";
    for (const end of ["js", "wasm"]) {
      const name = `litert_wasm_${infix}internal.${end}`;
      const from = join(MODULES, "@litertjs", "core", "wasm", name);
      await cp(from, join(DIST, "wasm", name));
      wasm[kind].push(`wasm/${name}`);
    }
  }
  return wasm;
}

async function writeLicences() {
  const parts = [
    "LiteRT.js (@litertjs/core, @litertjs/wasm-utils): Apache-2.0, as the code of strrn.",
  ];
  for (const [title, path] of LICENCES) {
    parts.push(`${title}\n${"=".repeat(title.length)}\n\n${await readFile(path, "utf8")}`);
  }
  await writeFile(join(DIST, "licences.txt"), parts.join("\n\n"));
}

/** @param {string} folder @returns {Promise<string[]>} all files below it */
async function filesBelow(folder) {
  const entries = await readdir(folder, {recursive: true, withFileTypes: true});
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(DIST, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** @param {string[]} files @returns {Promise<number>} megabytes, compressed */
async function compressedSize(files) {
  let bytes = 0;
  for (const file of files) {
    const params = {[constants.BROTLI_PARAM_QUALITY]: 5};
    bytes += brotliCompressSync(await readFile(join(DIST, file)), {params}).length;
  }
  return bytes / 1e6;
}

await rm(DIST, {recursive: true, force: true});
await mkdir(DIST, {recursive: true});
for (const file of SHELL) await cp(join(WEB, "page", file), join(DIST, file));
await copyModels();
const wasm = await copyWasm();
await writeLicences();
await bundle("app.js", "esm");
await bundle("worker.js", "iife");
const all = await filesBelow(DIST);
const optional = /^wasm\/|^models\/(?!models\.json|mtcnn\/)/;
const kept = all.filter(
  (file) => !optional.test(file) || file.startsWith(`models/${DEFAULT_MODEL}/`),
);
const digest = createHash("sha256");
for (const file of all) digest.update(file).update(await readFile(join(DIST, file)));
const version = `strrn-${digest.digest("hex").slice(0, 16)}`;
await bundle("sw.js", "iife", {BUILD: {version, files: ["./", ...kept], wasm}});
const megabytes = await compressedSize([...kept, ...wasm.relaxed, "sw.js"]);
console.log(`${DIST}: ${megabytes.toFixed(1)} MB compressed with ${DEFAULT_MODEL}`);
if (megabytes > MOST_MEGABYTES) {
  console.error(`That is more than ${MOST_MEGABYTES} MB.`);
  process.exit(1);
}
