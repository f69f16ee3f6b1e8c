import assert from 'node:assert/strict'
import { defineDomain, destroyDomain, startDomain } from '../../src/index.ts'
import { domainXml, type DomainXmlOptions } from './domain-xml.ts'
import { GuestConsole } from './guest-console.ts'
import { type TempDir, tempDir } from './temp-dir.ts'

/** A Linux guest that answers on its serial port (a unix socket), in its own state directory. It ends with its scope. */
export interface LinuxDomain extends AsyncDisposable {
  readonly name: string
  readonly dir: TempDir
  readonly stateDir: string
  /** Connects to the serial port of the present QEMU. Dispose the connection before the domain is saved. */
  console(): Promise<GuestConsole>
}

/** Defines and starts a domain without a memory balloon, because a balloon keeps an old QEMU from mapping an image. Waits until it answers. */
export async function startLinuxDomain(
  options: Pick<DomainXmlOptions, 'emulator' | 'machine' | 'memoryMib' | 'vcpus' | 'diskPath'> & {
    readonly name?: string
    readonly changeXml?: (xml: string) => string
  },
): Promise<LinuxDomain> {
  const { name = 'linux', changeXml = withoutBalloon } = options
  const dir = await tempDir()
  const stateDir = dir.join('state')
  const path = dir.join('serial')
  const xml = domainXml({ ...options, name, guest: 'linux', serial: { type: 'unix', path } })
  const end = async (): Promise<void> => {
    await destroyDomain(name, { stateDir }).catch(() => undefined)
    await dir[Symbol.asyncDispose]()
  }
  try {
    await defineDomain(changeXml(xml), { stateDir })
    if (!(await boot(name, stateDir, path, 30_000))) {
      // In one of about sixty boots, Linux with two processors under TCG hangs before its first line; in one of hundreds it ends.
      await destroyDomain(name, { stateDir }).catch(() => undefined)
      assert.ok(await boot(name, stateDir, path, 60_000), 'the guest boots')
    }
  } catch (error) {
    await end()
    throw error
  }
  return {
    name,
    dir,
    stateDir,
    console: () => GuestConsole.connect(path),
    [Symbol.asyncDispose]: end,
  }
}

/** Starts it; returns whether it answers in time. */
async function boot(
  name: string,
  stateDir: string,
  consolePath: string,
  timeoutMs: number,
): Promise<boolean> {
  await startDomain(name, { stateDir })
  await using console = await GuestConsole.connect(consolePath)
  return await console.waitForLine(/^TICK 1$/, { timeoutMs }).then(
    () => true,
    () => false,
  )
}

/** The domain with `<memballoon model='none'/>`. */
export function withoutBalloon(xml: string): string {
  return xml.replace(/<memballoon[\s\S]*?<\/memballoon>/, "<memballoon model='none'/>")
}
