import { availableParallelism } from 'node:os'
import { ImageError } from '../../errors.ts'
import type { PageStore, SavedMachine, StoredFrames } from '../../image/saved-machine.ts'
import type { FrameFault } from '../../image/stasis/frame-fault.ts'
import { DIRECT_ALIGNMENT, alignDown, alignUp } from '../../io/memory/aligned-memory.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { AnsweringThread } from '../answering-thread.ts'
import { shareGroups } from '../share-groups.ts'
import type { BadChunk } from '../../image/digest/check-chunks.ts'
import { compareDigest } from './compare-digest.ts'
import type { CheckAnswer, CheckJob, CheckThreadData, UnreadableExtent } from './check-job.ts'
import type { DamageKind } from './damage.ts'
import { DamageLog } from './damage-log.ts'
import { readLayered } from './read-layered.ts'
import type { MachineReading, ReadingOptions } from './reading.ts'

type Thread = AnsweringThread<CheckJob, CheckAnswer>

const FAULT_KINDS: Readonly<Record<FrameFault['kind'], DamageKind>> = {
  checksum: 'checksum',
  truncated: 'truncated',
  codec: 'content',
  length: 'content',
  unreadable: 'unreadable',
}

/** Reads an image with random access on threads of its own, to its end whatever is damaged. @throws StorageError, CancelledError */
export async function readPages(
  { path, deviceState, digest }: SavedMachine,
  pages: PageStore,
  options: ReadingOptions,
): Promise<MachineReading> {
  const log = new DamageLog()
  log.begin(pages.blocks)
  const data: CheckThreadData = { image: pages.fd }
  // One more than there are processors, because some of them wait for the disk.
  const workers = Math.min(8, availableParallelism() + 1)
  await using started = new AsyncDisposableStack()
  const program = new URL('./check-thread.ts', import.meta.url)
  const threads = Array.from({ length: workers }, () =>
    started.use(new AnsweringThread<CheckJob, CheckAnswer>({ program, data, keepsProcess: true })),
  )
  const contentPages = pages.blocks.map(() => 0)
  const { signal, onRead } = options
  // Frames come in the order of the file; ranges are reported by block and page.
  const found: (readonly [frame: number, kind: DamageKind])[] = []
  const { checked: stored } = pages
  const hasDigest = digest?.state === 'fits'
  if (hasDigest) countPages(pages, contentPages)
  else if (pages.isLayered === true)
    for (const damage of await readLayered(path, pages, contentPages, { ...options, workers }))
      log.memory(damage)
  else {
    await shareGroups(
      pages,
      { workers, operation: `read ${path}`, signal },
      async (group, worker) => {
        const thread = threads[worker] as Thread
        const faults =
          stored === undefined
            ? await checkPlaces(thread, pages, group, contentPages, onRead)
            : await checkFrames(thread, { pages, stored, group }, contentPages, onRead)
        found.push(...faults)
      },
    )
  }
  for (const [frame, kind] of found.toSorted(([a], [b]) => a - b)) {
    const { offset, storedLength: length, codec } = pages.place(frame)
    const storedAs = codec === 'none' ? 'raw' : codec
    log.memory({ ...pages.range(frame), kind, storedAs, file: path, offset, length })
  }
  let state = await readState(path, deviceState, log)
  if (hasDigest) {
    const chunks = await compareDigest({ path, threads, digest: digest.digest }, options)
    if (reportChunks(path, chunks, pages.blocks, log)) state = undefined
  }
  const blocks = pages.blocks.map(({ name, length }, block) => {
    return { name, length, dataBytes: (contentPages[block] ?? 0) * PAGE_SIZE }
  })
  return { blocks, state, damage: log.report() }
}

/** Everything is read once, with the digest. */
function countPages(pages: PageStore, contentPages: number[]): void {
  for (let frame = 0; frame < pages.frameCount; frame += 1) {
    const { block, pageCount } = pages.range(frame)
    contentPages[block] = (contentPages[block] ?? 0) + pageCount
  }
}

type Found = readonly (readonly [frame: number, kind: DamageKind])[]

/** Checks frames that have checksums. */
async function checkFrames(
  thread: Thread,
  group: {
    readonly pages: PageStore
    readonly stored: StoredFrames
    readonly group: Uint32Array
  },
  contentPages: number[],
  onRead: ReadingOptions['onRead'],
): Promise<Found> {
  const { pages, stored, group: frames } = group
  const answer = await thread.ask({ kind: 'frames', records: stored.records(frames) })
  if (answer.kind !== 'frames') return []
  onRead(answer.fileBytes)
  for (const [position, count] of answer.contentPages.entries()) {
    const { block } = pages.range(frames[position] as number)
    contentPages[block] = (contentPages[block] ?? 0) + count
  }
  return answer.faults.map(({ position, fault }) => [
    frames[position] as number,
    FAULT_KINDS[fault.kind],
  ])
}

/** Reads frames without checksums: that the disk can read them is all that can be found. */
async function checkPlaces(
  thread: Thread,
  pages: PageStore,
  group: Uint32Array,
  contentPages: number[],
  onRead: ReadingOptions['onRead'],
): Promise<Found> {
  const places = [...group].map((frame) => ({ frame, ...pages.place(frame) }))
  const start = alignDown(places[0]?.offset ?? 0, DIRECT_ALIGNMENT)
  const last = places.at(-1)
  const end = alignUp((last?.offset ?? 0) + (last?.storedLength ?? 0), DIRECT_ALIGNMENT)
  const job = {
    kind: 'extent',
    offset: start,
    length: end - start,
  } as const
  const answer = await thread.ask(job)
  if (answer.kind !== 'extent') return []
  onRead(answer.fileBytes)
  return places.flatMap(({ frame, offset, storedLength }): Found => {
    const { block, pageCount } = pages.range(frame)
    contentPages[block] = (contentPages[block] ?? 0) + pageCount
    const isUnreadable = answer.unreadable.some((part) => overlaps(part, offset, storedLength))
    return isUnreadable ? [[frame, 'unreadable']] : []
  })
}

function overlaps(part: UnreadableExtent, offset: number, length: number): boolean {
  return part.offset < offset + length && offset < part.offset + part.length
}

/** Reports the pages in chunks that do not match the digest. Returns whether anything else is damaged: then the device state cannot be trusted either. */
function reportChunks(
  path: string,
  chunks: readonly BadChunk[],
  blocks: PageStore['blocks'],
  log: DamageLog,
): boolean {
  let isElsewhere = false
  for (const { offset, length } of chunks) {
    let pageBytes = 0
    for (const [block, { linearOffset = Infinity, length: bytes }] of blocks.entries()) {
      const from = Math.max(offset, linearOffset)
      const to = Math.min(offset + length, linearOffset + bytes)
      if (to <= from) continue
      const firstPage = Math.floor((from - linearOffset) / PAGE_SIZE)
      const pageCount = Math.ceil((to - linearOffset) / PAGE_SIZE) - firstPage
      const place = { file: path, offset: from, length: to - from }
      log.memory({ kind: 'checksum', block, firstPage, pageCount, storedAs: 'raw', ...place })
      pageBytes += to - from
    }
    if (pageBytes === length) continue
    isElsewhere = true
    const text = `Bytes ${offset} to ${offset + length} of ${path} do not match its digest`
    log.part({ part: 'structure', kind: 'checksum', text, file: path, offset, length })
  }
  return isElsewhere
}

async function readState(
  path: string,
  deviceState: SavedMachine['deviceState'],
  log: DamageLog,
): Promise<DeviceState | undefined> {
  try {
    return await deviceState?.()
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
    const kind = error.code === 'IMAGE_TRUNCATED' ? 'truncated' : 'checksum'
    const { message: text, offset } = error
    log.part({ part: 'device state', kind, text, file: path, offset })
    return undefined
  }
}
