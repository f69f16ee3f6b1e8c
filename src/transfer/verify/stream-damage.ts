import { ImageError, StasisError } from '../../errors.ts'
import { imageWireFault } from '../../image/image-fault.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { DamageKind, PartDamage } from './damage.ts'

/** Where the reading of a stream ended. */
export interface StreamPlace {
  /** Offset in the file, if it is known. */
  readonly offset?: number | undefined
  /** Whether the stream was of a supported kind so far. Then something unsupported is rather damage. */
  readonly isUnderstood: boolean
}

/**
 * The damage that ends the reading of a stream. Any error that does not come from damage is thrown.
 * @throws ImageError IMAGE_UNSUPPORTED, StorageError, CancelledError, and others
 */
export function streamDamage(
  file: string,
  error: unknown,
  { offset, isUnderstood }: StreamPlace,
): Omit<PartDamage, 'part'> {
  const fault = error instanceof WireError ? imageWireFault(file, error, { offset }) : error
  const kind = kindOf(fault, error instanceof WireError && isUnderstood)
  if (kind === undefined || !(fault instanceof StasisError)) throw fault
  const text =
    fault.code === 'IMAGE_UNSUPPORTED' && error instanceof WireError
      ? `${file} is damaged, or of a kind that this Stasis does not support: ${error.message}`
      : fault.message
  return { kind, text, file: fault.path ?? file, offset: fault.offset ?? offset }
}

function kindOf(fault: unknown, isUnderstood: boolean): DamageKind | undefined {
  if (StasisError.is(fault, 'IO_ERROR')) return 'unreadable'
  if (!(fault instanceof ImageError)) return undefined
  if (fault.code === 'IMAGE_TRUNCATED') return 'truncated'
  if (fault.code === 'IMAGE_CORRUPT') return 'content'
  return fault.code === 'IMAGE_UNSUPPORTED' && isUnderstood ? 'content' : undefined
}
