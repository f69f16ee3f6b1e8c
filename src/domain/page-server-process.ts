import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openLog } from '../io/log-file.ts'
import { identifyProcess } from '../qemu/process-identity.ts'
import { spawnHelper } from '../qemu/spawn-helper.ts'
import type { SpawnedChild } from '../qemu/spawn-detached.ts'
import { readFill, writeFill } from './fill-record.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** What a process of a page server is told. */
export interface PageServerCall {
  /** The runtime directory of the domain. */
  readonly directory: string
  /** Who does what: the supervisor sees to it that there is a server, and speaks with QEMU's monitor. */
  readonly part: 'supervisor' | 'server'
  /** A server takes over from one that is gone. */
  readonly recover: boolean
  /** Where a supervisor inherits its monitor. */
  readonly monitorFd?: number | undefined
}

/** Its door, a file of its own beside those of the command line: a guest waits for it to load. */
const DOOR = fileURLToPath(
  new URL(`../cli/page-server${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

const FIRST_INHERITED = 3

/** Starts a page server as a process of its own that survives us. @throws QemuError, StorageError */
export async function startPageServer(
  paths: RuntimePaths,
  options: { readonly recover: boolean; readonly stateDir?: string | undefined },
): Promise<SpawnedChild> {
  const { recover } = options
  return start(paths, { directory: paths.directory, part: 'server', recover }, options)
}

/**
 * Starts a supervisor as a process of its own that survives us, and notes it in the record of the fill. Without `monitorFd` it
 * finds a monitor itself.
 * @throws QemuError, StorageError
 */
export async function startSupervisor(
  paths: RuntimePaths,
  options: { readonly monitorFd?: number | undefined; readonly stateDir: string },
): Promise<SpawnedChild> {
  const { monitorFd } = options
  const child = await start(
    paths,
    {
      directory: paths.directory,
      part: 'supervisor',
      recover: false,
      monitorFd: monitorFd === undefined ? undefined : FIRST_INHERITED,
    },
    { ...options, extraFds: monitorFd === undefined ? [] : [monitorFd] },
  )
  const supervisor = await identifyProcess(child.pid)
  const record = await readFill(paths)
  if (record !== undefined) await writeFill(paths, { ...record, supervisor })
  return child
}

async function start(
  paths: RuntimePaths,
  call: PageServerCall,
  options: {
    readonly stateDir?: string | undefined
    readonly extraFds?: readonly number[] | undefined
  },
): Promise<SpawnedChild> {
  await using log = await openLog(paths.fillLog)
  const { stateDir, extraFds } = options
  // Inherited by a server from its supervisor.
  const compileCache = stateDir === undefined ? undefined : join(stateDir, 'cache', 'node')
  return await spawnHelper(DOOR, [JSON.stringify(call)], log.fd, { compileCache, extraFds })
}
