import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BenchSetting } from '../setting.ts'
import { BenchGuest, type Commands } from './guest-host.ts'

const run = promisify(execFile)
const checkout = join(import.meta.dirname, '../../bin/stasis')
/** As the package runs it, without the look for changed sources. */
const entry = join(import.meta.dirname, '../../.bundle/entry.cjs')

/** A guest of Stasis, defined and off. */
export async function stasisGuest(setting: BenchSetting): Promise<BenchGuest> {
  const directory = join(setting.directory, 'stasis')
  await mkdir(directory, { recursive: true })
  const env = { ...process.env, STASIS_STATE_DIR: join(directory, 'state') }
  const commands: Commands = {
    label: 'stasis',
    argv: (...args) => [process.execPath, entry, ...args],
    env,
    pidOf: async (name) => Number((await run(checkout, ['domid', name], { env })).stdout),
    daemonSeconds: () => 0,
  }
  const guest = new BenchGuest(commands, setting, 'bench-stasis', join(directory, 'serial'))
  const path = join(directory, 'domain.xml')
  await writeFile(path, guest.xml(setting.emulator))
  // This also makes the bundles.
  await run(checkout, ['define', path], { env })
  return guest
}
