/** Frames of pictures and of video files, each one, in order. */

import {ALL_FORMATS, BlobSource, Input, VideoSampleSink} from "mediabunny";

/**
 * @typedef {object} SourceFrame
 * @property {VideoFrame | ImageBitmap | null} frame the receiver closes it; null for a
 *   picture among others that cannot be read
 * @property {number} seconds since the first frame
 * @property {string | null} name of the picture; null for a video
 * @property {number} progress from 0 to 1
 */

/**
 * @param {File[]} files pictures, or one video
 * @returns {AsyncGenerator<SourceFrame>}
 */
export async function* framesOf(files) {
  const videos = files.filter(({type}) => !type.startsWith("image/"));
  if (videos.length && files.length > 1) {
    throw new Error("Open one video at a time, or several pictures.");
  }
  yield* videos.length ? framesOfVideo(videos[0]) : framesOfPictures(files);
}

/**
 * @param {File[]} files
 * @returns {AsyncGenerator<SourceFrame>}
 */
async function* framesOfPictures(files) {
  let broken = 0;
  for (const [i, file] of files.entries()) {
    let frame = null;
    try {
      frame = await createImageBitmap(file, {
        colorSpaceConversion: "none",
        premultiplyAlpha: "none",
      });
    } catch {
      if (files.length > 1) broken += 1;
      else throw new Error(`${file.name} is no picture that this browser can read.`);
    }
    yield {frame, seconds: i, name: file.name, progress: (i + 1) / files.length};
  }
  if (broken === files.length) {
    throw new Error("This browser can read none of these pictures.");
  }
}

/**
 * @param {File} file
 * @returns {AsyncGenerator<SourceFrame>}
 */
async function* framesOfVideo(file) {
  const cure = "Convert it to MP4 with H.264, or to WebM.";
  const input = new Input({formats: ALL_FORMATS, source: new BlobSource(file)});
  let track = null;
  let canDecode = false;
  let duration = 1;
  try {
    track = await input.getPrimaryVideoTrack();
    canDecode = (await track?.canDecode()) ?? false;
    duration = (await track?.computeDuration()) || 1;
  } catch {
    throw new Error(`${file.name} is no video that can be read. ${cure}`);
  }
  if (!track || !canDecode) {
    throw new Error(`This browser cannot decode ${file.name}. ${cure}`);
  }
  let first = null;
  try {
    for await (const sample of new VideoSampleSink(track).samples()) {
      first ??= sample.timestamp;
      const seconds = sample.timestamp - first;
      const frame = upright(sample);
      sample.close();
      const progress = Math.min(seconds / duration, 1);
      yield {frame, seconds, name: null, progress};
    }
  } catch (error) {
    throw new Error(`${file.name} is damaged: it cannot be decoded to its end (${error}).`);
  }
}

/**
 * @param {import("mediabunny").VideoSample} sample
 * @returns {VideoFrame | ImageBitmap} as it is shown
 */
function upright(sample) {
  if (!sample.rotation && !sample.flip) return sample.toVideoFrame();
  // Phones store videos lying on the side. Frames do not know that in every browser.
  const canvas = new OffscreenCanvas(sample.displayWidth, sample.displayHeight);
  const context = canvas.getContext("2d", {alpha: false});
  sample.draw(/** @type {OffscreenCanvasRenderingContext2D} */ (context), 0, 0);
  return canvas.transferToImageBitmap();
}
