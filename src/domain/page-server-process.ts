import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openLog } from '../io/log-file.ts'
import { identifyProcess } from '../qemu/process-identity.ts'
import { spawnHelper } from '../qemu/spawn-helper.ts'
import type { SpawnedChild } from '../qemu/spawn-detached.ts'
import { changeFill } from './fill-record.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** What a process of a page server is told. */
export interface PageServerCall {
  /** The runtime directory of the domain. */
  readonly directory: string
  /** Of the restore, see `FillRecord`. */
  readonly id: string
  /** Who does what: the supervisor sees to it that there is a server, and speaks with QEMU's monitor. */
  readonly part: 'supervisor' | 'server'
  /** What it has inherited: see `InheritedFds`. A server that has nothing takes over from one that is gone. */
  readonly inherited?: Partial<InheritedFds> | undefined
}

/** Descriptors of a process of a page server. */
export interface InheritedFds {
  /** A server's: the connection to QEMU, on which it goes on. */
  readonly connection: number
  /** A server's: to the one at work, see hand-over-channel.ts. */
  readonly handOver: number
  /** A supervisor's monitor, or that of one which the server will start. */
  readonly monitor: number
}

/** Its door, a file of its own beside those of the command line: a guest waits for it to load. */
const DOOR = fileURLToPath(
  new URL(`../cli/page-server${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

const FIRST_INHERITED = 3

/** Starts a page server as a process of its own that survives us. @throws QemuError, StorageError */
export async function startPageServer(
  paths: RuntimePaths,
  options: {
    readonly id: string
    readonly inherit?: InheritedFds | undefined
    readonly stateDir?: string | undefined
  },
): Promise<SpawnedChild> {
  return start(paths, 'server', options)
}

/**
 * Starts a supervisor as a process of its own that survives us, and notes it in the record of the fill. Without `monitorFd` it
 * finds a monitor itself.
 * @throws QemuError, StorageError
 */
export async function startSupervisor(
  paths: RuntimePaths,
  options: {
    readonly id: string
    readonly monitorFd?: number | undefined
    readonly stateDir?: string | undefined
  },
): Promise<SpawnedChild> {
  const { id, monitorFd, stateDir } = options
  const inherit = monitorFd === undefined ? undefined : { monitor: monitorFd }
  const child = await start(paths, 'supervisor', { id, inherit, stateDir })
  await changeFill(paths, id, { supervisor: await identifyProcess(child.pid) })
  return child
}

async function start(
  paths: RuntimePaths,
  part: PageServerCall['part'],
  options: {
    readonly id: string
    readonly inherit?: Partial<InheritedFds> | undefined
    readonly stateDir?: string | undefined
  },
): Promise<SpawnedChild> {
  const { id, inherit = {}, stateDir } = options
  const names = Object.keys(inherit)
  const inherited = Object.fromEntries(names.map((name, index) => [name, FIRST_INHERITED + index]))
  const call: PageServerCall = { directory: paths.directory, id, part, inherited }
  await using log = await openLog(paths.fillLog)
  // Where it is not said, it is inherited.
  const compileCache = stateDir === undefined ? undefined : join(stateDir, 'cache', 'node')
  const extraFds = Object.values(inherit)
  return await spawnHelper(DOOR, [JSON.stringify(call)], log.fd, { compileCache, extraFds })
}
