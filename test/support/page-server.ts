import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { readPostcopyRecord } from '../../src/domain/store/postcopy-record.ts'
import { isAlive } from '../../src/qemu/process/process-identity.ts'
import { type RuntimePaths, runtimePaths } from '../../src/domain/store/runtime-paths.ts'

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

/** Finds the two processes. */
export async function findPageServer(paths: RuntimePaths): Promise<PageServerPids> {
  for (let tries = 0; tries < 500; tries += 1) {
    const record = await readPostcopyRecord(paths)
    const { supervisor, server } = record ?? {}
    if (supervisor !== undefined && server !== undefined && (await isAlive(server)))
      return { supervisor: supervisor.pid, server: server.pid }
    await delay(5)
  }
  return assert.fail('there is no page server')
}
