import { dirname, resolve } from 'node:path'
import { DomainError } from '../../../errors.ts'
import { identifyProcess } from '../../../qemu/process/process-identity.ts'
import { HeldDomain } from '../../catalogue/held-domain.ts'
import { cloneXml } from '../../machine/clone-xml.ts'
import { restoreDomain } from '../../restore/restore.ts'
import type { RestoreOptions, RestoreResult } from '../../restore/restore-request.ts'
import { requireCheckpoint } from '../../store/checkpoints/checkpoint-record.ts'
import { writeTree } from '../../store/checkpoints/checkpoint-tree.ts'
import type { DiskOverlay } from '../../store/checkpoints/disk-overlay.ts'
import { switched } from '../begin-at-checkpoint.ts'
import { settleCheckpoints } from '../settle-checkpoints.ts'

/** How to make a domain from a checkpoint. */
export interface CloneCheckpointOptions extends Omit<
  RestoreOptions,
  'clone' | 'xml' | 'force' | 'keepImage'
> {
  /** An existing directory for the overlays of its disks. Default: that of the first disk. */
  readonly overlays?: string | undefined
}

/**
 * Makes another domain from a checkpoint, beside the one that it is of: with its own name, UUID and addresses, on overlays of the checkpoint's disks.
 * @throws DomainError CHECKPOINT_NOT_FOUND, DOMAIN_WRONG_STATE without memory; the errors of `restoreDomain`
 * @example
 * const { name } = await cloneCheckpoint('web', 'before-upgrade', 'web-trial')
 */
export async function cloneCheckpoint(
  reference: string,
  name: string,
  newName: string,
  options: CloneCheckpointOptions = {},
): Promise<RestoreResult> {
  const { overlays: directory, ...rest } = options
  await using held = await HeldDomain.find(reference, 'checkpoint-restore', options)
  const { directories, name: domain } = held
  const tree = await settleCheckpoints(held)
  const record = await requireCheckpoint(directories, domain, name)
  if (record.memory === undefined)
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Checkpoint '${name}' of domain '${domain}' has no memory, so no guest can be restored from it`,
      { hint: `\`stasis checkpoint-revert ${domain} ${name}\` returns its disks` },
    )
  const text = switched(record, record.xml, [])
  const place = directory ?? dirname(record.disks[0]?.path ?? resolve('.'))
  const clone = { name: newName, diskOverlay: place }
  const made = cloneXml(text, clone).overlays.map(
    ({ path, backing, backingFormat }): DiskOverlay => ({
      target: record.disks.find((disk) => disk.path === backing)?.target ?? '',
      ...{ path, backing, backingFormat, clone: newName },
    }),
  )
  const write = (overlays: readonly DiskOverlay[]): Promise<void> =>
    writeTree(directories, domain, { ...tree, overlays: [...tree.overlays, ...overlays] })
  // Before they exist: one that does not is forgotten with the next deletion.
  const maker = await identifyProcess(process.pid)
  await write(made.map((overlay) => ({ ...overlay, maker })))
  const restored = await restoreDomain(record.memory.path, {
    ...rest,
    ...{ clone, xml: { text }, force: true },
  })
  await write(made)
  return restored
}
