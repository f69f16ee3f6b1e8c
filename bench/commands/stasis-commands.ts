import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BenchSetting } from '../setting.ts'
import { BenchGuest, type Commands } from './guest-host.ts'

const run = promisify(execFile)

/** A guest of the Stasis in a checkout, defined and off. */
export async function stasisGuest(
  setting: BenchSetting,
  checkout: string,
  label: string,
): Promise<BenchGuest> {
  const directory = join(setting.directory, label.replace(/[^a-z]+/g, '-'))
  await mkdir(directory, { recursive: true })
  const env = { ...process.env, STASIS_STATE_DIR: join(directory, 'state') }
  const program = join(checkout, 'bin/stasis')
  const name = `bench-${label.replace(/[^a-z]+/g, '-')}`
  // As the package runs it, without the look for changed sources. An older checkout has no bundle.
  const entry = join(checkout, '.bundle/entry.cjs')
  const commands: Commands = {
    label,
    argv: (...args) =>
      existsSync(entry) ? [process.execPath, entry, ...args] : [program, ...args],
    env,
    daemonSeconds: () => 0,
  }
  const guest = new BenchGuest(commands, setting, name, join(directory, 'serial'))
  const path = join(directory, 'domain.xml')
  await writeFile(path, guest.xml(setting.emulator))
  // This also makes the bundles.
  await run(program, ['define', path], { env })
  return guest
}
