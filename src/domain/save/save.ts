import { throwIfCancelled } from '../../errors.ts'
import type { Compression } from '../../image/compression.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import { removeFile } from '../../io/file-names.ts'
import type { RamProgress } from '../../migration/progress.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import type { SavedImage } from '../../transfer/image-receiver.ts'
import { openImageReceiver } from '../../transfer/image-receivers/receiver-table.ts'
import { checkDestination } from '../store/destination.ts'
import { identifyDisks, writableDisks } from '../store/disk-identity.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { endSaved } from './end-saved.ts'
import { waitForAllMemory } from '../store/postcopy-state.ts'
import { HeldDomain } from '../store/held-domain.ts'
import { imageId, writeHistory } from '../store/image-history.ts'
import { Job, type JobOperation } from '../progress/job.ts'
import { openControl } from '../machine/monitor.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import { checkDisks } from './check-disks.ts'
import { checkMemoryIsThere, checkSavable } from './check-savable.ts'
import { describeForSave } from './save-description.ts'
import { saveFailure } from './save-failure.ts'
import { type SaveRequest, resolveSaveOptions } from './save-options.ts'
import { transferOut } from './save-transfer.ts'
import { recordSaveIntent, takeBack } from '../store/save-intent.ts'
import { haltGuest } from './halted-guest.ts'
import { SharedBandwidth } from './shared-bandwidth.ts'
import type { XmlText } from '../store/xml-text.ts'

/** How to save. */
export interface SaveOptions extends DomainOptions, SaveRequest {
  /** Domain XML to keep in the image in place of the running one; the guest must not see a difference. */
  readonly xml?: XmlText | undefined
  /** What the guest shall do when it is restored. Default: what it does now. */
  readonly resumeAs?: 'running' | 'paused' | undefined
  /** Bytes of guest memory per second that QEMU sends at most, alone or with other saves. Default: as fast as it goes. */
  readonly maxBandwidth?: number | SharedBandwidth | undefined
  readonly onProgress?: OnProgress<SaveProgress> | undefined
}

/** Where the time of a save went, in milliseconds. */
export interface SaveTiming {
  readonly totalMs: number
  /** From the guest's stop until the image was durable. */
  readonly downtimeMs: number
  readonly transferMs: number
  /** Making the image durable, after the last byte was received. */
  readonly flushMs: number
}

/** A domain that is in a file now, and nowhere else. */
export interface SaveResult {
  readonly name: string
  readonly uuid: string
  readonly image: SavedImage
  /** 0: a single stream. */
  readonly channels: number
  readonly compression: Compression
  /** Whether the guest will run when it is restored. */
  readonly wasRunning: boolean
  readonly timing: SaveTiming
  /** Guest memory over downtime. */
  readonly throughputBytesPerSecond: number
}

/**
 * Saves a running domain, given by name, UUID or id, to a file and ends it. The guest stands still meanwhile; it is ended only once the
 * image is durable. Whatever fails, and on abort, it goes on as before, no file is left, and an image that stood at `path` stays.
 * @throws DomainError, UsageError, QemuError, StorageError; CancelledError
 */
export async function saveDomain(
  reference: string,
  path: string,
  options: SaveOptions = {},
): Promise<SaveResult> {
  const save = async (): Promise<SaveResult> => {
    resolveSaveOptions(options)
    await using held = await HeldDomain.find(reference, 'save', options)
    return await saveHeld(held, path, { ...options, operation: 'save' })
  }
  return nameCancel(`save domain '${reference}'`, save())
}

/** `saveDomain` for who holds the domain. */
export async function saveHeld(
  held: HeldDomain,
  path: string,
  options: SaveOptions & { readonly operation: JobOperation },
): Promise<SaveResult> {
  const startMs = performance.now()
  const settings = resolveSaveOptions(options)
  const bandwidth = resolveBandwidth(options.maxBandwidth)
  const record = held.requireRunning()
  await using job = await Job.begin(held.paths, options.operation, options)
  const { signal, report } = job
  report({ phase: 'checking' })
  await waitForAllMemory(held.name, held.paths, signal, ({ image, remainingBytes }) =>
    report({ phase: 'waiting-for-memory', image, remainingBytes }),
  )
  const managedSave = options.operation === 'save' ? undefined : held.paths.managedSave
  const file = await checkDestination(held.directories, path, { domain: held.name, managedSave })
  await using control = await openControl(held.paths, signal)
  await checkMemoryIsThere(held.name, control)
  const { features, running } = await checkSavable(held.name, control, settings, signal)
  await checkDisks(held.name, control, held.paths, record)
  const wouldRun = running || record.interrupted === true
  const wasRunning = options.resumeAs === undefined ? wouldRun : options.resumeAs === 'running'
  const description = await describeForSave(held, record, wasRunning, options.xml, control)

  // A save that was killed leaves its socket.
  await removeFile(held.paths.migrationSocket)
  throwIfCancelled(`save domain '${held.name}'`, signal)
  const mark = { path: file, description, running: wouldRun }
  const saving = await recordSaveIntent(held.paths, record, mark)
  const broken = new AbortController()
  const opening = openImageReceiver(settings.format, {
    ...settings,
    path: file,
    socketPath: held.paths.migrationSocket,
    description,
    signal: broken.signal,
  })
  await using target = await opening.catch(async (error: unknown) => {
    await takeBack(held.paths, record, saving)
    throw error
  })

  // A fault is told by transferOut; one that comes before shall not end the process.
  target.received.catch(() => undefined)

  report({ phase: 'stopping' })
  const stopMs = performance.now()
  const guest = haltGuest(held.name, control, running)
  let durable = false
  try {
    await guest.halt(signal)
    const haltedMs = performance.now()
    const limits = { settings, features, bandwidth, broken }
    const ram = await transferOut(control, target, { ...limits, signal, report })
    throwIfCancelled(`save domain '${held.name}'`, signal)
    const receivedMs = performance.now()
    // Beside the flush, which takes longer.
    const remembered = rememberSave(held, description, file)
    remembered.catch(() => undefined)
    report({ phase: 'flushing', fileBytes: target.progress().fileBytes })
    const image = withRam(await target.publish(), ram)
    await remembered
    durable = true
    const durableMs = performance.now()
    report({ phase: 'ending' })
    await endSaved(held, record, { control, path: file })
    const downtimeMs = durableMs - stopMs
    return job.complete({
      name: held.name,
      uuid: record.uuid,
      image,
      channels: settings.channels,
      compression: settings.codec === 'none' ? settings.multifdCompression : settings.codec,
      wasRunning,
      timing: {
        totalMs: performance.now() - startMs,
        downtimeMs,
        transferMs: receivedMs - haltedMs,
        flushMs: durableMs - receivedMs,
      },
      throughputBytesPerSecond: (image.ramBytes / downtimeMs) * 1000,
    })
  } catch (error) {
    const fault = job.failed(error)
    // From here on the image is the guest: letting the other one run would make it two.
    if (durable) throw saveFailure(held.name, fault, `it is safe in ${file}`)
    await takeBack(held.paths, record, saving)
    throw saveFailure(held.name, fault, await guest.letGo())
  }
}

function resolveBandwidth(asked: SaveOptions['maxBandwidth']): SharedBandwidth | undefined {
  return typeof asked === 'number' ? new SharedBandwidth(asked) : asked
}

/** Remembers how the guest leaves its disks, which nobody writes to any more. */
async function rememberSave(
  held: HeldDomain,
  description: MachineDescription,
  path: string,
): Promise<void> {
  const { domain } = readDomain(parseDomainXml(description.xml), { ignoreUnsupported: true })
  const disks = await identifyDisks(writableDisks(domain))
  await writeHistory(held.directories, imageId(description), { path, disks })
}

/** A format that does not look into the stream has not counted guest memory: QEMU has. */
function withRam(image: SavedImage, ram: RamProgress | undefined): SavedImage {
  if (image.ramBytes > 0 || ram === undefined) return image
  return { ...image, ramBytes: ram.totalBytes, zeroBytes: ram.zeroPages * ram.pageSize }
}
