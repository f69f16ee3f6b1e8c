import { setTimeout as delay } from 'node:timers/promises'
import { type DomainError, InternalError, throwIfCancelled } from '../../errors.ts'
import { seeChangesOfOthers } from '../../io/files/see-changes.ts'
import { type ProcessIdentity, identifyProcess } from '../../qemu/process/process-identity.ts'
import type { Directories } from '../store/directories.ts'
import { historyDirectory } from '../store/saves/image-history.ts'
import { managedDirectory } from '../store/saves/save-directory.ts'
import type { HostThatIsOff } from '../store/host-that-is-off.ts'
import { type Elsewhere, elsewhereError, elsewhereIn, stateOfTenant } from './elsewhere.ts'
import {
  type FoundOwner,
  type Owner,
  type Place,
  changeOwner,
  readOwner,
  thisPlace,
} from './owner.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { readRecord } from '../store/runtime-record.ts'

/** As for the lock of a domain: most commands take milliseconds. */
const PATIENCE_MS = 1000
const RETRY_MS = 20

/** A command of a host that is off changes nothing any more: it is taken over only after this time without a change. */
const SETTLED_MS = 5000

/** How a domain is taken. */
export interface TenureOptions {
  readonly verb: string
  /** This host has the domain, and the caller knows that it is off: nothing of it can run any more. */
  readonly takeOver?: HostThatIsOff | undefined
  /** How long a command of the other host must have changed nothing. Default: 5 s. */
  readonly settledMs?: number | undefined
  /** Do not wait for a command of another process. */
  readonly atOnce?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The right of one host to change a domain of a shared directory. It is between hosts what the lock of the domain is between processes. It does not end with the process: a
 * tenure of a dead process is taken over by its host, and by another host only if a person asks for it. Releasing it records whether the domain runs here.
 */
export class Tenure implements AsyncDisposable {
  /** Counts up with every change of hands: a fencing token. */
  readonly generation: number
  readonly #directories: Directories
  readonly #paths: RuntimePaths
  readonly #place: Place
  readonly #runner: Owner['runner']

  private constructor(
    directories: Directories,
    paths: RuntimePaths,
    taken: { readonly generation: number; readonly place: Place; readonly runner: Owner['runner'] },
  ) {
    this.#directories = directories
    this.#paths = paths
    this.generation = taken.generation
    this.#place = taken.place
    this.#runner = taken.runner
  }

  /**
   * Takes a domain for a command; waits a second for a short command of another process or host. Callers hold the lock of the domain.
   * @throws DomainError DOMAIN_ELSEWHERE, DOMAIN_BUSY; StorageError, CancelledError
   */
  static async take(
    directories: Directories,
    paths: RuntimePaths,
    options: TenureOptions,
  ): Promise<Tenure> {
    const { name } = paths
    const { verb, signal } = options
    const place = await thisPlace(directories)
    const deadline = performance.now() + (options.atOnce === true ? 0 : PATIENCE_MS)
    const first = await readOwner(directories, name)
    const victim = victimOf(first, place, options.takeOver)
    const settled = performance.now() + (options.settledMs ?? SETTLED_MS)
    for (let owner = first; ; owner = await readOwner(directories, name)) {
      throwIfCancelled(`${verb} domain '${name}'`, signal)
      // A change shows that a host lives: what it has is not taken over.
      const isSame = owner.generation === first.generation
      if (
        isSame &&
        victim !== undefined &&
        first.holder !== undefined &&
        performance.now() < settled
      ) {
        await delay(RETRY_MS)
        continue
      }
      const left = leftBy(owner, isSame ? victim : undefined)
      const runner = await ownRunner(left, place)
      const blocked = await obstacle(name, left, place, options.takeOver)
      if (blocked === undefined) {
        // Before the domain is taken: if that succeeds, nobody has changed it since.
        await seeChangesOfOtherHosts(directories, place)
        const holder = { ...place, ...(await self()), verb, since: new Date().toISOString() }
        if (await changeOwner(directories, name, owner.generation, { runner, holder }))
          return new Tenure(directories, paths, {
            generation: owner.generation + 1,
            place,
            runner,
          })
      } else if (!blocked.mayPass || performance.now() > deadline) throw blocked.error
      else await delay(RETRY_MS)
    }
  }

  /**
   * Checks that no other host has taken the domain over meanwhile: just before its guest may run.
   * @throws DomainError DOMAIN_ELSEWHERE, StorageError
   */
  async confirm(): Promise<void> {
    const { name } = this.#paths
    const owner = await readOwner(this.#directories, name)
    if (owner.generation === this.generation) return
    const found = await elsewhereIn(owner, this.#place)
    throw elsewhereError(
      name,
      found ?? {
        hostId: '',
        host: 'another host',
        generation: owner.generation,
        verb: 'a command that has ended',
        runtimeDir: undefined,
      },
    )
  }

  /** A domain whose owner cannot be recorded now is settled by the next command of this host. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const runner = await this.#runnerNow()
      await changeOwner(this.#directories, this.#paths.name, this.generation, { runner })
    } catch {
      // See above.
    }
  }

  /** Where the domain runs from now on: its record tells, and an unreadable one is not absent. */
  async #runnerNow(): Promise<Owner['runner']> {
    const record = await readRecord(this.#paths).catch(() => 'unreadable' as const)
    if (record === undefined) return undefined
    const { pid, startTime } = record === 'unreadable' ? (this.#runner ?? (await self())) : record
    const { generation, since } = this.#runner ?? {
      generation: this.generation,
      since: new Date().toISOString(),
    }
    return { ...this.#place, pid, startTime, since, generation }
  }
}

/** Makes sure that this host sees the saves that other hosts have made, and their records of saves that they have used. */
async function seeChangesOfOtherHosts(directories: Directories, { hostId }: Place): Promise<void> {
  for (const directory of [managedDirectory(directories), historyDirectory(directories)])
    await seeChangesOfOthers(directory, `.seen-by-${hostId}`)
}

/** The host that is off, if it still has the domain in the generation that the caller has seen. */
function victimOf(
  { runner, holder, generation }: FoundOwner,
  here: Place,
  off: HostThatIsOff | undefined,
): Place | undefined {
  const tenant = [runner, holder].find((one) => one !== undefined && !isSameHost(one, here))
  if (off === undefined || tenant === undefined || !isNamed(tenant, here, off.host))
    return undefined
  return (tenant === runner ? runner.generation : generation) === off.generation
    ? tenant
    : undefined
}

/** Whether a name or an id means this tenant. One that this host has as well means no other host. */
function isNamed(tenant: Place, here: Place, host: string): boolean {
  return (
    (host === tenant.hostId && tenant.hostId !== here.hostId) ||
    (host === tenant.hostName && tenant.hostName !== here.hostName)
  )
}

function isSameHost(one: Place, other: Place): boolean {
  return one.hostId === other.hostId && one.hostName === other.hostName
}

/** The owner without a host that is off. */
function leftBy({ runner, holder, generation }: FoundOwner, victim: Place | undefined): FoundOwner {
  if (victim === undefined) return { runner, holder, generation }
  const left = <One extends Place>(one: One | undefined): One | undefined =>
    one !== undefined && isSameHost(one, victim) ? undefined : one
  return { runner: left(runner), holder: left(holder), generation }
}

async function ownRunner({ runner }: Owner, here: Place): Promise<Owner['runner']> {
  if (runner === undefined || (await stateOfTenant(runner, here)) !== 'here') return undefined
  return runner
}

interface Obstacle {
  readonly error: DomainError
  /** Whether it is a command that may end soon. */
  readonly mayPass: boolean
}

async function obstacle(
  name: string,
  owner: FoundOwner,
  here: Place,
  off: HostThatIsOff | undefined,
): Promise<Obstacle | undefined> {
  const elsewhere = await elsewhereIn(owner, here)
  // A holder with this runtime directory has died, because this process has the lock of the domain.
  if (elsewhere === undefined) return undefined
  const error = elsewhereError(name, elsewhere)
  return {
    error: off === undefined ? error : error.with(notTakenOver(name, elsewhere, off)),
    mayPass: owner.holder !== undefined,
  }
}

/** Why a domain was not taken over from the host that is off. */
function notTakenOver(
  name: string,
  { host, hostId, generation }: Elsewhere,
  off: HostThatIsOff,
): { readonly message: string; readonly hint: string } {
  const now = `host '${host}' (${hostId}) has it, in generation ${generation}`
  return {
    message: `Domain '${name}' was not taken over from ${off.host}:${off.generation}: ${now}`,
    hint:
      off.generation === generation
        ? `\`stasis domstate ${name}\` shows who has it. Either both hosts have the same name, and the id is needed; or that host has changed the domain meanwhile, so it is not off`
        : `The domain has changed hands. \`stasis domstate ${name}\` shows who has it now. That ${off.host} was off then says nothing about the present owner`,
  }
}

async function self(): Promise<ProcessIdentity> {
  const found = await identifyProcess(process.pid)
  if (found === undefined) throw new InternalError('This process is not in /proc')
  return found
}
