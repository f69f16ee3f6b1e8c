import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { ImageError, QemuError, StorageError } from '../errors.ts'
import { openImage } from '../image/open-image.ts'
import type { DeviceState, PageStore, SavedMachine } from '../image/saved-machine.ts'
import { PageServer } from '../transfer/page-server.ts'
import {
  type FillProgress,
  type FillRecord,
  keepFault,
  readFill,
  readFillProgress,
  writeFillProgress,
} from './fill-record.ts'
import { machineKey } from './machine-key.ts'
import { readOrder, writeOrder } from './page-order-file.ts'
import type { RuntimePaths } from './runtime-paths.ts'

const NOTE_MS = 250
const SOCKET_POLL_MS = 2
const SOCKET_PATIENCE_MS = 300_000

/**
 * Serves the pages of a domain that is being filled until QEMU has all; the work of one page server process. Waits for QEMU's
 * socket. With `recover` it takes over from one that is gone.
 * @throws ImageError, StorageError; QemuError; CancelledError
 */
export async function servePages(
  paths: RuntimePaths,
  options: { readonly recover: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const record = await readFill(paths)
  if (record === undefined) throw gone(paths)
  try {
    await serve(paths, record, options)
  } catch (error) {
    const damaged = error instanceof ImageError || error instanceof StorageError
    const noted = damaged && (await readFillProgress(paths))?.fault !== undefined
    if (damaged && !noted)
      await writeFillProgress(paths, { fault: { ...keepFault(error), waiting: true } })
    throw error
  }
}

async function serve(
  paths: RuntimePaths,
  record: FillRecord,
  options: { readonly recover: boolean; readonly signal: AbortSignal },
): Promise<void> {
  await using image = await openImage(record.image, { direct: record.direct })
  const { pages, state } = await checkImage(image, record)
  const order = await readOrder(record.image, record.machine, pages.blocks)
  let fault: FillProgress['fault']
  const server = new PageServer(pages, {
    socketPath: options.recover ? paths.recoverSocket : paths.migrationSocket,
    recover: options.recover,
    first: order,
    readers: record.readers,
    hostPageSizes: new Map(Object.entries(record.hostPageSizes)),
    signal: options.signal,
    onFault: (error, waiting) => {
      fault ??= { ...keepFault(error), waiting }
      note()
    },
  })
  let noted = Promise.resolve()
  const note = (done?: true): void => {
    noted = noted
      .then(() => writeFillProgress(paths, { ...server.progress(), fault, done }))
      .catch(() => undefined)
  }
  if (!options.recover) await socketReady(paths, options.signal)
  const timer = setInterval(() => note(), NOTE_MS)
  try {
    await server.serve(state)
    note(true)
  } finally {
    clearInterval(timer)
    await noted
  }
  if (server.asked.length > 0)
    await writeOrder(record.image, record.machine, pages.blocks, [...order, ...server.asked])
}

/** The pages of the image that a guest runs from. @throws ImageError IMAGE_INCOMPATIBLE when it is another */
export async function checkImage(
  image: SavedMachine,
  record: FillRecord,
): Promise<{ readonly pages: PageStore; readonly state: DeviceState }> {
  const { pages } = image
  const state = await image.deviceState?.()
  if (pages !== undefined && state !== undefined && machineKey(state) === record.machine)
    return { pages, state }
  throw new ImageError('IMAGE_INCOMPATIBLE', `${image.path} is not the image any more that runs`, {
    path: image.path,
    hint: 'Put the image back: the guest waits for the rest of its memory',
  })
}

/** QEMU makes its socket when it is told to listen; a restore that was given up removes the record. */
async function socketReady(paths: RuntimePaths, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + SOCKET_PATIENCE_MS
  while (!existsSync(paths.migrationSocket)) {
    if (!existsSync(paths.fill) || performance.now() > deadline) throw gone(paths)
    await delay(SOCKET_POLL_MS, undefined, { signal })
  }
}

function gone(paths: RuntimePaths): QemuError {
  return new QemuError('QEMU_DIED', `Nothing in ${paths.directory} waits for memory any more`, {
    path: paths.directory,
  })
}
