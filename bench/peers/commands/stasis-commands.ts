import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BenchSetting } from '../../setting.ts'
import { onProcessors } from '../../host/on-processors.ts'
import { BenchGuest, type Commands, type GuestMemory } from './bench-guest.ts'

const run = promisify(execFile)

/** This checkout. */
export const checkout: string = join(import.meta.dirname, '../../..')

/** How a guest of Stasis differs from the usual one. */
export interface StasisGuestOptions extends Partial<GuestMemory> {
  readonly act?: (env: NodeJS.ProcessEnv) => Commands['act']
}

/** A guest of the Stasis in a checkout, defined and off. */
export async function stasisGuest(
  setting: BenchSetting,
  from: string,
  label: string,
  { hugePages = false, act }: StasisGuestOptions = {},
): Promise<BenchGuest> {
  const word = `${label.replaceAll(' ', '-')}${hugePages ? '-huge' : ''}`
  const directory = join(setting.directory, word)
  await mkdir(directory, { recursive: true })
  const env = { ...process.env, STASIS_STATE_DIR: join(directory, 'state') }
  // This makes the bundles of a checkout that has them.
  await run(join(from, 'bin/stasis'), ['version'], { env })
  const commands: Commands = {
    ...{ label, env, daemon: undefined, stopEvent: undefined, act: act?.(env) },
    argv: (...args) => onProcessors(setting, stasisCommand(from, ...args)),
  }
  // Another benchmark may run on this machine, and its QEMU is found by its name.
  const identity = { name: `bench-${word}-${process.pid}`, serial: join(directory, 'serial') }
  const guest = new BenchGuest(commands, setting, identity, { hugePages })
  const path = join(directory, 'domain.xml')
  await writeFile(path, guest.xml(setting.emulator))
  await run(join(from, 'bin/stasis'), ['define', path], { env })
  return guest
}

/** A command line as the package runs it: `bin/stasis` would also look for changed sources. An older checkout has no bundle. */
export function stasisCommand(from: string, ...args: readonly string[]): readonly string[] {
  const entry = join(from, '.bundle/entry.cjs')
  return existsSync(entry)
    ? [process.execPath, entry, ...args]
    : [join(from, 'bin/stasis'), ...args]
}
