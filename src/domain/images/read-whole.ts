import { throwIfCancelled } from '../../errors.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { storedBytes } from '../../transfer/convert/source.ts'
import { readMachine } from '../../transfer/verify/read-machine.ts'
import type { MachineReading } from '../../transfer/verify/reading.ts'
import { longestStream } from '../machine/bounded-image.ts'
import type { OnProgress, TransferMeasure } from '../progress/progress.ts'
import { watchTransfer } from '../progress/transfer-meter.ts'

/** How to read. */
export interface ReadWholeOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress<{ readonly phase: 'reading' } & TransferMeasure> | undefined
}

/** `readMachine` with progress; also returns how many bytes of the image were read. @throws as `readMachine` */
export async function readWhole(
  machine: SavedMachine,
  { signal, onProgress }: ReadWholeOptions,
): Promise<{ readonly reading: MachineReading; readonly readBytes: number }> {
  let readBytes = 0
  const totalBytes = storedBytes(machine)
  using _meter = watchTransfer(
    () => ({
      transferredBytes: readBytes,
      ramBytes: Math.min(readBytes, totalBytes),
      ramTotalBytes: totalBytes,
      fileBytes: readBytes,
      channelBytes: [],
    }),
    (measure) => onProgress?.({ phase: 'reading', ...measure }),
  )
  const onRead = (bytes: number): void => {
    readBytes += bytes
  }
  const maxStreamBytes = longestOf(machine)
  const reading = await readMachine(machine, { signal, onRead, maxStreamBytes })
  throwIfCancelled(`read ${machine.path}`, signal)
  return { reading, readBytes }
}

/** Without domain XML that can be parsed the memory of the machine is unknown. */
function longestOf({ description }: SavedMachine): number {
  try {
    return longestStream(description.xml)
  } catch {
    return UNKNOWN_LONGEST
  }
}

const UNKNOWN_LONGEST: number = 256 * 1024 ** 3
