import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { DomainError, QemuError } from '../../../errors.ts'
import { streamStart, takeDevices } from '../../../migration/device-state.ts'
import { placedBlocks } from '../../../migration/ram-blocks.ts'
import { contVm, stopVm } from '../../../migration/run-state.ts'
import { copyRam } from '../../../transfer/live/copy-ram.ts'
import { PrivateRam } from '../../../transfer/live/private-ram.ts'
import { watchTransfer } from '../../progress/transfer-meter.ts'
import { pathInQemu, prepareTransferSocket } from '../../store/confinement.ts'
import type { Captured, LiveCapture } from './live-way.ts'
import { openMappedRam } from './mapped-obstacles.ts'
import { PauseMeter } from './pause.ts'

/**
 * Takes the memory of one moment from a guest that was restored by map. While the guest is stopped, QEMU writes the state of the devices, and we copy the
 * pages that the guest has changed since its restore. All others are in the file that is its memory, which nobody changes; they are read when the guest
 * runs again. The guest never waits for the image.
 * @throws StorageError, QemuError, DomainError DOMAIN_WRONG_STATE; CancelledError; the guest continues
 */
export async function captureByMapped(capture: LiveCapture): Promise<Captured> {
  const { held, control, signal, report, writer } = capture
  const opened = await openMappedRam(capture)
  if (!(opened instanceof PrivateRam)) throw noLonger(held.name, opened.reason)
  using ram = opened
  using meter = new PauseMeter(control)
  const startMs = performance.now()
  const start = await streamStart(control)
  await ram.prepare()
  const devices = await stopped(capture, ram)
  const pause = await meter.last()
  await requireSameBlocks(capture, ram)
  const ramBytes = ram.blocks.reduce((sum, { length }) => sum + length, 0)
  await writer.begin({ ...start, blocks: ram.blocks })
  let doneBytes = 0
  using _meter = watchTransfer(
    () => ({
      transferredBytes: doneBytes,
      ramBytes: doneBytes,
      ramTotalBytes: ramBytes,
      fileBytes: writer.fileBytes,
      channelBytes: [],
    }),
    (measure) => report({ phase: 'transferring', ...measure }),
  )
  const storedBytes = await copyRam(ram, writer, {
    workers: Math.min(8, availableParallelism() + 1),
    signal,
    onDone: (bytes) => {
      doneBytes += bytes
    },
  })
  return {
    way: 'mapped',
    machine: { state: { ...start, ...devices }, ramBytes, zeroBytes: ramBytes - storedBytes },
    ...pause,
    transferMs: performance.now() - startMs,
  }
}

/** What happens at the moment of the image. */
async function stopped(
  { held, record, control, running, signal, atStop, beforeStop, onContinue }: LiveCapture,
  ram: PrivateRam,
): ReturnType<typeof takeDevices> {
  const path = join(held.paths.transferDirectory, 'devices')
  await prepareTransferSocket(held.paths, path)
  const place = {
    path,
    inQemu: pathInQemu(record.confinement, path),
    owner: record.confinement,
  }
  const copy = async (): Promise<void> => {
    const refusal = await ram.copy()
    if (refusal !== undefined) throw noLonger(held.name, refusal.reason)
  }
  if (atStop === undefined || !running) {
    await atStop?.()
    return takeDevices(control, place, copy, signal)
  }
  await beforeStop?.()
  await stopVm(control, { signal })
  try {
    await atStop()
    return await takeDevices(control, place, copy, signal)
  } finally {
    if (control.state === 'ready') await contVm(control)
    await onContinue?.()
  }
}

/** A guest that was reset meanwhile may have blocks of other lengths. @throws QemuError QEMU_STREAM */
async function requireSameBlocks({ control, held }: LiveCapture, ram: PrivateRam): Promise<void> {
  const now = await placedBlocks(control)
  const same =
    now?.length === ram.blocks.length &&
    ram.blocks.every((block, at) => {
      const other = now[at]
      return (
        other?.name === block.name &&
        other.length === block.length &&
        other.address === block.address
      )
    })
  if (same) return
  throw new QemuError(
    'QEMU_STREAM',
    `The memory of domain '${held.name}' got another layout while it was saved`,
    { operation: 'save --live', hint: 'Try again' },
  )
}

function noLonger(name: string, reason: string): DomainError {
  return new DomainError(
    'DOMAIN_WRONG_STATE',
    `Domain '${name}' cannot be saved by copying what it has changed: ${reason}`,
    { operation: 'save --live', hint: `\`stasis save ${name} FILE\` stops it for the save` },
  )
}
