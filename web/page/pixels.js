/** Pixels of frames, whatever the frame is. */

/** @typedef {import("strrn-web").Image} Image */

/** Reads frames into memory that it keeps: the pixels are valid until the next frame. */
export class PixelReader {
  constructor() {
    const canvas = new OffscreenCanvas(1, 1);
    const settings = {willReadFrequently: true};
    this.context = /** @type {OffscreenCanvasRenderingContext2D} */ (
      canvas.getContext("2d", settings)
    );
    this.data = new Uint8ClampedArray(0);
    this.canConvert = true;
  }

  /**
   * @param {VideoFrame | ImageBitmap} frame
   * @returns {Promise<Image>}
   */
  async read(frame) {
    const [width, height] = sizeOf(frame);
    if (this.canConvert && frame instanceof VideoFrame && isPlain(frame)) {
      try {
        return await this.convert(frame, width, height);
      } catch {
        // Not every browser turns the camera's format into RGB by itself.
        this.canConvert = false;
      }
    }
    const {context} = this;
    const {canvas} = context;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.globalCompositeOperation = "copy";
    context.drawImage(frame, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  }

  /**
   * @param {VideoFrame} frame
   * @param {number} width
   * @param {number} height
   * @returns {Promise<Image>}
   */
  async convert(frame, width, height) {
    if (this.data.length !== 4 * width * height) {
      this.data = new Uint8ClampedArray(4 * width * height);
    }
    const layout = [{offset: 0, stride: 4 * width}];
    await frame.copyTo(this.data, /** @type {any} */ ({format: "RGBA", layout}));
    return {data: this.data, width, height};
  }
}

/**
 * @param {VideoFrame | ImageBitmap} frame
 * @returns {[number, number]} width and height as it is shown
 */
export function sizeOf(frame) {
  return frame instanceof ImageBitmap
    ? [frame.width, frame.height]
    : [frame.displayWidth, frame.displayHeight];
}

/**
 * @param {VideoFrame} frame
 * @returns {boolean} whether it is shown as it is stored: not turned, pixels square
 */
function isPlain(frame) {
  const {rotation = 0, flip = false} = /** @type {any} */ (frame);
  const {width, height} = frame.visibleRect ?? {width: 0, height: 0};
  const isSquare = width === frame.displayWidth && height === frame.displayHeight;
  return rotation === 0 && !flip && isSquare;
}
