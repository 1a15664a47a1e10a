/** Keeps the page for times without a network. */

/** @type {Promise<ServiceWorkerRegistration> | null} */
let registering = null;
/** @type {Set<string>} */
const kept = new Set();

/**
 * Register the service worker, which reads every file once more.
 *
 * Call it after the first landmarks: it must not delay them. Later calls do nothing.
 *
 * @param {string} model that is used, and kept with the page
 */
export function keepOffline(model) {
  if (kept.has(model) || !("serviceWorker" in navigator)) return;
  kept.add(model);
  registering ??= navigator.serviceWorker.register("sw.js");
  registering
    .then(({installing, waiting, active}) => {
      (installing ?? waiting ?? active)?.postMessage({model});
    })
    .catch(() => {
      // Private windows and certificates that are not trusted refuse it: the page works.
    });
}
