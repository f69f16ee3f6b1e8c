import { closeDescriptor, connectedPair } from '../io/system-calls.ts'
import { identifyProcess } from '../qemu/process-identity.ts'
import type { SpawnedChild } from '../qemu/spawn-detached.ts'
import { packHandOver } from '../transfer/hand-over.ts'
import { changeFill, readFill } from './fill-record.ts'
import type { FirstPages } from './first-pages.ts'
import { HandOverChannel } from './hand-over-channel.ts'
import { startPageServer, startSupervisor } from './page-server-process.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** How long the new page server gets to start. */
const PATIENCE_MS = 60_000

/**
 * Starts a page server that goes on where `first` stops, and returns; `first` is stopped and disposed when that server is ready, or
 * cannot be. Who dies in between is missed by QEMU, and a supervisor, which the new server starts, brings another.
 * @throws QemuError, StorageError when it cannot be started; `first` is the caller's then
 */
export async function passOnPages(
  first: FirstPages,
  paths: RuntimePaths,
  monitorFd: number,
  stateDir: string,
): Promise<void> {
  const [theirs, ours] = connectedPair()
  const channel = new HandOverChannel(ours)
  try {
    const inherit = { connection: first.fd, handOver: theirs, monitor: monitorFd }
    const child = await startPageServer(paths, { inherit, stateDir })
    await changeFill(paths, { server: await identifyProcess(child.pid) })
    void passOn(first, channel, child, { paths, stateDir })
  } catch (error) {
    channel[Symbol.dispose]()
    throw error
  } finally {
    closeDescriptor(theirs)
  }
}

/** Never rejects: nobody waits for it. */
async function passOn(
  first: FirstPages,
  channel: HandOverChannel,
  child: SpawnedChild,
  place: { readonly paths: RuntimePaths; readonly stateDir: string },
): Promise<void> {
  using _channel = channel
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const ready = channel.next(signal).then(() => first.stop())
  const taken = ready.then((knowledge) => {
    channel.end(packHandOver(knowledge))
    return channel.next(signal)
  })
  const failed = await taken.then(
    () => false,
    () => true,
  )
  await first[Symbol.asyncDispose]().catch(() => undefined)
  if (!failed) return
  await child.kill()
  await startMissingSupervisor(child.pid, place).catch(() => undefined)
}

/** Unless the domain is gone, or another by now. */
async function startMissingSupervisor(
  server: number,
  { paths, stateDir }: { readonly paths: RuntimePaths; readonly stateDir: string },
): Promise<void> {
  const record = await readFill(paths)
  if (record?.server?.pid === server && record.supervisor === undefined)
    await startSupervisor(paths, { stateDir })
}
