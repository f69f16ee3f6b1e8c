import { setTimeout as delay } from 'node:timers/promises'
import { ImageError, QemuError, StorageError } from '../../errors.ts'
import type { PageRange, RamBlock } from '../../image/saved-machine.ts'
import { type HandOver, unpackHandOver } from '../../transfer/page-server/hand-over.ts'
import { PageServer } from '../../transfer/page-server/page-server.ts'
import {
  type PostcopyProgress,
  type PostcopyRecord,
  recordableFault,
  readPostcopyRecord,
  readPostcopyProgress,
  writePostcopyProgress,
} from '../store/postcopy-record.ts'
import { isAlive } from '../../qemu/process/process-identity.ts'
import { dismissWatcher } from '../../qemu/process/spawn-watcher.ts'
import { HandOverChannel } from './hand-over-channel.ts'
import { removeFormerOrder, writeOrder } from '../store/saves/page-order-file.ts'
import type { InheritedFds } from './page-server-call.ts'
import { startSupervisor } from './page-server-process.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { HeldImage } from './held-image.ts'
import { openRecorded } from './served-image.ts'

const RECORD_MS = 250
const LOOK_MS = 20
const END_PATIENCE_MS = 30_000
const MAX_SUPERVISORS = 8

/** The inputs of a page server. */
export interface ServeOptions {
  /** The file to run for a supervisor: `PAGE_SERVER_PROGRAM`. */
  readonly program: string
  /** Id of the restore, see `PostcopyRecord`. */
  readonly id: string
  /** Descriptors from the active server, which this one replaces; without them it replaces one that is gone. */
  readonly inherited?: Partial<InheritedFds> | undefined
  /** The connection to the active server, from `waitUntilRecorded`. */
  readonly channel?: HandOverChannel | undefined
  readonly signal: AbortSignal
}

/** A restore whose memory a server is to load. */
export interface RecordedRestore {
  /** The domain. */
  readonly name: string
  /** The connection to the active server. */
  readonly channel: HandOverChannel
}

/** Waits until the restore is recorded. Returns `undefined` if it fails or is killed before that. Takes ownership of the descriptor. */
export async function waitUntilRecorded(
  handOver: number,
  signal: AbortSignal,
): Promise<RecordedRestore | undefined> {
  const channel = new HandOverChannel(handOver)
  const name = await channel.name(signal)
  if (name !== undefined) return { name, channel }
  channel[Symbol.dispose]()
  return undefined
}

/**
 * Serves the pages of a domain until QEMU has all of them; the work of one page server process. Returns if it was started to take over, and the restore
 * fails or is killed before that: then nothing has changed.
 * @throws ImageError, StorageError; QemuError; CancelledError; InternalError when the previous server is gone and only QEMU has the state
 */
export async function servePages(paths: RuntimePaths, options: ServeOptions): Promise<void> {
  const { id, inherited = {}, signal } = options
  using channel = options.channel
  const record = await readPostcopyRecord(paths)
  if (record?.id !== id) throw gone(paths)
  const opening = openRecorded(record, inherited.image)
  opening.catch(() => undefined)
  if (channel !== undefined && !(await channel.hears(signal))) {
    await opening.then((image) => image[Symbol.asyncDispose]()).catch(() => undefined)
    return
  }
  try {
    await serve(paths, record, { ...options, opening })
  } catch (error) {
    const damaged = error instanceof ImageError || error instanceof StorageError
    const recorded = damaged && (await readPostcopyProgress(paths, id))?.fault !== undefined
    if (damaged && !recorded)
      await writePostcopyProgress(paths, {
        id,
        fault: { ...recordableFault(error), waiting: true },
      })
    throw error
  }
}

/** What a server does before it takes over. */
interface Preparation {
  readonly opening: ReturnType<typeof openRecorded>
}

async function serve(
  paths: RuntimePaths,
  record: PostcopyRecord,
  { program, id, inherited = {}, signal, channel, opening }: ServeOptions & Preparation,
): Promise<void> {
  const { connection, monitor } = inherited
  await using image = await opening
  const { pages, state, order } = image
  using held =
    inherited.image === undefined
      ? HeldImage.open(image.path)
      : HeldImage.inherited(inherited.image)
  const supervisor = { program, id, monitorFd: monitor, imageFd: held?.fd }
  const before = channel && (await takeOver(paths, supervisor, channel, signal))
  // The guest does not wait for it.
  const supervised = before && superviseInstead(paths, supervisor, inherited.watcher)
  let fault: PostcopyProgress['fault']
  const server = new PageServer(pages, {
    endpoint: connection === undefined ? { path: paths.recoverSocket } : { fd: connection },
    begin: before ?? 'recover',
    rest: true,
    first: order,
    readers: record.readers,
    hostPageSizes: new Map(Object.entries(record.hostPageSizes)),
    signal,
    onFault: (error, waiting) => {
      fault ??= { ...recordableFault(error), waiting }
      // The guest may begin to wait for damage that was found before.
      if (waiting) fault = { ...fault, waiting }
      recordProgress()
    },
  })
  let recorded = Promise.resolve()
  const recordProgress = (done?: true): void => {
    recorded = recorded
      .then(() => writePostcopyProgress(paths, { id, ...server.progress(), fault, done }))
      .catch(() => undefined)
  }
  const timer = setInterval(() => recordProgress(), RECORD_MS)
  recordProgress()
  try {
    await server.serve(state)
    recordProgress(true)
  } finally {
    clearInterval(timer)
    await Promise.all([recorded, supervised])
  }
  await untilEnded(paths, supervisor)
  if (server.requested.length > 0)
    // All memory is there; the order only makes the next restore faster.
    await recordOrder(record, pages.blocks, [...order, ...server.requested]).catch(() => undefined)
}

/** The inputs for starting this server's supervisor. */
interface SupervisorStart {
  readonly program: string
  readonly id: string
  readonly monitorFd: number | undefined
  readonly imageFd: number | undefined
}

/** Takes over from the active server. If that is gone, it has started a supervisor, which starts another server. */
async function takeOver(
  paths: RuntimePaths,
  supervisor: SupervisorStart,
  channel: HandOverChannel,
  signal: AbortSignal,
): Promise<HandOver> {
  channel.sendSignal()
  const bytes = await channel.all(signal)
  try {
    const before = unpackHandOver(bytes)
    channel.sendSignal()
    return before
  } catch (error) {
    await startSupervisor(paths, supervisor)
    throw error
  }
}

/** Starts a supervisor, then dismisses the watcher of the restore, which would start one if this process died before. */
async function superviseInstead(
  paths: RuntimePaths,
  supervisor: SupervisorStart,
  watcherFd: number | undefined,
): Promise<void> {
  try {
    // A supervisor that is not recorded ends.
    await startSupervisor(paths, supervisor)
    if (watcherFd !== undefined) dismissWatcher(watcherFd)
  } catch {
    // `untilEnded` starts another, or the watcher does.
  }
}

/** Waits until a supervisor has ended the migration in QEMU, and replaces one that dies before. */
async function untilEnded(paths: RuntimePaths, supervisor: SupervisorStart): Promise<void> {
  const deadline = performance.now() + END_PATIENCE_MS
  let started = 0
  while (performance.now() < deadline) {
    const record = await readPostcopyRecord(paths)
    if (record?.id !== supervisor.id || record.fault !== undefined) return
    // It is missing if it died before it could be recorded.
    if (record.supervisor === undefined || !(await isAlive(record.supervisor))) {
      // Supervisors that die one after the other share a cause.
      if (started === MAX_SUPERVISORS) return
      await startSupervisor(paths, supervisor)
      started += 1
    }
    await delay(LOOK_MS)
  }
}

async function recordOrder(
  { image, machine, orderPath }: PostcopyRecord,
  blocks: readonly RamBlock[],
  order: readonly PageRange[],
): Promise<void> {
  if (orderPath === undefined) return
  await writeOrder(orderPath, machine, blocks, order)
  await removeFormerOrder(image)
}

function gone(paths: RuntimePaths): QemuError {
  return new QemuError('QEMU_DIED', `No QEMU in ${paths.directory} waits for memory any more`, {
    path: paths.directory,
  })
}
