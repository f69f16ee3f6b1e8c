import { stat } from 'node:fs/promises'
import type { DiskLayer } from '../../qemu/domain-xml/model/disk-source.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'

/** Shows whether a disk has changed: not its content, only the facts that the file system has about it. */
export interface DiskIdentity {
  /** `vda`, or the path for a file without such a name. */
  readonly target: string
  readonly path: string
  readonly sizeBytes: number
  /** Nanoseconds since 1970, as text; `0` for a block device, whose node has no useful time. */
  readonly modifiedNs: string
}

/** The files and block devices that a guest writes to, and their backing files: the overlays of a clone depend on these. */
export function writableDisks(domain: Domain): readonly Pick<DiskIdentity, 'target' | 'path'>[] {
  return domain.disks
    .filter(({ readonly }) => !readonly)
    .flatMap(({ target, source }) => chainOf(source).map(({ path }) => ({ target, path })))
}

function chainOf(layer: DiskLayer | undefined): readonly DiskLayer[] {
  if (layer === undefined) return []
  const { backing } = layer
  return [layer, ...chainOf(backing === 'none' ? undefined : backing)]
}

/** Reads the identity of disks; omits those that do not exist. */
export async function identifyDisks(
  disks: readonly Pick<DiskIdentity, 'target' | 'path'>[],
): Promise<readonly DiskIdentity[]> {
  const found = await Promise.all(disks.map(({ target, path }) => identify(target, path)))
  return found.filter((disk) => disk !== undefined)
}

/** Describes how disks have changed since; `undefined` when they have not. */
export async function changeOfDisks(then: readonly DiskIdentity[]): Promise<string | undefined> {
  for (const old of then) {
    const now = await identify(old.target, old.path)
    if (now === undefined) return `its disk ${old.target} (${old.path}) is gone`
    if (now.sizeBytes !== old.sizeBytes)
      return `its disk ${old.target} (${old.path}) has ${now.sizeBytes} bytes, not ${old.sizeBytes}`
    if (now.modifiedNs !== old.modifiedNs)
      return `its disk ${old.target} (${old.path}) was written to at ${timeText(now.modifiedNs)}`
  }
  return undefined
}

async function identify(target: string, path: string): Promise<DiskIdentity | undefined> {
  const facts = await stat(path, { bigint: true }).catch(() => undefined)
  if (facts === undefined) return undefined
  return {
    target,
    path,
    sizeBytes: Number(facts.size),
    modifiedNs: facts.isFile() ? String(facts.mtimeNs) : '0',
  }
}

function timeText(nanoseconds: string): string {
  return new Date(Number(BigInt(nanoseconds) / 1_000_000n)).toISOString()
}
