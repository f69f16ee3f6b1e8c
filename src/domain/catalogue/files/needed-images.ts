import { dirname } from 'node:path'
import { StasisError } from '../../../errors.ts'
import { recordsIn } from '../../../io/records/record-file.ts'
import { findByMonitors } from '../../../qemu/process/find-by-monitors.ts'
import { openFilesOf } from '../../../qemu/process/open-files.ts'
import { listedCheckpoints } from '../../store/checkpoints/checkpoint-record.ts'
import type { Directories } from '../../store/directories.ts'
import { isDomainName } from '../../store/domain-name.ts'
import { activeJob } from '../../store/job-record.ts'
import { readLastEnd } from '../../store/last-end.ts'
import { hasSafetyCopy, hasUsableManagedSave } from '../../store/saves/managed-image.ts'
import { readPostcopyRecord } from '../../store/postcopy-record.ts'
import { requireSaves } from '../../store/saves/save-directory.ts'
import { type RuntimePaths, runtimePaths } from '../../store/runtime-paths.ts'
import { type DomainEntry, lastEndOf, listEntries, listRuntimes } from '../catalogue.ts'
import { keyOf } from './guest-files.ts'
import { monitorsOf } from '../own-qemu.ts'

/** Why an image must stay. */
export interface ImageUse {
  readonly domain: string
  /**
   * `memory`: the guest runs and still reads memory from it; `state`: the domain is off, and the guest is in this image; `managed save`: the same, and the next start uses it;
   * `safety copy`: Stasis keeps it for the domain (`managedsave --live`); `checkpoint`: it is the memory of a checkpoint; `saving`, `restoring`: a process writes or reads it at the moment.
   */
  readonly use:
    | 'memory'
    | 'state'
    | 'managed save'
    | 'safety copy'
    | 'checkpoint'
    | 'saving'
    | 'restoring'
}

/** The images that the domains of a state directory need. */
export interface NeededImages {
  /** The uses of the image with this path. @throws StorageError */
  usesOf(path: string): Promise<readonly ImageUse[]>
  /** The ids of images that are being written. */
  readonly savingIds: ReadonlySet<string>
  /** The reasons why some records could not be read. Unless this is empty, an image may be needed although nothing here says so. */
  readonly faults: readonly StasisError[]
}

interface Need extends ImageUse {
  readonly path?: string
  /** Device and inode: the image may have got another name. */
  readonly key?: string | undefined
}

/**
 * Finds which images are needed: for each domain its managed save, the image that it was saved to, and everything that its QEMU or a process that saves or restores it has open. Changes
 * nothing.
 * @throws StorageError
 */
export async function neededImages(directories: Directories): Promise<NeededImages> {
  const needs: Need[] = []
  const faults: StasisError[] = []
  const collect = async (find: () => Promise<readonly Need[]>): Promise<void> => {
    try {
      needs.push(...(await find()))
    } catch (error) {
      if (!(error instanceof StasisError)) throw error
      faults.push(error)
    }
  }
  await collect(async () => {
    await requireSaves(directories)
    return []
  })
  const entries = await listEntries(directories)
  for (const entry of entries) {
    if (entry.fault !== undefined) faults.push(entry.fault)
    await collect(() => memoryNeeds(entry))
    await collect(() => stateNeeds(entry))
    await collect(() => checkpointNeeds(directories, entry.name))
  }
  for (const name of await listRuntimes(directories))
    await collect(() => jobNeeds(runtimePaths(directories, name)))
  const known = new Set(entries.map(({ name }) => name))
  for (const name of await listEnded(directories))
    if (!known.has(name)) await collect(() => transientNeeds(runtimePaths(directories, name)))
  const usesOf = async (path: string): Promise<readonly ImageUse[]> => {
    const key = (await keyOf(path))?.key
    const found = needs.filter(
      (need) => need.path === path || (key !== undefined && need.key === key),
    )
    const uses = Map.groupBy(found, ({ domain, use }) => `${use} ${domain}`)
    return [...uses.values()].flatMap(([first]) =>
      first === undefined ? [] : [{ domain: first.domain, use: first.use }],
    )
  }
  const savingIds = new Set(entries.flatMap(({ record }) => record?.saving?.imageId ?? []))
  return { usesOf, savingIds, faults }
}

/** The open files of a running QEMU, and the image that a page server reads. */
async function memoryNeeds(entry: DomainEntry): Promise<readonly Need[]> {
  const { name: domain, paths, record, fault } = entry
  const qemus = fault === undefined ? [] : await findByMonitors(monitorsOf(paths))
  const needs: Need[] = []
  for (const { pid } of record === undefined ? qemus : [record])
    for (const { key } of await openFilesOf(pid)) needs.push({ domain, use: 'memory', key })
  if (record === undefined && fault === undefined) return needs
  const image = (await readPostcopyRecord(paths))?.image
  if (image !== undefined) needs.push(await need(domain, 'memory', image))
  const saving = record?.saving?.path
  if (saving !== undefined) needs.push(await need(domain, 'saving', saving))
  return needs
}

async function stateNeeds(entry: DomainEntry): Promise<readonly Need[]> {
  const { name, paths } = entry
  const managed = await hasUsableManagedSave(entry)
  const image = (await lastEndOf(entry))?.image
  return [
    ...(managed ? [await need(name, 'managed save', paths.managedSave)] : []),
    ...((await hasSafetyCopy(paths)) ? [await need(name, 'safety copy', paths.safetyCopy)] : []),
    ...(image === undefined || image === paths.managedSave
      ? []
      : [await need(name, 'state', image)]),
  ]
}

/** The memory of each checkpoint; without it the checkpoint, and those that are based on it, cannot be restored. */
async function checkpointNeeds(directories: Directories, name: string): Promise<readonly Need[]> {
  const records = await listedCheckpoints(directories, name)
  const paths = records.flatMap(({ memory }) => memory?.path ?? [])
  return Promise.all(paths.map((path) => need(name, 'checkpoint', path)))
}

/** A restore of a domain that is not defined has no record at first. */
async function jobNeeds(paths: RuntimePaths): Promise<readonly Need[]> {
  const job = await activeJob(paths)
  if (job === undefined) return []
  const use = job.operation === 'restore' || job.operation === 'start' ? 'restoring' : 'saving'
  const files = await openFilesOf(job.process.pid)
  return files.map(({ key }) => ({ domain: paths.name, use, key }))
}

/** A domain without a definition is known only from its end. */
async function transientNeeds(paths: RuntimePaths): Promise<readonly Need[]> {
  const image = (await readLastEnd(paths))?.image
  return image === undefined ? [] : [await need(paths.name, 'state', image)]
}

async function need(domain: string, use: ImageUse['use'], path: string): Promise<Need> {
  return { domain, use, path, key: (await keyOf(path))?.key }
}

/** The names of the domains whose end is recorded. @throws StorageError */
async function listEnded(directories: Directories): Promise<readonly string[]> {
  const directory = dirname(runtimePaths(directories, 'any').lastEnd)
  const names = await recordsIn(directory, 'list the domains that have ended')
  return names.filter(isDomainName)
}
