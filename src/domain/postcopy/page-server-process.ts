import { dirname, join } from 'node:path'
import { openLog } from '../../io/records/log-file.ts'
import { identifyProcess } from '../../qemu/process/process-identity.ts'
import type { InheritedFds, PageServerCall } from './page-server-call.ts'
import { spawnHelper } from '../../qemu/process/spawn-helper.ts'
import type { SpawnedChild } from '../../qemu/process/spawn-detached.ts'
import { changePostcopyRecord } from '../store/postcopy-record.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { placeOfHost } from '../store/host-directory.ts'

const FIRST_INHERITED = 3

/** The options that a page server and a supervisor have in common. */
interface HelperOptions {
  /** The file to run: `PAGE_SERVER_PROGRAM`. */
  readonly program: string
  readonly id: string
  readonly stateDir?: string | undefined
}

/** Starts a page server as its own process that survives us. @throws QemuError, StorageError */
export async function startPageServer(
  paths: RuntimePaths,
  options: HelperOptions & { readonly inherit?: Partial<InheritedFds> | undefined },
): Promise<SpawnedChild> {
  return start(paths, 'server', options)
}

/**
 * Starts a supervisor as its own process that survives us, and records it in the postcopy's record. Without `monitorFd` it opens a monitor itself.
 * @throws QemuError, StorageError
 */
export async function startSupervisor(
  paths: RuntimePaths,
  options: HelperOptions & {
    readonly monitorFd?: number | undefined
    readonly imageFd?: number | undefined
  },
): Promise<SpawnedChild> {
  const { program, id, monitorFd, imageFd, stateDir } = options
  const inherit = {
    ...(monitorFd !== undefined && { monitor: monitorFd }),
    ...(imageFd !== undefined && { image: imageFd }),
  }
  const child = await start(paths, 'supervisor', { program, id, inherit, stateDir })
  await changePostcopyRecord(paths, id, { supervisor: await identifyProcess(child.pid) })
  return child
}

async function start(
  paths: RuntimePaths,
  part: PageServerCall['part'],
  options: HelperOptions & { readonly inherit?: Partial<InheritedFds> | undefined },
): Promise<SpawnedChild> {
  const { program, id, inherit = {}, stateDir } = options
  const call = { name: paths.name, runtimeDir: dirname(paths.directory), id, part, inherit }
  await using log = await openLog(paths.pageServerLog)
  return await run(call, log.fd, { program, stateDir })
}

/**
 * Starts a page server that is to take over, for a domain that is not known yet: it gets the name by its connection to the active server (`inherit.handOver`), and
 * writes its log when it has that.
 * @throws QemuError
 */
export async function startNamelessServer(
  runtimeDir: string,
  { id, inherit, ...options }: HelperOptions & { readonly inherit: Partial<InheritedFds> },
): Promise<SpawnedChild> {
  return run({ runtimeDir, id, part: 'server', inherit }, 'ignore', options)
}

async function run(
  {
    inherit,
    ...facts
  }: Omit<PageServerCall, 'inherited'> & { readonly inherit: Partial<InheritedFds> },
  output: number | 'ignore',
  { program, stateDir }: Pick<HelperOptions, 'program' | 'stateDir'>,
): Promise<SpawnedChild> {
  const names = Object.keys(inherit)
  const inherited = Object.fromEntries(names.map((name, index) => [name, FIRST_INHERITED + index]))
  const call: PageServerCall = { ...facts, inherited }
  // Without `stateDir` the environment is inherited.
  const compileCache =
    stateDir === undefined ? undefined : join(placeOfHost(stateDir, 'cache'), 'node')
  const extraFds = Object.values(inherit)
  return spawnHelper(program, [JSON.stringify(call)], output, { compileCache, extraFds })
}
