import { stat } from 'node:fs/promises'
import { UsageError, storageError } from '../../errors.ts'
import type { DiskLayer } from '../../qemu/domain-xml/model/disk-source.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { listEntries } from './catalogue.ts'
import { readDefinition } from './definitions.ts'
import type { Directories } from './directories.ts'
import { readLiveXml } from './dump-xml.ts'

/**
 * Checks that an image may be put at `path`: nothing is there, or a plain file that no domain uses.
 * @throws UsageError BAD_ARGUMENT, StorageError
 */
export async function checkDestination(directories: Directories, path: string): Promise<void> {
  const there = await identify(path)
  if (there === undefined) return
  if (!there.file) {
    throw new UsageError('BAD_ARGUMENT', `${path} is no plain file: an image cannot replace it`, {
      path,
    })
  }
  for (const { name, xml } of await allXml(directories)) {
    for (const used of filesOf(xml)) {
      if ((await identify(used))?.key !== there.key) continue
      throw new UsageError('BAD_ARGUMENT', `${path} belongs to domain '${name}'`, {
        path,
        hint: 'Save to another file',
      })
    }
  }
}

interface Identified {
  readonly key: string
  readonly file: boolean
}

async function identify(path: string): Promise<Identified | undefined> {
  try {
    const facts = await stat(path)
    return { key: `${facts.dev}:${facts.ino}`, file: facts.isFile() }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw storageError('look at the destination', path, error)
  }
}

async function allXml(
  directories: Directories,
): Promise<readonly { readonly name: string; readonly xml: string }[]> {
  const found: { name: string; xml: string }[] = []
  for (const { name, paths, record } of await listEntries(directories)) {
    const live = record === undefined ? undefined : await readLiveXml(paths).catch(() => undefined)
    for (const xml of [live, await readDefinition(directories, name)])
      if (xml !== undefined) found.push({ name, xml })
  }
  return found
}

/** The files that a domain reads or writes; none when its XML cannot be read. */
function filesOf(xml: string): readonly string[] {
  let domain: Domain
  try {
    domain = readDomain(parseDomainXml(xml), { ignoreUnsupported: true }).domain
  } catch {
    return []
  }
  const disks = domain.disks.flatMap((disk) => [...layers(disk.source), ...layers(disk.backing)])
  const serials = [...domain.serials, ...domain.consoles, ...domain.channels]
  const others = [
    domain.os.loader?.path,
    domain.os.nvram?.path,
    domain.os.kernel,
    domain.os.initrd,
    ...serials.flatMap(({ backend }) => [backend.path, backend.log?.file]),
  ]
  return [...disks, ...others.filter((path) => path !== undefined)]
}

function layers(layer: DiskLayer | 'none' | undefined): readonly string[] {
  if (layer === undefined || layer === 'none') return []
  return [layer.path, ...layers(layer.backing)]
}
