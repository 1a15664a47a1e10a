/** The camera: one frame at a time to the worker, always the newest. */

/** Hands on frames of a camera while somebody takes them. */
export class Camera {
  /**
   * @param {(frame: VideoFrame | ImageBitmap, seconds: number) => void} send
   * @param {() => void} onEnd the camera was unplugged, or the browser took it away
   */
  constructor(send, onEnd) {
    this.send = send;
    this.onEnd = onEnd;
    this.video = document.createElement("video");
    this.video.muted = true;
    this.video.playsInline = true;
    /** @type {MediaStream | null} */
    this.stream = null;
    this.isBusy = false;
    this.isFresh = false;
  }

  /** Ask for the camera and begin. */
  async start() {
    const size = {width: {ideal: 640}, height: {ideal: 480}};
    const video = {...size, facingMode: "user", frameRate: {ideal: 30}};
    const stream = await navigator.mediaDevices.getUserMedia({video, audio: false});
    this.stream = stream;
    stream.getVideoTracks()[0].addEventListener("ended", () => {
      if (this.stream === stream) this.onEnd();
    });
    this.video.srcObject = stream;
    this.isBusy = false;
    this.isFresh = false;
    await this.video.play();
    this.wait(stream);
  }

  /** Give the camera back. */
  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
  }

  /**
   * Wait for the next frame.
   *
   * @param {MediaStream} stream while it is the camera's
   */
  wait(stream) {
    this.video.requestVideoFrameCallback(() => {
      if (this.stream !== stream) return;
      this.isFresh = true;
      void this.offer();
      this.wait(stream);
    });
  }

  /** The worker is done with a frame: give it the next, if there is one. */
  taken() {
    this.isBusy = false;
    void this.offer();
  }

  /** Send the frame that is seen, unless the worker has one or has seen it. */
  async offer() {
    if (this.isBusy || !this.isFresh || !this.stream) return;
    this.isBusy = true;
    this.isFresh = false;
    const seconds = performance.now() / 1000;
    try {
      const frame =
        typeof VideoFrame === "function"
          ? new VideoFrame(this.video, {timestamp: Math.round(seconds * 1e6)})
          : await createImageBitmap(this.video);
      this.send(frame, seconds);
    } catch {
      // The video has no frame yet: the next one will do.
      this.isBusy = false;
    }
  }
}
