import { join } from 'node:path'
import { type AllowRule, defineDomain, destroyDomain, startDomain } from '../../src/index.ts'
import { CounterLog } from './counter-log.ts'
import { domainXml } from './domain-xml.ts'
import { qemus } from './qemus.ts'
import { type TempDir, tempDir } from './temp-dir.ts'

/** A domain called `tiny` that counts on its serial port, in its own state directory. It ends with its scope. */
export interface TinyDomain extends AsyncDisposable {
  readonly name: 'tiny'
  readonly dir: TempDir
  readonly stateDir: string
  readonly runtimeDir: string
  readonly xml: string
  readonly log: CounterLog
}

/** Defines and starts the domain. */
export async function startTinyDomain(
  options: {
    readonly started?: boolean
    readonly emulator?: string
    readonly allow?: readonly AllowRule[]
  } = {},
): Promise<TinyDomain> {
  const { started = true, allow, emulator = qemus()[0]?.emulator ?? '' } = options
  const dir = await tempDir()
  const stateDir = dir.join('state')
  const serial = { type: 'file', path: dir.join('serial') } as const
  const xml = domainXml({ name: 'tiny', guest: 'tiny', emulator, serial })
  try {
    await defineDomain(xml, { stateDir, allow })
    if (started) await startDomain('tiny', { stateDir })
  } catch (error) {
    await dir[Symbol.asyncDispose]()
    throw error
  }
  return {
    name: 'tiny',
    dir,
    stateDir,
    runtimeDir: join(stateDir, 'run'),
    xml,
    log: new CounterLog(serial.path),
    async [Symbol.asyncDispose](): Promise<void> {
      await destroyDomain('tiny', { stateDir }).catch(() => undefined)
      await dir[Symbol.asyncDispose]()
    },
  }
}
