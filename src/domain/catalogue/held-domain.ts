import { DomainError } from '../../errors.ts'
import { findAnyEntry, findEntry, lastEndOf } from './catalogue.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { type Directories, checkDirectories, openDirectories } from '../store/directories.ts'
import { whereSaved } from '../store/last-end.ts'
import { DomainLock } from '../store/lock.ts'
import { type Presence, describe } from './presence.ts'
import { reconcile } from './reconcile.ts'
import { type RuntimePaths, runtimePaths } from '../store/runtime-paths.ts'
import { type RuntimeRecord, readRecord } from '../store/runtime-record.ts'
import { requireNotElsewhere } from '../ownership/elsewhere.ts'
import { claimStateDirectory, isShared, requireOwnHost } from '../ownership/state-host.ts'
import { Tenure, type TenureOptions } from '../ownership/tenure.ts'
import { tidyState, tidyTransient } from './tidy.ts'

/**
 * A domain under our lock. Taking it reconciles its runtime directory: the QEMU of an interrupted start is ended, and the files of a dead one are
 * removed.
 */
export class HeldDomain implements AsyncDisposable {
  readonly directories: Directories
  readonly name: string
  readonly paths: RuntimePaths
  /** Its QEMU when the lock was taken, if it ran. */
  readonly record: RuntimeRecord | undefined
  /** Taking the lock has let its guest continue, which a killed process had stopped for a snapshot. */
  readonly continued: boolean
  /** Describes where the domain is when it was saved to a plain file. */
  readonly whereSaved: string | undefined
  readonly #rights: Rights

  private constructor(
    facts: Pick<
      HeldDomain,
      'directories' | 'name' | 'paths' | 'record' | 'continued' | 'whereSaved'
    >,
    rights: Rights,
  ) {
    this.directories = facts.directories
    this.name = facts.name
    this.paths = facts.paths
    this.record = facts.record
    this.continued = facts.continued
    this.whereSaved = facts.whereSaved
    this.#rights = rights
  }

  /**
   * Locks the domain that a person refers to (name, UUID or id) for `verb`.
   * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY; StorageError
   */
  static async find(reference: string, verb: string, options: DomainOptions): Promise<HeldDomain> {
    const directories = await openDirectories(options)
    const entry = await findAnyEntry(directories, reference).catch(async (error: unknown) => {
      await requireOwnHost(directories)
      // No reference finds a domain without a definition and without a QEMU, so such domains are tidied here.
      await tidyTransient(directories)
      throw error
    })
    return HeldDomain.named(entry.name, verb, options)
  }

  /** Locks the name, whether or not such a domain exists. @throws DomainError DOMAIN_BUSY, UsageError, StorageError */
  static async named(name: string, verb: string, options: DomainOptions): Promise<HeldDomain> {
    const directories = await openDirectories(options)
    await claimStateDirectory(directories)
    const paths = runtimePaths(directories, name)
    const lock = await DomainLock.acquire(name, paths, verb, options.signal)
    const tenure = await tenureOf(directories, paths, { ...options, verb }).catch(
      async (error: unknown) => {
        await lock[Symbol.asyncDispose]()
        throw error
      },
    )
    return HeldDomain.#hold(directories, name, { lock, tenure }, async () => {
      const stopped = (await readRecord(paths).catch(() => undefined))?.snapshot?.running === true
      const record = await reconcile(paths, directories)
      const continued = stopped && record !== undefined && record.snapshot === undefined
      await tidyState(directories)
      await tidyTransient(directories, name)
      return { record, end: undefined, continued }
    })
  }

  /** `find` for a command that only looks: describes the domain as the next operation will find it, and changes nothing. */
  static async look(reference: string, verb: string, options: DomainOptions): Promise<HeldDomain> {
    const directories = await openDirectories(options)
    await requireOwnHost(directories)
    const { name } = await findEntry(directories, reference)
    await requireNotElsewhere(directories, name)
    const paths = runtimePaths(directories, name)
    const lock = await DomainLock.acquireToLook(name, paths, verb, options.signal)
    const found = { lock, tenure: undefined }
    return HeldDomain.#hold(directories, name, found, () => describe(paths))
  }

  static async #hold(
    directories: Directories,
    name: string,
    rights: Rights,
    find: () => Promise<Pick<Presence, 'record' | 'end'> & { readonly continued?: boolean }>,
  ): Promise<HeldDomain> {
    const paths = runtimePaths(directories, name)
    try {
      // They exist by now; another user may have made them.
      await checkDirectories(directories)
      const { record, end, continued = false } = await find()
      const lastEnd = await lastEndOf({ paths, record, end })
      const saved = await whereSaved(paths, lastEnd)
      const facts = { directories, name, paths, record, continued, whereSaved: saved }
      return new HeldDomain(facts, rights)
    } catch (error) {
      await release(rights)
      throw error
    }
  }

  /** The domain as it is now, under the same lock, which stays with this object. @throws StorageError */
  async again(): Promise<HeldDomain> {
    const record = await reconcile(this.paths, this.directories)
    const saved = await whereSaved(
      this.paths,
      await lastEndOf({ paths: this.paths, record, end: undefined }),
    )
    const { directories, name, paths, continued } = this
    const rights = { ...this.#rights, isBorrowed: true }
    return new HeldDomain(
      { directories, name, paths, record, continued, whereSaved: saved },
      rights,
    )
  }

  /**
   * Checks that no other host has taken the domain over meanwhile. Call this just before its guest runs.
   * @throws DomainError DOMAIN_ELSEWHERE, StorageError
   */
  async confirmOwner(): Promise<void> {
    await this.#rights.tenure?.confirm()
  }

  /** The generation of this host's ownership: a fencing token. `undefined` if only one host uses the directory. */
  get generation(): number | undefined {
    return this.#rights.tenure?.generation
  }

  /** @throws DomainError DOMAIN_NOT_RUNNING */
  requireRunning(): RuntimeRecord {
    if (this.record !== undefined) return this.record
    throw new DomainError('DOMAIN_NOT_RUNNING', `Domain '${this.name}' is not running`, {
      hint: this.whereSaved ?? `Start it with \`stasis start ${this.name}\``,
    })
  }

  /** @throws DomainError DOMAIN_RUNNING */
  requireOff(): void {
    if (this.record === undefined) return
    throw new DomainError('DOMAIN_RUNNING', `Domain '${this.name}' is already running`, {
      hint: `It is process ${this.record.pid}`,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await release(this.#rights)
  }
}

/** The right to change a domain: among the processes of this host, and among hosts if the directory is shared. */
interface Rights {
  readonly lock: AsyncDisposable
  readonly tenure: Tenure | undefined
  /** Another object ends them. */
  readonly isBorrowed?: boolean
}

async function release({ lock, tenure, isBorrowed = false }: Rights): Promise<void> {
  if (isBorrowed) return
  await tenure?.[Symbol.asyncDispose]()
  await lock[Symbol.asyncDispose]()
}

/** Decided under the lock, because the host of a directory shares it one domain after another. */
async function tenureOf(
  directories: Directories,
  paths: RuntimePaths,
  options: TenureOptions,
): Promise<Tenure | undefined> {
  return (await isShared(directories)) ? Tenure.take(directories, paths, options) : undefined
}
