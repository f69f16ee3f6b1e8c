import { join } from 'node:path'
import { defineDomain, destroyDomain, listDomains } from '../../src/index.ts'
import { CounterLog } from './counter-log.ts'
import { domainXml } from './domain-xml.ts'
import { qemus } from './qemus.ts'
import { type TempDir, tempDir } from './temp-dir.ts'

/** A host with several counting domains, in its own state directory. All end with its scope. */
export interface TestHost extends AsyncDisposable {
  readonly dir: TempDir
  readonly stateDir: string
  readonly runtimeDir: string
  readonly names: readonly string[]
  readonly logs: ReadonlyMap<string, CounterLog>
}

/** Defines the domains `vm1`, `vm2`, … */
export async function makeHost(count: number): Promise<TestHost> {
  const dir = await tempDir()
  const stateDir = dir.join('state')
  const emulator = qemus()[0]?.emulator ?? ''
  const names = Array.from({ length: count }, (_, index) => `vm${index + 1}`)
  const logs = new Map<string, CounterLog>()
  for (const name of names) {
    const serial = { type: 'file', path: dir.join(`${name}.serial`) } as const
    await defineDomain(domainXml({ name, guest: 'tiny', emulator, serial }), { stateDir })
    logs.set(name, new CounterLog(serial.path))
  }
  return {
    dir,
    stateDir,
    runtimeDir: join(stateDir, 'run'),
    names,
    logs,
    async [Symbol.asyncDispose](): Promise<void> {
      for (const { name } of await listDomains({ stateDir }).catch(() => []))
        await destroyDomain(name, { stateDir }).catch(() => undefined)
      await dir[Symbol.asyncDispose]()
    },
  }
}
