import {
  type ErrorFacts,
  ImageError,
  QemuError,
  type Refusal,
  type StasisError,
} from '../../errors.ts'

/** Why memory cannot be restored in one way: the image or the domain does not allow it, or QEMU or this host does not. */
export type SourceRefusal = Refusal<'IMAGE_INCOMPATIBLE' | 'QEMU_LACKS_FEATURE'>

/** The refusal for an image, or its domain, that does not allow it. */
export function unfit(reason: string): SourceRefusal {
  return { code: 'IMAGE_INCOMPATIBLE', reason }
}

/** The refusal as an error, for callers that requested this way. `how` completes "the memory cannot be", such as `mapped`. */
export function refusalError(path: string, how: string, refusal: SourceRefusal): StasisError {
  const text = `The memory in ${path} cannot be ${how}: ${refusal.reason}`
  const facts: ErrorFacts = { path, hint: 'Omit --mode, or restore with --mode load' }
  return refusal.code === 'QEMU_LACKS_FEATURE'
    ? new QemuError(refusal.code, text, facts)
    : new ImageError(refusal.code, text, facts)
}
