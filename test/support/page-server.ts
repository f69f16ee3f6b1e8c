import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readPostcopyRecord } from '../../src/domain/store/postcopy-record.ts'
import { isAlive } from '../../src/qemu/process/process-identity.ts'
import { type RuntimePaths, runtimePaths } from '../../src/domain/store/runtime-paths.ts'
import { processesOf } from './watchers.ts'

/** The runtime directory of a domain in a state directory of a test. */
export function pathsOf(domain: {
  readonly name: string
  readonly stateDir: string
}): RuntimePaths {
  const { name, stateDir } = domain
  return runtimePaths({ stateDir, runtimeDir: `${stateDir}/run` }, name)
}

/** The page server and the supervisor of a domain whose memory is being loaded. */
export interface PageServerPids {
  readonly supervisor: number
  readonly server: number
}

/** Finds the two processes, once they do without the watcher of the restore: it would continue if both were killed. */
export async function findPageServer(paths: RuntimePaths): Promise<PageServerPids> {
  for (let tries = 0; tries < 500; tries += 1) {
    const record = await readPostcopyRecord(paths)
    const { supervisor, server } = record ?? {}
    if (supervisor === undefined || server === undefined) await delay(5)
    else if ((await isAlive(server)) && !isWatched(paths))
      return { supervisor: supervisor.pid, server: server.pid }
  }
  return assert.fail('there is no page server')
}

function isWatched(paths: RuntimePaths): boolean {
  const isWatcher = (line: string): boolean => line.includes('killed-restore-main')
  return processesOf(dirname(paths.directory), isWatcher).length > 0
}
