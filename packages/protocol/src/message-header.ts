import { writeU32 } from './u32.ts'

/*
 * Every message begins with 8 bytes, little-endian: u32 bytes of the control part (a multiple of 8) | u32 its form.
 */
export const MESSAGE_HEADER_BYTES = 8
/** 0: JSON (frame.ts); 1: binary, of a feature notice (feature-head.ts). */
export type MessageForm = 0 | 1

/**
 * Room for a header, written, and the control part behind it: at the beginning of `room` where that is long enough, with
 * zeros in its last 8 bytes only, or else a buffer of its own, all zeros.
 */
export function messageHead(
  controlBytes: number,
  form: MessageForm,
  room?: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const bytes = MESSAGE_HEADER_BYTES + controlBytes
  const isRoomy = room !== undefined && room.byteLength >= bytes
  const head = isRoomy ? room.subarray(0, bytes).fill(0, bytes - 8) : new Uint8Array(bytes)
  writeU32(head, 0, controlBytes)
  writeU32(head, 4, form)
  return head
}

/** The next multiple of 8: where parts of a message, and messages of a bundle, begin. */
export const align = (bytes: number) => (bytes + 7) & ~7
