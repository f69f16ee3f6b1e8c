import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { readFill } from '../../src/domain/fill-record.ts'
import { type RuntimePaths, runtimePaths } from '../../src/domain/runtime-paths.ts'

/** The runtime directory of a domain in a state directory of a test. */
export function pathsOf(domain: {
  readonly name: string
  readonly stateDir: string
}): RuntimePaths {
  const { name, stateDir } = domain
  return runtimePaths({ stateDir, runtimeDir: `${stateDir}/run` }, name)
}

/** The two processes of the page server of a domain that is being filled. */
export interface PageServerPids {
  readonly supervisor: number
  readonly server: number
}

/** Finds them. */
export async function findPageServer(paths: RuntimePaths): Promise<PageServerPids> {
  for (let tries = 0; tries < 500; tries += 1) {
    const supervisor = (await readFill(paths))?.supervisor?.pid
    const children =
      supervisor === undefined
        ? ''
        : await readFile(`/proc/${supervisor}/task/${supervisor}/children`, 'latin1').catch(
            () => '',
          )
    const server = Number(children.trim().split(' ')[0])
    if (supervisor !== undefined && server > 0) return { supervisor, server }
    await delay(5)
  }
  return assert.fail('there is no page server')
}
