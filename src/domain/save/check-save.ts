import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { dirname } from 'node:path'
import { isReachable } from '../../io/files/file-names.ts'
import { freeDeviceLength } from '../../io/files/special/device-file.ts'
import { StasisError } from '../../errors.ts'
import type { SaveFormat } from '../../image/save-format.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { checkDestination } from '../catalogue/files/destination.ts'
import { keyOf } from '../catalogue/files/guest-files.ts'
import { liveDomain } from '../catalogue/live-domain.ts'
import { postcopyState } from '../store/postcopy-state.ts'
import { requireSaves } from '../store/saves/save-directory.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { openControl } from '../machine/monitor.ts'
import { checkDisks, lostFileText, lostFiles, missingAtRestore } from './check-disks.ts'
import { checkMemoryIsThere, checkSavable, warningsAboutSleep } from './check-savable.ts'
import { describeForSave } from './save-description.ts'
import type { SaveOptions } from './save.ts'
import { type SaveSettings, resolveSaveOptions } from './save-options.ts'
import { freeSpace, mostSpace } from './save-space.ts'

/** The expected outcome of a save. */
export interface SaveCheck {
  readonly name: string
  /** Reasons why it would fail, in words; empty when none are known. */
  readonly obstacles: readonly string[]
  /** Problems that the save would accept, but a restore would meet: media of CD-ROM drives whose file no longer exists. */
  readonly warnings: readonly string[]
  /** Guest memory in use: the most that the image takes. */
  readonly neededBytes: number
  /** Of the file system, or of the block device; `undefined` for a pipe, and when it is not known. */
  readonly freeBytes: number | undefined
}

/**
 * Checks whether a running domain, given by name, UUID or id, could be saved with these options, without stopping it: QEMU's blockers, channels,
 * format and compression against QEMU's features, the destination and its free space. Without `path` for a managed save.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; UsageError
 * @example
 * const { obstacles, neededBytes, freeBytes } = await checkSave('web', '/backup/web.save')
 * if (obstacles.length > 0 || neededBytes > (freeBytes ?? Infinity)) console.error(obstacles)
 */
export async function checkSave(
  reference: string,
  path: FilePath | undefined,
  options: SaveOptions = {},
): Promise<SaveCheck> {
  const settings = resolveSaveOptions(options)
  await using held = await HeldDomain.look(reference, 'save --check', options)
  held.requireRunning()
  await using control = await openControl(held.paths, options.signal)
  return await checkHeld(held, control, path, { ...options, settings })
}

/** `checkSave` for callers that hold the domain. `transport`: the format whose way of sending QEMU must support. Default: that of the image. */
export async function checkHeld(
  held: HeldDomain,
  control: QmpConnection,
  path: FilePath | undefined,
  options: SaveOptions & {
    readonly settings: SaveSettings
    readonly transport?: SaveFormat | undefined
  },
): Promise<SaveCheck> {
  const { settings, transport = settings.format } = options
  const record = held.requireRunning()
  const { name, paths, directories } = held
  const file = path === undefined ? paths.managedSave : givenPath(path, 'the image')
  const obstacles: string[] = []
  const check = (act: () => Promise<unknown>): Promise<void> => keepError(act, obstacles)
  const managedSave = path === undefined ? paths.managedSave : undefined
  if (managedSave !== undefined) await check(() => requireSaves(directories))
  await check(() =>
    checkDestination(directories, file, {
      domain: name,
      guest: record.uuid,
      managedSave,
      format: settings.format,
      digest: options.digest,
    }),
  )
  // A save waits for memory that a page server sends.
  if ((await postcopyState(paths))?.state !== 'filling')
    await check(() => checkMemoryIsThere(name, control))
  let asleep: readonly string[] = []
  await check(async () => {
    const savable = await checkSavable(
      name,
      control,
      { ...settings, format: transport },
      options.signal,
    )
    asleep = warningsAboutSleep(savable, record.qemuVersion)
  })
  await check(() => checkDisks(name, control, paths, record))
  const media = (await lostFiles(control, paths, record)).filter(({ removable }) => removable)
  const warnings = [
    ...asleep,
    ...media.map((lost) => `${lostFileText(lost)}: after a restore, the drive has no medium`),
  ]
  await check(() => describeForSave(held, record, true, options.xml, control))
  const domain = await liveDomain(paths)
  warnings.push(...(await missingAtRestore(domain)))
  const { memoryBytes } = domain
  const neededBytes = await mostSpace(record.pid, memoryBytes)
  // The directory of managed saves is made by the first one.
  const parent = dirname(file)
  const isMade = path !== undefined || (await isReachable(parent))
  const free = { directory: isMade ? parent : directories.stateDir, neededBytes }
  const found = await spaceFor(file, free)
  obstacles.push(...found.obstacles)
  warnings.push(...found.warnings)
  return { name, obstacles, warnings, neededBytes, freeBytes: found.freeBytes }
}

/** Does a check whose error is an obstacle. @throws errors that are not of Stasis */
async function keepError(check: () => Promise<unknown>, obstacles: string[]): Promise<void> {
  try {
    await check()
  } catch (error) {
    if (!(error instanceof StasisError)) throw error
    obstacles.push(error.message)
  }
}

/** Compares what is free for an image with what it needs. */
async function spaceFor(
  file: string,
  { directory, neededBytes }: { readonly directory: string; readonly neededBytes: number },
): Promise<Pick<SaveCheck, 'freeBytes' | 'obstacles' | 'warnings'>> {
  const kind = (await keyOf(file))?.kind
  if (kind === 'pipe') return { freeBytes: undefined, obstacles: [], warnings: [] }
  const obstacles: string[] = []
  if (kind === 'device') {
    let freeBytes: number | undefined
    await keepError(async () => (freeBytes = await freeDeviceLength(file)), obstacles)
    const fits = freeBytes === undefined || freeBytes >= neededBytes
    const text = `${file} has ${freeBytes} bytes, but the image may need ${neededBytes}`
    return { freeBytes, obstacles, warnings: fits ? [] : [text] }
  }
  const freeBytes = await freeSpace(directory)
  if (freeBytes === undefined) obstacles.push(`The directory ${dirname(file)} does not exist`)
  const fits = freeBytes === undefined || freeBytes >= neededBytes
  const text = `${freeBytes} bytes are free for ${file}, and the image takes up to ${neededBytes}: zero pages and compression make it smaller`
  return { freeBytes, obstacles, warnings: fits ? [] : [text] }
}
