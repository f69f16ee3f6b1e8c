import { DomainError } from '../../errors.ts'
import { isAlive } from '../../qemu/process/process-identity.ts'
import type { Directories } from '../store/directories.ts'
import { type FoundOwner, type Place, type Tenant, readOwner, thisPlace } from './owner.ts'
import { isShared } from './state-host.ts'

/** Where another place has a domain. */
export interface Elsewhere {
  readonly hostId: string
  /** The name of that host, for people. */
  readonly host: string
  /** The generation in which that place took the domain. */
  readonly generation: number
  /** The command that is changing the domain there, if it does not run there yet. */
  readonly verb: string | undefined
  /** The runtime directory, if another one of this host. */
  readonly runtimeDir: string | undefined
}

/** Whether a tenant is this place or a dead one: only then may this place judge what it left. A host that has booted again has lost its processes. */
export type TenantState = 'here' | 'dead' | 'elsewhere'

/** @throws StorageError when it is unknown whether its process runs */
export async function stateOfTenant(tenant: Tenant, here: Place): Promise<TenantState> {
  // Two hosts that were copied from one image can have one id.
  if (tenant.hostId !== here.hostId || tenant.hostName !== here.hostName) return 'elsewhere'
  if (tenant.bootId !== here.bootId) return 'dead'
  if (tenant.runtimeDir === here.runtimeDir) return 'here'
  return (await isAlive(tenant)) ? 'elsewhere' : 'dead'
}

/** Another place that runs a domain of a shared directory, or is changing it; `undefined` where none does. @throws StorageError */
export async function elsewhereOf(
  directories: Directories,
  name: string,
): Promise<Elsewhere | undefined> {
  return elsewhereIn(await readOwner(directories, name), await thisPlace(directories))
}

/** `elsewhereOf` for a known owner. @throws StorageError */
export async function elsewhereIn(
  { runner, holder, generation }: FoundOwner,
  here: Place,
): Promise<Elsewhere | undefined> {
  for (const tenant of [runner, holder]) {
    if (tenant === undefined || (await stateOfTenant(tenant, here)) !== 'elsewhere') continue
    const sameHost = tenant.hostId === here.hostId
    return {
      hostId: tenant.hostId,
      host: tenant.hostName,
      generation: tenant === runner ? runner.generation : generation,
      verb: tenant === runner ? undefined : holder?.verb,
      runtimeDir: sameHost && tenant.runtimeDir !== here.runtimeDir ? tenant.runtimeDir : undefined,
    }
  }
  return undefined
}

/** The host that has a domain, as results show it. */
export interface HostOfDomain {
  readonly host: string
  readonly hostId: string
  /** The generation in which it took the domain. */
  readonly generation: number
}

/** The host of a domain that another place has. */
export function hostOf({ host, hostId, generation }: Elsewhere): HostOfDomain {
  return { host, hostId, generation }
}

/** The error for a domain that another place runs. */
export function elsewhereError(name: string, elsewhere: Elsewhere): DomainError {
  const { host, verb, runtimeDir } = elsewhere
  const place = `host '${host}'${runtimeDir === undefined ? '' : ` with the runtime directory ${runtimeDir}`}`
  const message =
    verb === undefined
      ? `Domain '${name}' runs on ${place}`
      : `Domain '${name}' is in use on ${place}, by ${verb}`
  return new DomainError('DOMAIN_ELSEWHERE', message, {
    ...hostOf(elsewhere),
    hint:
      runtimeDir === undefined
        ? `Run the command on '${host}'. If that host does not answer, it may still write to the disks: docs/many-hosts.md says how to make sure that it is off, and how to take its domains over then`
        : `Give the command the runtime directory ${runtimeDir}`,
  })
}

/** Checks for a command that only looks that no other place has the domain. @throws DomainError DOMAIN_ELSEWHERE, StorageError */
export async function requireNotElsewhere(directories: Directories, name: string): Promise<void> {
  const found = (await isShared(directories)) ? await elsewhereOf(directories, name) : undefined
  if (found !== undefined) throw elsewhereError(name, found)
}
