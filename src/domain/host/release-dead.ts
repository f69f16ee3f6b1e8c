import { StasisError } from '../../errors.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import type { Directories } from '../store/directories.ts'
import { stateOfTenant } from '../ownership/elsewhere.ts'
import { listOwned, readOwner, thisPlace } from '../ownership/owner.ts'
import { isShared } from '../ownership/state-host.ts'

/**
 * Releases the domains that this host had before it booted, in a shared state directory, so that other hosts may start them. One that cannot be released now is left to the
 * next command on it.
 * @throws StorageError when the owners cannot be listed
 */
export async function releaseDead(directories: Directories, options: DomainOptions): Promise<void> {
  if (!(await isShared(directories))) return
  const here = await thisPlace(directories)
  for (const name of await listOwned(directories)) {
    try {
      const { runner, holder } = await readOwner(directories, name)
      const tenants = [runner, holder].filter((tenant) => tenant !== undefined)
      const states = await Promise.all(tenants.map((tenant) => stateOfTenant(tenant, here)))
      if (!states.includes('dead') || states.includes('elsewhere')) continue
      // Taking it drops what is dead, and releasing it records that nobody has it.
      await using _held = await HeldDomain.named(name, 'host-resume', {
        ...directories,
        signal: options.signal,
      })
    } catch (error) {
      if (!(error instanceof StasisError) || error.code === 'CANCELLED') throw error
    }
  }
}
