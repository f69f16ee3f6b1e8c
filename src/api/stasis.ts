import { type CheckImageOptions, type ImageCheck, checkImage } from '../domain/check/image.ts'
import { type AttachOptions, attachDomain } from '../domain/foreign/attach.ts'
import {
  type HostResumeOptions,
  type HostResumeOutcome,
  resumeHost,
} from '../domain/host/host-resume.ts'
import { type HostSaveOptions, type HostSaveOutcome, saveHost } from '../domain/host/host-save.ts'
import { type DefineOptions, defineDomain } from '../domain/lifecycle/define.ts'
import type { RestoreProgress } from '../domain/progress/progress.ts'
import {
  type CacheAddOptions,
  addToImageCache,
  listImageCache,
  removeFromImageCache,
} from '../domain/restore/image-cache.ts'
import type { RestoreOptions } from '../domain/restore/restore-request.ts'
import { type EventOptions, type LifecycleEvent, watchEvents } from '../domain/status/events.ts'
import { type DomainSummary, type ListOptions, listDomains } from '../domain/status/list.ts'
import { type Versions, versions } from '../domain/status/version.ts'
import type { CachedImage } from '../domain/store/cached-images.ts'
import { findEntry, uuidOf } from '../domain/store/catalogue.ts'
import {
  type Directories,
  type DirectoryOptions,
  resolveDirectories,
} from '../domain/store/directories.ts'
import type { DomainOptions } from '../domain/store/domain-options.ts'
import type { DomainXml } from '../domain/store/xml-text.ts'
import type { FilePath } from '../io/given-path.ts'
import { Domain, type RestoredDomain, restoreTo } from './domain.ts'
import type { HandleOptions } from './handle-options.ts'
import { Operation } from './operation.ts'

/** What a check of an image reports while it reads. */
export type CheckProgress = Parameters<NonNullable<CheckImageOptions['onProgress']>>[0]

/** A QEMU that was taken over. */
export interface Attached {
  readonly domain: Domain
  /** What keeps it from being saved, in words; empty when nothing does. */
  readonly obstacles: readonly string[]
}

/**
 * The domains of one state directory, and what can be done with them. It holds nothing open: make as many as you like, and never close one.
 *
 * @example
 * const stasis = new Stasis()
 * const web = await stasis.domain('web')
 * const saving = web.save('/backup/web.save', { channels: 4 })
 * for await (const progress of saving) if (progress.phase === 'transferring') console.log(progress.percent)
 * const { image } = await saving
 * const restored = await stasis.restore(image.path, { mode: 'lazy' })
 * await restored.allMemory()
 */
export class Stasis {
  /** Definitions and managed saves, absolute. */
  readonly stateDir: string
  /** What lives only as long as a QEMU, absolute. */
  readonly runtimeDir: string
  readonly #directories: Directories

  /**
   * Directories that are left out come from the environment (`STASIS_STATE_DIR`, `STASIS_RUNTIME_DIR`), then from the defaults of the command line. Nothing is
   * made or read yet.
   * @throws UsageError BAD_ARGUMENT
   */
  constructor(options: DirectoryOptions = {}) {
    this.#directories = resolveDirectories(options)
    this.stateDir = this.#directories.stateDir
    this.runtimeDir = this.#directories.runtimeDir
  }

  /**
   * Finds a domain by name, UUID or id (the pid of its QEMU).
   * @throws DomainError DOMAIN_NOT_FOUND, StorageError
   */
  async domain(reference: string): Promise<Domain> {
    const entry = await findEntry(this.#directories, reference)
    const uuid = await uuidOf(this.#directories, entry)
    return new Domain(this.#directories, { name: entry.name, uuid })
  }

  /** The domains that run, or with `all` those that do not, too (`list`). @throws StorageError */
  domains(options: HandleOptions<ListOptions> = {}): Promise<readonly DomainSummary[]> {
    return listDomains(this.#bound(options))
  }

  /**
   * Defines a domain from libvirt domain XML, or changes its definition.
   * @throws DomainXmlError; DomainError DOMAIN_EXISTS, DOMAIN_HAS_MANAGED_SAVE; QemuError, StorageError
   * @example
   * const web = await stasis.define(await readFile('web.xml', 'utf8'))
   * await web.start()
   */
  async define(xml: DomainXml, options: HandleOptions<DefineOptions> = {}): Promise<Domain> {
    return new Domain(this.#directories, await defineDomain(xml, this.#bound(options)))
  }

  /**
   * Takes over a running QEMU that Stasis did not start, by the unix socket of a QMP monitor that nobody else uses. It can be saved then.
   * @throws DomainError DOMAIN_RUNNING, DOMAIN_EXISTS; QemuError QEMU_BUSY when the monitor is in use; StorageError
   */
  async attach(qmpSocket: string, options: HandleOptions<AttachOptions> = {}): Promise<Attached> {
    const { obstacles, ...domain } = await attachDomain(qmpSocket, this.#bound(options))
    return { domain: new Domain(this.#directories, domain), obstacles }
  }

  /**
   * Restores the domain that is in a save image. When that fails, no QEMU and no file is left, and the image is as it was.
   * @throws ImageError naming file and offset; DomainError, DomainXmlError, QemuError, StorageError; UsageError; CancelledError
   * @example
   * const web = await stasis.restore('/backup/web.save', { signal: AbortSignal.timeout(60_000) })
   * console.log(web.name, web.result.mode, web.result.timing.totalMs)
   */
  restore(
    path: FilePath,
    options: HandleOptions<RestoreOptions> = {},
  ): Operation<RestoredDomain, RestoreProgress> {
    return new Operation(
      (watched) => restoreTo(this.#directories, path, { ...options, ...watched }),
      options,
    )
  }

  /**
   * Whether this host can restore an image, without starting its guest or touching its disks. An image that is one stream is read to its end, which its
   * progress shows.
   * @throws ImageError for a file that is no complete image; UsageError, StorageError; CancelledError
   */
  checkImage(
    path: FilePath,
    options: HandleOptions<CheckImageOptions> = {},
  ): Operation<ImageCheck, CheckProgress> {
    return new Operation(
      (watched) => checkImage(path, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * What happens to domains from now on, until `signal` is aborted or the loop is left.
   * @throws StorageError
   * @example
   * for await (const { domain, event, detail } of stasis.events()) console.log(domain, event, detail)
   */
  events(options: HandleOptions<EventOptions> = {}): AsyncIterable<LifecycleEvent> {
    return watchEvents(this.#bound(options))
  }

  /**
   * Saves all domains that run into managed saves, several at once (`host-save`). Its progress are the domains, each when it is dealt with. Does not fail
   * because of one of them.
   * @throws StorageError, CancelledError
   */
  hostSave(
    options: HandleOptions<HostSaveOptions> = {},
  ): Operation<readonly HostSaveOutcome[], HostSaveOutcome> {
    return new Operation(
      ({ signal, onProgress: onDomain }) => saveHost({ ...this.#bound(options), signal, onDomain }),
      { signal: options.signal, onProgress: options.onDomain },
      { keepAll: true },
    )
  }

  /**
   * Brings back all domains that `hostSave` has saved, several at once (`host-resume`). Its progress are the domains, each when it is dealt with. Does not
   * fail because of one of them, which then keeps its managed save.
   * @throws StorageError, CancelledError
   */
  hostResume(
    options: HandleOptions<HostResumeOptions> = {},
  ): Operation<readonly HostResumeOutcome[], HostResumeOutcome> {
    return new Operation(
      ({ signal, onProgress: onDomain }) =>
        resumeHost({ ...this.#bound(options), signal, onDomain }),
      { signal: options.signal, onProgress: options.onDomain },
      { keepAll: true },
    )
  }

  /** What is in the cache of uncompressed images, the latest used first (`image-cache list`). @throws StorageError */
  imageCache(options: HandleOptions<DomainOptions> = {}): Promise<readonly CachedImage[]> {
    return listImageCache(this.#bound(options))
  }

  /**
   * Puts the memory of an image into the cache, so that a restore can map it (`image-cache add`). Every checksum is checked.
   * @throws ImageError, StorageError, CancelledError
   */
  imageCacheAdd(
    image: FilePath,
    options: HandleOptions<CacheAddOptions> = {},
  ): Promise<CachedImage> {
    return addToImageCache(image, this.#bound(options))
  }

  /** Removes an entry of the cache, by key, the beginning of that, or image. @throws UsageError BAD_ARGUMENT, StorageError */
  async imageCacheRemove(which: string, options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await removeFromImageCache(which, this.#bound(options))
  }

  /** The versions of Stasis, Node and QEMU. @throws QemuError when a QEMU is there and does not start */
  version(options: HandleOptions<DomainOptions> = {}): Promise<Versions> {
    return versions(this.#bound(options))
  }

  #bound<Options>(options: Options): Options & Directories {
    return { ...options, ...this.#directories }
  }
}
