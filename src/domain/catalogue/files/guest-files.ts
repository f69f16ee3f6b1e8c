import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { storageError } from '../../../io/storage-error.ts'
import { readText } from '../../../io/records/text-file.ts'
import { backingChain } from '../../../qemu/programs/backing-chain.ts'
import { inheritedMemory } from '../../../qemu/command-line/board/memory.ts'
import { type DiskLayer, localPath } from '../../../qemu/domain-xml/model/storage/disk-source.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../../qemu/domain-xml/read-domain.ts'
import { findByMonitors } from '../../../qemu/process/find-by-monitors.ts'
import { fileKey, openFilesOf } from '../../../qemu/process/open-files.ts'
import { type DomainEntry, lastEndOf, listEntries } from '../catalogue.ts'
import { readDefinition } from '../../store/definitions.ts'
import type { Directories } from '../../store/directories.ts'
import { monitorsOf } from '../own-qemu.ts'
import { readPostcopyRecord } from '../../store/postcopy-record.ts'
import type { RuntimeRecord } from '../../store/runtime-record.ts'

/** The reason why a file must not change: a domain, and its use of the file. */
export interface FileUse {
  readonly domain: string
  /** `open`: its QEMU has it open; `named`: its XML names it, or it is a backing file of a disk; `state`: it holds the last state of the guest. */
  readonly use: 'open' | 'named' | 'state'
}

/**
 * How the domains of this state directory use the file with this key (`keyOf`). It also queries which files the QEMUs have open: the XML does not
 * name all backing files, and another file may have a name from the XML by now.
 * @throws StorageError
 */
export async function usesOfFile(
  directories: Directories,
  key: string,
): Promise<readonly FileUse[]> {
  const uses: FileUse[] = []
  for (const entry of await listEntries(directories)) {
    const use = await useOf(directories, entry, key)
    if (use !== undefined) uses.push({ domain: entry.name, use })
  }
  return uses
}

async function useOf(
  directories: Directories,
  entry: DomainEntry,
  key: string,
): Promise<FileUse['use'] | undefined> {
  const { name, paths, record, fault } = entry
  // A QEMU whose record is unreadable uses its files all the same.
  const qemus = fault === undefined ? [] : await findByMonitors(monitorsOf(paths))
  for (const { pid } of record === undefined ? qemus : [record]) {
    const open = await openFilesOf(pid)
    if (!open.some((file) => file.key === key)) continue
    // A guest keeps the file that is its memory, whatever happens to the name of the file.
    if (record === undefined || !(await isMemory(record, key))) return 'open'
  }
  const state = (await lastEndOf(entry))?.image
  const filling = record === undefined ? undefined : (await readPostcopyRecord(paths))?.image
  for (const image of [state, filling])
    if (image !== undefined && (await keyOf(image))?.key === key) return 'state'
  const runs = record !== undefined || fault !== undefined
  const live = runs ? await readText(paths.liveXml) : undefined
  for (const xml of [live, await readDefinition(directories, name)]) {
    if (xml === undefined) continue
    for (const path of await namedFiles(xml)) if ((await keyOf(path))?.key === key) return 'named'
  }
  return undefined
}

/** Whether the file is the memory of this QEMU's guest, as after `restore --mode map`. */
async function isMemory({ pid, commandLine }: RuntimeRecord, key: string): Promise<boolean> {
  for (const fd of inheritedMemory(commandLine))
    if ((await keyOf(`/proc/${pid}/fd/${fd}`))?.key === key) return true
  return false
}

/** The kinds of file that differ for an image. */
export type FileKind = 'file' | 'pipe' | 'device' | 'other'

/** Device and inode of a file, and its kind (`device`: a block device); `undefined` when it does not exist. @throws StorageError */
export async function keyOf(
  path: string,
): Promise<{ readonly key: string; readonly kind: FileKind } | undefined> {
  try {
    const facts = await stat(path)
    return { key: fileKey(facts), kind: kindOf(facts) }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw storageError('inspect the file', path, error)
  }
}

function kindOf(facts: Stats): FileKind {
  if (facts.isFile()) return 'file'
  if (facts.isFIFO()) return 'pipe'
  return facts.isBlockDevice() ? 'device' : 'other'
}

/** The files that a domain XML names, and the backing files of its disks; empty when the XML cannot be read. */
async function namedFiles(xml: string): Promise<readonly string[]> {
  let domain: Domain
  try {
    domain = readDomain(parseDomainXml(xml), { tolerant: true }).domain
  } catch {
    return []
  }
  const disks: string[] = []
  for (const { source, backing } of domain.disks) {
    disks.push(...layers(source), ...layers(backing))
    const path = source === undefined ? undefined : localPath(source)
    if (path !== undefined && source !== undefined)
      disks.push(...(await backingChain(path, source.format)))
  }
  const { serials, consoles, channels, parallels, guestForwards } = domain
  const ports = [...serials, ...consoles, ...channels, ...parallels, ...guestForwards]
  const cards = domain.smartCards.flatMap((one) => (one.mode === 'passthrough' ? [one] : []))
  const others = [
    domain.os.loader?.path,
    domain.os.nvram?.path,
    ...domain.memoryDevices.map(({ path }) => path),
    ...domain.pstores.map(({ path }) => path),
    domain.os.kernel,
    domain.os.initrd,
    domain.os.deviceTree,
    domain.os.shim,
    ...domain.os.acpiTables.map(({ path }) => path),
    ...domain.firmwareSettings.map(({ file }) => file),
    ...[...ports, ...domain.redirectedDevices, ...cards].flatMap(({ backend }) => [
      backend.path,
      backend.log?.file,
    ]),
    ...domain.rngs.flatMap(({ backend }) => [backend?.path, backend?.log?.file]),
    ...domain.audios.map((audio) => audio.path),
  ]
  return [...disks, ...others.filter((path) => path !== undefined)]
}

function layers(layer: DiskLayer | 'none' | undefined): readonly string[] {
  if (layer === undefined || layer === 'none') return []
  const path = localPath(layer)
  const own = path === undefined ? [] : [path]
  return [...own, ...layers(layer.dataStore), ...layers(layer.backing)]
}
