/** What a test adds to the page, to see which frames the worker gets and answers. */

/** Runs in the page, before its own scripts. */
export function spy() {
  const [BITS, SIDE] = [8, 24];
  const scope = /** @type {any} */ (window);
  /** @type {{number: number, seconds: number, faces?: any[]}[]} */
  scope.frames = [];
  scope.answered = 0;
  const canvas = document.createElement("canvas");
  canvas.width = BITS * SIDE;
  canvas.height = SIDE;
  const context = /** @type {CanvasRenderingContext2D} */ (
    canvas.getContext("2d", {willReadFrequently: true})
  );

  /** @param {VideoFrame | ImageBitmap} frame */
  function numberOf(frame) {
    context.drawImage(frame, 0, 0);
    const {data} = context.getImageData(0, SIDE / 2, BITS * SIDE, 1);
    let number = 0;
    for (let bit = 0; bit < BITS; bit++) {
      if (data[4 * (bit * SIDE + SIDE / 2)] > 127) number += 1 << bit;
    }
    return number;
  }

  const Original = Worker;
  scope.Worker = class extends Original {
    /** @param {string | URL} address */
    constructor(address) {
      super(address);
      this.addEventListener("message", ({data}) => {
        if (data.type !== "faces" || !scope.frames[scope.answered]) return;
        scope.frames[scope.answered].faces = data.faces.map((/** @type {any} */ face) => ({
          ...face,
          landmarks: [...face.landmarks],
        }));
        scope.answered += 1;
      });
    }

    /**
     * @param {any} message
     * @param {any} [transfer]
     */
    postMessage(message, transfer) {
      if (message.type === "frame") {
        const {frame, seconds} = message;
        scope.frames.push({number: numberOf(frame), seconds});
      }
      super.postMessage(message, transfer);
    }
  };
}
