import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openLog } from '../io/log-file.ts'
import { spawnHelper } from '../qemu/spawn-helper.ts'
import type { SpawnedChild } from '../qemu/spawn-detached.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** Who does what: the supervisor sees to it that there is a server, and speaks with QEMU's monitor. */
export type PageServerPart = 'supervisor' | 'server'

/** The verb that nobody calls by hand. */
export const PAGE_SERVER_VERB = 'page-server'

/** The door of this program, beside this room, from source as from the build. */
const DOOR = fileURLToPath(
  new URL(`../cli/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

/** Starts a part of the page server as a process of its own that survives us. @throws QemuError, StorageError */
export async function startPageServer(
  paths: RuntimePaths,
  part: PageServerPart,
  options: { readonly recover: boolean; readonly stateDir?: string | undefined },
): Promise<SpawnedChild> {
  await using log = await openLog(paths.fillLog)
  const argv = [PAGE_SERVER_VERB, paths.directory, '--part', part]
  const { recover, stateDir } = options
  // Inherited by the server from the supervisor.
  const compileCache = stateDir === undefined ? undefined : join(stateDir, 'cache', 'node')
  return await spawnHelper(DOOR, recover ? [...argv, '--recover'] : argv, log.fd, { compileCache })
}
