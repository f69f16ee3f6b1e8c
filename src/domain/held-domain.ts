import { DomainError } from '../errors.ts'
import { findEntry } from './catalogue.ts'
import type { DomainOptions } from './domain-options.ts'
import { type Directories, resolveDirectories } from './directories.ts'
import { DomainLock } from './lock.ts'
import { settle } from './presence.ts'
import { type RuntimePaths, runtimePaths } from './runtime-paths.ts'
import type { RuntimeRecord } from './runtime-record.ts'

/**
 * A domain under our lock, its runtime directory in line with what runs: the QEMU of a start that was broken off is ended,
 * the files of one that died are removed.
 */
export class HeldDomain implements AsyncDisposable {
  readonly directories: Directories
  readonly name: string
  readonly paths: RuntimePaths
  /** Its QEMU when it was taken, if it ran. */
  readonly record: RuntimeRecord | undefined
  readonly #lock: DomainLock

  private constructor(
    directories: Directories,
    name: string,
    paths: RuntimePaths,
    record: RuntimeRecord | undefined,
    lock: DomainLock,
  ) {
    this.directories = directories
    this.name = name
    this.paths = paths
    this.record = record
    this.#lock = lock
  }

  /**
   * Holds the domain that a person means (name, UUID or id) for `verb`.
   * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY
   */
  static async find(reference: string, verb: string, options: DomainOptions): Promise<HeldDomain> {
    const { name } = await findEntry(resolveDirectories(options), reference)
    return HeldDomain.named(name, verb, options)
  }

  /** Holds the name, whether there is such a domain or not. @throws DomainError DOMAIN_BUSY, UsageError */
  static async named(name: string, verb: string, options: DomainOptions): Promise<HeldDomain> {
    const directories = resolveDirectories(options)
    const paths = runtimePaths(directories, name)
    const lock = await DomainLock.acquire(name, paths, verb, options.signal)
    try {
      return new HeldDomain(directories, name, paths, await settle(paths), lock)
    } catch (error) {
      await lock[Symbol.asyncDispose]()
      throw error
    }
  }

  /** @throws DomainError DOMAIN_NOT_RUNNING */
  requireRunning(): RuntimeRecord {
    if (this.record !== undefined) return this.record
    throw new DomainError('DOMAIN_NOT_RUNNING', `Domain '${this.name}' is not running`, {
      hint: `\`stasis start ${this.name}\` starts it`,
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
    await this.#lock[Symbol.asyncDispose]()
  }
}
