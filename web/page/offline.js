/** Keeps the page for times without a network. */

/** Register the service worker, once the networks are loaded: it must not delay them. */
export function keepOffline() {
  if (!("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register("sw.js").catch(() => {
    // Private windows and certificates that are not trusted refuse it: the page works.
  });
}
