import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { throwIfCancelled } from '../errors.ts'
import type { Compression } from '../image/header.ts'
import type { RamProgress } from '../migration/progress.ts'
import type { SavedImage } from '../transfer/save-target.ts'
import { openSaveTarget } from '../transfer/save-target-table.ts'
import { checkDestination } from './destination.ts'
import type { DomainOptions } from './domain-options.ts'
import { endSaved } from './end-saved.ts'
import { waitUntilFilled } from './fill-state.ts'
import { HeldDomain } from './held-domain.ts'
import { openControl } from './monitor.ts'
import { nameCancel } from './name-cancel.ts'
import type { OnProgress, SaveProgress } from './progress.ts'
import { checkSavable } from './savable.ts'
import { describeForSave } from './save-description.ts'
import { saveFailure } from './save-failure.ts'
import { type SaveRequest, settleSave } from './save-settings.ts'
import { transferOut } from './save-transfer.ts'
import { haltGuest } from './halted-guest.ts'
import type { XmlText } from './xml-text.ts'

/** How to save. */
export interface SaveOptions extends DomainOptions, SaveRequest {
  /** Domain XML to keep in the image in place of the running one; the guest must not see a difference. */
  readonly xml?: XmlText | undefined
  /** What the guest shall do when it is restored. Default: what it does now. */
  readonly resumeAs?: 'running' | 'paused' | undefined
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
  return nameCancel(`save domain '${reference}'`, save(reference, path, options))
}

async function save(reference: string, path: string, options: SaveOptions): Promise<SaveResult> {
  const { signal, onProgress: report = () => undefined } = options
  const startMs = performance.now()
  const settings = settleSave(options)
  const file = resolve(path)

  await using held = await HeldDomain.find(reference, 'save', options)
  const record = held.requireRunning()
  report({ phase: 'checking' })
  // QEMU 11.1 dies of a save that begins while its memory still comes; 7.2 and 10.0 refuse.
  await waitUntilFilled(held.name, held.paths, signal)
  await checkDestination(held.directories, file)
  await using control = await openControl(held.paths, signal)
  const { features, running } = await checkSavable(held.name, control, settings, signal)
  const wasRunning = options.resumeAs === undefined ? running : options.resumeAs === 'running'
  const description = await describeForSave(held, record, wasRunning, options.xml)

  // A save that was killed leaves its socket.
  await rm(held.paths.migrationSocket, { force: true })
  throwIfCancelled(`save domain '${held.name}'`, signal)
  const broken = new AbortController()
  await using target = await openSaveTarget(settings.format, {
    ...settings,
    path: file,
    socketPath: held.paths.migrationSocket,
    description,
    signal: broken.signal,
  })

  // A fault is told by transferOut; one that comes before shall not end the process.
  target.received.catch(() => undefined)

  report({ phase: 'stopping' })
  const stopMs = performance.now()
  const guest = haltGuest(held.name, control, running)
  try {
    await guest.halt(signal)
    const haltedMs = performance.now()
    const ram = await transferOut(control, target, { settings, features, broken, signal, report })
    throwIfCancelled(`save domain '${held.name}'`, signal)
    const receivedMs = performance.now()
    report({ phase: 'flushing', fileBytes: target.progress().fileBytes })
    const image = withRam(await target.publish(), ram)
    const durableMs = performance.now()
    report({ phase: 'ending' })
    await endSaved(held, record, control)
    const downtimeMs = durableMs - stopMs
    return {
      name: held.name,
      uuid: record.uuid,
      image,
      channels: settings.channels,
      compression: settings.compression,
      wasRunning,
      timing: {
        totalMs: performance.now() - startMs,
        downtimeMs,
        transferMs: receivedMs - haltedMs,
        flushMs: durableMs - receivedMs,
      },
      throughputBytesPerSecond: (image.ramBytes / downtimeMs) * 1000,
    }
  } catch (error) {
    throw saveFailure(held.name, error, await guest.letGo())
  }
}

/** A format that does not look into the stream has not counted guest memory: QEMU has. */
function withRam(image: SavedImage, ram: RamProgress | undefined): SavedImage {
  if (image.ramBytes > 0 || ram === undefined) return image
  return { ...image, ramBytes: ram.totalBytes, zeroBytes: ram.zeroPages * ram.pageSize }
}
