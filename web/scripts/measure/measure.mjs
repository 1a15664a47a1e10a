/**
 * Measures the built page in headless Chromium: frames per second, or time to open it.
 *
 *     node scripts/measure/measure.mjs rate --clip CLIP.y4m [--core 1] [--seconds 20]
 *         [--wanted 60] [--model NAME] [--face-mesh FOLDER]
 *     node scripts/measure/measure.mjs opening --clip CLIP.y4m [--core 1] [--times 5]
 *
 * The fake camera shows the clip. With `--core` all processes of the browser share one
 * core; the server does not. `--wanted` are the frames per second that the page asks the
 * camera for, and the clip must have as many. `--face-mesh` names the folder of the
 * package `@mediapipe/face_mesh`, which is then measured too, before and after.
 */

import {parseArgs} from "node:util";
import {opening} from "./opening.mjs";
import {faceMeshRate, pageRate} from "./rate.mjs";

const {values, positionals} = parseArgs({
  allowPositionals: true,
  options: {
    clip: {type: "string"},
    core: {type: "string"},
    seconds: {type: "string", default: "20"},
    wanted: {type: "string", default: "30"},
    model: {type: "string", default: "strrn-fast"},
    times: {type: "string", default: "5"},
    "face-mesh": {type: "string"},
  },
});
const {clip, core, model, "face-mesh": folder} = values;
const [seconds, wanted, times] = [values.seconds, values.wanted, values.times].map(Number);
const [mode] = positionals;
if (!clip || !["rate", "opening"].includes(mode)) {
  console.error("Name what to measure, `rate` or `opening`, and a clip with --clip.");
  process.exit(2);
}
if (mode === "opening") {
  await opening({clip, core, times});
} else {
  const settings = {clip, core, seconds, wanted};
  if (folder) await faceMeshRate(settings, folder);
  await pageRate(settings, model);
  if (folder) await faceMeshRate(settings, folder);
}
