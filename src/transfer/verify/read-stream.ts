import { throwIfCancelled } from '../../errors.ts'
import type { SingleStream } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { MainStreamParser } from '../../wire/main-stream.ts'
import { WireError } from '../../wire/wire-error.ts'
import { DamageLog } from './damage-log.ts'
import type { MachineReading, ReadingOptions } from './reading.ts'
import { SeenPages } from './seen-pages.ts'
import { streamDamage } from './stream-damage.ts'

/**
 * Parses a single stream to its end, or to where it cannot be understood any more: records have no marks by which the next could be found.
 * @throws ImageError IMAGE_UNSUPPORTED, StorageError, CancelledError
 */
export async function readStream(
  path: string,
  stream: SingleStream,
  options: ReadingOptions,
): Promise<MachineReading> {
  const log = new DamageLog()
  const seen = new SeenPages()
  let last: { readonly block: number; readonly page: number } | undefined
  const parser = new MainStreamParser({
    blocks(blocks) {
      seen.begin([...blocks])
      log.begin(blocks)
    },
    zeroPages(block, firstPage, pageCount) {
      seen.zeros(block, firstPage, pageCount)
      last = { block, page: firstPage + pageCount - 1 }
    },
    page(block, page, bytes) {
      seen.page(block, page, bytes)
      last = { block, page }
    },
  })
  let state: DeviceState | undefined
  try {
    for await (const piece of stream.open(options.onRead)) {
      throwIfCancelled(`read ${path}`, options.signal)
      parser.feed(piece)
    }
    state = parser.finish()
  } catch (error) {
    const at = error instanceof WireError ? error.offset : parser.position
    const damage = streamDamage(path, error, {
      offset: stream.offset === undefined ? undefined : stream.offset + at,
      isUnderstood: seen.blocks.length > 0,
    })
    const name = seen.blocks[last?.block ?? 0]?.name
    const place =
      last === undefined || name === undefined
        ? ''
        : ` (byte ${at} of QEMU's stream, after page ${last.page} of ${name})`
    log.part({ ...damage, part: 'stream', text: `${damage.text}${place}` })
  }
  if (state === undefined) {
    const text = `${path} cannot be read on to the device state`
    log.part({ part: 'device state', kind: 'missing', text, file: path })
  }
  seen.reportMissing(log)
  return { blocks: seen.readings(), state, damage: log.report() }
}
