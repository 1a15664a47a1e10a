/** Keeps the page for times without a network. */

let isKept = false;

/**
 * Register the service worker, which reads every file once more.
 *
 * Call it after the first landmarks: it must not delay them. Later calls do nothing.
 */
export function keepOffline() {
  if (isKept || !("serviceWorker" in navigator)) return;
  isKept = true;
  navigator.serviceWorker.register("sw.js").catch(() => {
    // Private windows and certificates that are not trusted refuse it: the page works.
  });
}
