import { ImageError } from '../errors.ts'
import type { WireError } from '../wire/wire-error.ts'

/** The place of a fault. */
export interface FaultPlace {
  /** Byte offset in the file. */
  readonly offset?: number | undefined
  /** The damaged part of the file: `header`. */
  readonly part?: string | undefined
  readonly cause?: unknown
}

/** Fits every image that was complete once: a copy can be made again; otherwise only an older image helps. */
const HINT = 'If the file is a copy, copy it again; otherwise restore an older image'

/** The error for a file with wrong content; `what` completes the sentence. */
export function imageDamaged(path: string, what: string, place: FaultPlace = {}): ImageError {
  const { part, ...facts } = place
  const text = part === undefined ? 'is damaged' : `has a damaged ${part}`
  return new ImageError('IMAGE_CORRUPT', `${path} ${text}: ${what}`, { ...facts, path, hint: HINT })
}

/** The error for a truncated file; `what` completes the sentence. */
export function imageTruncated(
  path: string,
  what: string,
  place: Omit<FaultPlace, 'part'> = {},
): ImageError {
  const text = `${path} is truncated: ${what}`
  return new ImageError('IMAGE_TRUNCATED', text, { ...place, path, hint: HINT })
}

/** The error for a part of a file in a version that is not supported. */
export function imageTooNew(
  path: string,
  part: string,
  place: { readonly version: number; readonly known: number; readonly offset: number },
): ImageError {
  const { version, known, offset } = place
  return new ImageError(
    'IMAGE_TOO_NEW',
    `The ${part} of ${path} has version ${version}; this program supports version ${known}`,
    { path, offset, hint: 'Use a newer Stasis' },
  )
}

/** The error for an image whose machine state does not follow QEMU's format; the message does not repeat the cause's offset. */
export function imageWireFault(
  path: string,
  cause: WireError,
  place: Omit<FaultPlace, 'part' | 'cause'> = {},
): ImageError {
  const facts = { ...place, cause }
  switch (cause.kind) {
    case 'truncated':
      return imageTruncated(path, cause.message, facts)
    case 'corrupt':
      return imageDamaged(path, cause.message, facts)
    case 'unsupported': {
      const text = `${path} holds a machine that is not supported: ${cause.message}`
      return new ImageError('IMAGE_UNSUPPORTED', text, {
        ...facts,
        path,
        hint: 'Use a newer Stasis',
      })
    }
  }
}
