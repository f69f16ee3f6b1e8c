import { isOptionalText, isText } from '../../../io/records/field-checks.ts'
import { fieldsOf } from '../../../io/records/record-file.ts'
import { type ProcessIdentity, isProcessIdentity } from '../../../qemu/process/process-identity.ts'

/** A disk of a checkpoint: the file that has its content of the instant, and that nobody may write to any more. */
export interface CheckpointDisk {
  /** Its name in the guest: `vda`. */
  readonly target: string
  readonly path: string
  readonly format: string
}

/** A qcow2 file that Stasis made on top of another file of a disk. */
export interface DiskOverlay {
  readonly target: string
  readonly path: string
  readonly backing: string
  readonly backingFormat: string
  /** The clone that writes to it; `undefined`: the domain itself. */
  readonly clone?: string | undefined
  /** The process that makes the clone, until that runs. */
  readonly maker?: ProcessIdentity | undefined
}

/** Whether a value of a record is a disk of a checkpoint. */
export function isDisk(value: unknown): boolean {
  const { target, path, format } = fieldsOf(value) ?? {}
  return isText(target) && isText(path) && isText(format)
}

/** Whether a value of a record is an overlay. */
export function isOverlay(value: unknown): boolean {
  const { target, path, backing, backingFormat, clone, maker } = fieldsOf(value) ?? {}
  return (
    [target, path, backing, backingFormat].every(isText) &&
    isOptionalText(clone) &&
    (maker === undefined || isProcessIdentity(maker))
  )
}
