import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { type DiskSwitch, withDiskFiles, withOverlays } from '../catalogue/disk-xml.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { bootMachine } from '../lifecycle/boot.ts'
import type { ResumedState } from '../machine/domain-state.ts'
import { prepareMachine } from '../machine/prepare-machine.ts'
import { restoreImage } from '../restore/restore.ts'
import type { RestoreResult } from '../restore/restore-request.ts'
import type { CheckpointRecord } from '../store/checkpoints/checkpoint-record.ts'
import type { DiskOverlay } from '../store/checkpoints/disk-overlay.ts'
import { readDefinition } from '../store/definitions.ts'
import type { Reverting } from './revert-options.ts'

/** A guest that was begun; `undefined`: the domain is off. */
export type Begun = { readonly state: ResumedState; readonly restored?: RestoreResult } | undefined

/** Lets a domain that is off begin from a checkpoint, on these overlays: from its memory, or by a boot if that was asked for. @throws as `restoreDomain` and `startDomain` */
export async function beginAtCheckpoint(
  held: HeldDomain,
  record: CheckpointRecord,
  overlays: readonly DiskOverlay[],
  options: Reverting,
): Promise<Begun> {
  const { memory } = record
  const { act, state, signal, onWarning } = options
  if (memory !== undefined) {
    const text = switched(record, record.xml, overlays)
    const own = { ...options, xml: { text }, resumeAs: state, force: true }
    const restored = await restoreImage(memory.path, own, { act, held })
    return { state: restored.state, restored }
  }
  if (state === undefined) return undefined
  const text = (await readDefinition(held.directories, held.name)) ?? ''
  const { directories } = held
  const prepared = await prepareMachine({ text }, directories, { ...options, occasion: 'start' })
  const paused = state === 'paused'
  await bootMachine(held, prepared, { ...options, paused, signal, onWarning })
  return { state }
}

/** An XML of the checkpoint with the new overlays. After a merge, a disk of the checkpoint is at another place than its XML says. */
export function switched(
  { disks }: CheckpointRecord,
  xml: string,
  overlays: readonly DiskOverlay[],
): string {
  const { domain } = readDomain(parseDomainXml(xml), { tolerant: true })
  const moves: DiskSwitch[] = []
  for (const { target, path, format } of disks) {
    const source = domain.disks.find((disk) => disk.target === target)?.source
    const from = source !== undefined && 'path' in source ? source.path : undefined
    if (from !== undefined && from !== path)
      moves.push({ target, from, path, format, overlay: false })
  }
  return withOverlays(withDiskFiles(xml, moves), overlays)
}
