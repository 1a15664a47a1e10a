/** Service worker: the files of one build, kept for times without a network. */

import {hasRelaxedSimd} from "./features.js";

// scripts/build.mjs writes BUILD: the name of the cache and its files.
const {version, files, wasm} = BUILD;
const scope = /** @type {any} */ (globalThis);
const needed = hasRelaxedSimd() ? wasm.relaxed : wasm.compat;
const MODEL_FILES = ["model.json", "detector.tflite", "tracker.tflite"];
/** @type {Promise<Cache> | null} */
let opened = null;

/** @returns {Promise<Cache>} of this build */
function ownCache() {
  opened ??= caches.open(version);
  return opened;
}

scope.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(
    ownCache()
      .then((cache) => cache.addAll([...files, ...needed]))
      .then(() => scope.skipWaiting()),
  );
});

scope.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((n) => n !== version).map((n) => caches.delete(n))))
      .then(() => scope.clients.claim()),
  );
});

// The page was loaded before this worker: it has not seen which model was fetched.
scope.addEventListener("message", (/** @type {any} */ event) => {
  const folder = `models/${event.data.model}/`;
  event.waitUntil(
    Promise.all(MODEL_FILES.map((name) => answer(new Request(folder + name)))),
  );
});

scope.addEventListener("fetch", (/** @type {any} */ event) => {
  const {request} = event;
  const isOwn = new URL(request.url).origin === scope.location.origin;
  if (request.method !== "GET" || !isOwn) return;
  event.respondWith(answer(request));
});

/**
 * @param {Request} request
 * @returns {Promise<Response>} from the cache; else from the network, and kept
 */
async function answer(request) {
  const cache = await ownCache();
  // Without its search: to ignore that, Chromium would compare every file of the cache.
  const known = await cache.match(request.url.replace(/[?#].*/, ""));
  if (known) return known;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}
