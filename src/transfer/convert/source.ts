import { InternalError, throwIfCancelled } from '../../errors.ts'
import { imageWireFault } from '../../image/image-fault.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { CopyOptions } from './copy-options.ts'
import { copyChannels } from './from-channels.ts'
import { copyPages } from './from-pages.ts'
import { copyStream } from './from-stream.ts'
import type { MachineWriter } from './machine-writer.ts'

/** Copies a machine's memory to a writer, from whichever facet the image offers. Returns the device state, which the writer needs to publish. */
export async function copyMachine(
  machine: SavedMachine,
  sink: MachineWriter,
  options: CopyOptions,
): Promise<DeviceState> {
  throwIfCancelled(`read ${machine.path}`, options.signal)
  const { pages, deviceState, channels, stream } = machine
  try {
    if (pages !== undefined && deviceState !== undefined)
      return await copyPages(pages, await deviceState(), sink, options)
    if (channels !== undefined) return await copyChannels(machine.path, channels, sink, options)
    if (stream !== undefined) return await copyStream(machine.path, stream, sink, options)
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause
    const fault = imageWireFault(machine.path, cause)
    throw fault.with({ message: `${fault.message} (byte ${cause.offset} of QEMU's stream)` })
  }
  throw new InternalError(`${machine.path} has nothing to read`)
}

/** How many bytes of files must be read to copy a machine, for progress. */
export function storedBytes({ pages, channels, stream }: SavedMachine): number {
  if (pages === undefined) return channels?.length ?? stream?.length ?? 0
  let bytes = 0
  for (let frame = 0; frame < pages.frameCount; frame += 1) bytes += pages.storedLength(frame)
  return Math.max(bytes, PAGE_SIZE)
}
