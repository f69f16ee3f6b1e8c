import { DomainError } from '../../errors.ts'
import { isThere } from '../../io/files/file-names.ts'
import { checkImage } from '../check/image.ts'
import type { CheckpointRecord } from '../store/checkpoints/checkpoint-record.ts'
import type { DomainOptions } from '../store/domain-options.ts'

/** Checks that concern the running guest, which ends before the restore. */
const OF_THE_PRESENT: ReadonlySet<string> = new Set(['DOMAIN_STATE', 'DISKS', 'PORTS', 'MEMORY'])

/**
 * Checks, while the guest still runs, that everything is there for a return to a checkpoint: its disks, the whole image of its memory, a QEMU that has its machine.
 * @throws DomainError DOMAIN_WRONG_STATE with what is missing; ImageError, StorageError
 */
export async function checkRevertible(
  domain: string,
  record: CheckpointRecord,
  options: DomainOptions,
): Promise<void> {
  const refuse = (text: string, path: string): DomainError =>
    new DomainError(
      'DOMAIN_WRONG_STATE',
      `Domain '${domain}' cannot return to checkpoint '${record.name}': ${text}`,
      { path },
    )
  for (const { target, path } of record.disks)
    if (!(await isThere(path))) throw refuse(`its disk ${target} is gone (${path})`, path)
  const { memory } = record
  if (memory === undefined) return
  if (!(await isThere(memory.path)))
    throw refuse(`its memory is gone (${memory.path})`, memory.path)
  const { findings } = await checkImage(memory.path, options)
  const found = findings.find(
    ({ severity, code }) => severity === 'error' && !OF_THE_PRESENT.has(code) && code !== 'FILES',
  )
  if (found !== undefined) throw refuse(found.text, memory.path)
}
