import { writeU32 } from './u32.ts'

/*
 * Every message begins with 8 bytes, little-endian: u32 bytes of the control part (a multiple of 8) | u32 its form.
 */
export const MESSAGE_HEADER_BYTES = 8
/** 0: JSON (frame.ts); 1: binary, of a feature notice (feature-head.ts). */
export type MessageForm = 0 | 1

/** Room for a header, written, and the control part behind it, zeros. */
export function messageHead(controlBytes: number, form: MessageForm): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(MESSAGE_HEADER_BYTES + controlBytes)
  writeU32(head, 0, controlBytes)
  writeU32(head, 4, form)
  return head
}

/** The next multiple of 8: where parts of a message, and messages of a bundle, begin. */
export const align = (bytes: number) => (bytes + 7) & ~7
