import { throwIfCancelled } from '../../errors.ts'
import type { BadChunk } from '../../image/digest/check-chunks.ts'
import type { SingleStream } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { MainStreamParser } from '../../wire/main-stream.ts'
import { PAGE_RECORD_LENGTH } from '../../wire/page-records.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { PartDamage } from './damage.ts'
import { DamageLog } from './damage-log.ts'
import type { MachineReading, ReadingOptions } from './reading.ts'
import { SeenPages } from './seen-pages.ts'
import { streamDamage } from './stream-damage.ts'

/** The last page that was read. */
interface LastPage {
  readonly block: number
  readonly page: number
}

/**
 * Parses a single stream to its end, or as far as it can be understood: records have no marks by which the next could be found.
 * @throws ImageError IMAGE_UNSUPPORTED, StorageError, CancelledError
 */
export async function readStream(
  path: string,
  stream: SingleStream,
  options: ReadingOptions,
  bad: readonly BadChunk[],
): Promise<MachineReading> {
  const log = new DamageLog()
  const seen = new SeenPages()
  let last: LastPage | undefined
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
      if (bad.length > 0 && stream.offset !== undefined)
        reportBad(log, bad, { block, page, file: path, offset: stream.offset + parser.position })
      last = { block, page }
    },
  })
  let state: DeviceState | undefined
  let fault: { readonly error: unknown } | undefined
  const feed = (piece: Uint8Array): void => {
    try {
      if (fault === undefined) parser.feed(piece)
    } catch (error) {
      // The rest of the file is still compared with its digest.
      fault = { error }
    }
  }
  try {
    for await (const piece of stream.open(options.onRead)) {
      throwIfCancelled(`read ${path}`, options.signal)
      feed(piece)
    }
    if (fault === undefined) {
      const finished = parser.finish()
      await stream.checkEnd?.()
      state = finished
    }
  } catch (error) {
    fault ??= { error }
  }
  if (fault !== undefined)
    log.part(endOfReading(path, stream, fault.error, { position: parser.position, last, seen }))
  if (fault !== undefined && bad.length > 0 && stream.stored !== undefined)
    await readStored(path, stream.stored, options)
  reportChunks(path, bad, log)
  if (state !== undefined && isDamaged(state, stream, bad)) state = undefined
  if (state === undefined) {
    const text = `${path} cannot be read on to the device state`
    log.part({ part: 'device state', kind: 'missing', text, file: path })
  }
  seen.reportMissing(log)
  return { blocks: seen.readings(), state, damage: log.report() }
}

function reportChunks(path: string, bad: readonly BadChunk[], log: DamageLog): void {
  for (const chunk of mergeChunks(bad)) {
    const end = chunk.offset + chunk.length
    const text = `Bytes ${chunk.offset} to ${end} of ${path} do not match its digest`
    log.part({ part: 'stream', kind: 'checksum', text, file: path, ...chunk })
  }
}

/** Whether the device state, which is the end of the stream, does not match the digest. */
function isDamaged(
  { sections, tail }: DeviceState,
  { offset, length }: SingleStream,
  bad: readonly BadChunk[],
): boolean {
  return offset !== undefined && isBad(bad, offset + length - sections.length - tail.length)
}

/** The damage at which the reading of a stream ends, with the last page before it. @throws as `streamDamage` */
function endOfReading(
  path: string,
  { offset: start }: SingleStream,
  error: unknown,
  {
    position,
    last,
    seen,
  }: {
    readonly position: number
    readonly last: LastPage | undefined
    readonly seen: SeenPages
  },
): PartDamage {
  const at = error instanceof WireError ? error.offset : position
  const damage = streamDamage(path, error, {
    offset: start === undefined ? undefined : start + at,
    isUnderstood: seen.blocks.length > 0,
  })
  const name = seen.blocks[last?.block ?? 0]?.name
  const place =
    last === undefined || name === undefined
      ? ''
      : ` (byte ${at} of QEMU's stream, after page ${last.page} of ${name})`
  return { ...damage, part: 'stream', text: `${damage.text}${place}` }
}

/** Reads a compressed stream again as it is in the file, which compares all of it with its digest. */
async function readStored(
  path: string,
  stored: SingleStream['open'],
  { signal }: ReadingOptions,
): Promise<void> {
  for await (const _ of stored()) throwIfCancelled(`read ${path}`, signal)
}

/** A page of a stream, with the offset of its record in the file. */
interface RecordPlace {
  readonly block: number
  readonly page: number
  readonly file: string
  readonly offset: number
}

/** Reports a page if its record is in a chunk that does not match the digest. */
function reportBad(log: DamageLog, bad: readonly BadChunk[], place: RecordPlace): void {
  const { block, page, file, offset } = place
  const isHit = bad.some((chunk) => overlaps(chunk, offset, PAGE_RECORD_LENGTH))
  if (!isHit) return
  const pages = { block, firstPage: page, pageCount: 1, storedAs: 'raw' } as const
  log.memory({ kind: 'checksum', ...pages, file, offset, length: PAGE_RECORD_LENGTH })
}

function isBad(bad: readonly BadChunk[], from: number): boolean {
  return bad.some(({ offset, length }) => offset + length > from)
}

function overlaps(chunk: BadChunk, offset: number, length: number): boolean {
  return chunk.offset < offset + length && offset < chunk.offset + chunk.length
}

/** Bad chunks in order, each once, neighbours as one. */
function mergeChunks(bad: readonly BadChunk[]): readonly BadChunk[] {
  const merged: BadChunk[] = []
  for (const chunk of bad.toSorted((a, b) => a.offset - b.offset)) {
    const last = merged.at(-1)
    const end = last === undefined ? -1 : last.offset + last.length
    if (last === undefined || chunk.offset > end) merged.push(chunk)
    else if (chunk.offset === end)
      merged[merged.length - 1] = { offset: last.offset, length: last.length + chunk.length }
  }
  return merged
}
