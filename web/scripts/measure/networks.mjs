/**
 * Runs both networks of a model on given crops in headless Chromium.
 *
 *     node scripts/measure/networks.mjs FOLDER
 *
 * FOLDER has `detector.tflite`, `tracker.tflite`, `crops.bin` (bytes, RGB) and
 * `starts.bin` (float32). The landmarks of both are printed as JSON. `make web` comes
 * first: the page's WebAssembly is used.
 */

import {basename, dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {build} from "esbuild";
import {chromium} from "playwright-core";
import {serve, withCamera} from "../../test/pages/browser.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const [, , folder] = process.argv;
if (!folder) {
  console.error("Name the folder of the crops.");
  process.exit(2);
}
const built = await build({
  entryPoints: [join(HERE, "in_page.js")],
  bundle: true,
  format: "iife",
  write: false,
});
const site = await serve();
const browser = await chromium.launch(withCamera());
const page = await browser.newPage();
await page.route("**/given/*", (route) =>
  route.fulfill({path: join(folder, basename(route.request().url()))}),
);
// A file without the page's rules and without its worker.
await page.goto(`${site.address}licences.txt`);
await page.addScriptTag({content: built.outputFiles[0].text});
const answers = await page.evaluate(() => window.runNetworks());
await browser.close();
await site.stop();
console.log(JSON.stringify(answers));
