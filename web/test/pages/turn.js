/** A video that is shown turned, as phones store theirs. */

import {writeFileSync} from "node:fs";
import {
  ALL_FORMATS,
  BufferTarget,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  FilePathSource,
  Input,
  Mp4OutputFormat,
  Output,
} from "mediabunny";

/**
 * Copies a video, frames as they are, into an MP4 file that says to turn them.
 *
 * @param {string} from
 * @param {string} to
 */
export async function writeTurned(from, to) {
  const input = new Input({formats: ALL_FORMATS, source: new FilePathSource(from)});
  const track = await input.getPrimaryVideoTrack();
  const codec = await track?.getCodec();
  const decoderConfig = await track?.getDecoderConfig();
  if (!track || !codec || !decoderConfig) throw new Error(`${from} has no frames.`);
  const target = new BufferTarget();
  const output = new Output({format: new Mp4OutputFormat(), target});
  const packets = new EncodedVideoPacketSource(codec);
  output.addVideoTrack(packets, {rotation: 90});
  await output.start();
  for await (const packet of new EncodedPacketSink(track).packets()) {
    await packets.add(packet, {decoderConfig});
  }
  await output.finalize();
  writeFileSync(to, new Uint8Array(/** @type {ArrayBuffer} */ (target.buffer)));
}
