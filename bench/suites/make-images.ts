import { join } from 'node:path'
import type { BenchGuest } from '../peers/commands/bench-guest.ts'
import { checkout, stasisGuest } from '../peers/commands/stasis-commands.ts'
import type { BenchSetting } from '../setting.ts'

/** Saves a guest, by default one of its own, once for each name, with the options of that name. Returns the paths by name. */
export async function makeImages<Name extends string>(
  setting: BenchSetting,
  options: Readonly<Record<Name, readonly string[]>>,
  given?: BenchGuest,
): Promise<Readonly<Record<Name, string>>> {
  const guest = given ?? (await stasisGuest(setting, checkout, 'stasis'))
  const paths = {} as Record<Name, string>
  for (const [name, args] of Object.entries(options) as [Name, readonly string[]][]) {
    paths[name] = join(setting.directory, name.replaceAll(/[ ,]+/g, '-'))
    await guest.start()
    await guest.save(paths[name], ...args)
  }
  return paths
}
