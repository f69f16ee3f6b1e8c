import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { programUrl } from '../../../io/program-url.ts'
import { EndCommand } from '../../../qemu/process/end-command.ts'
import { helperInvocation } from '../../../qemu/process/spawn-helper.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import { Configuration } from '../../configuration/configuration.ts'
import { findHooks } from '../../hooks/find-hooks.ts'
import type { EndedGuest } from './ended-guest-main.ts'
import { placeOfHost } from '../../store/host-directory.ts'

const PROGRAM: string = fileURLToPath(programUrl(new URL('./ended-guest-main.ts', import.meta.url)))

/**
 * Makes sure that hooks hear of the end of a guest whose QEMU inherits the descriptor of the watcher, and that other hosts may start it then. Returns `undefined` if
 * there are no hooks and no other hosts.
 * @throws UsageError BAD_CONFIGURATION; QemuError QEMU_START_FAILED; StorageError
 */
export async function watchGuest({
  name,
  directories,
  generation,
}: HeldDomain): Promise<EndCommand | undefined> {
  const { hooks } = await Configuration.read()
  if (generation === undefined && (await findHooks(hooks)).length === 0) return undefined
  const guest: EndedGuest = { name, directories }
  const compileCache = join(placeOfHost(directories.stateDir, 'cache'), 'node')
  const { program, args, env } = helperInvocation(PROGRAM, [JSON.stringify(guest)], compileCache)
  return EndCommand.start(program, args, env)
}
