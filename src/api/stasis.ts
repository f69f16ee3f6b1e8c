import { type CheckImageOptions, type ImageCheck, checkImage } from '../domain/check/image.ts'
import { type AttachOptions, attachDomain } from '../domain/foreign/attach.ts'
import { attachNamedDomain } from '../domain/foreign/attach-named.ts'
import { type ExportOptions, type ExportOutcome, exportDomains } from '../domain/libvirt/export.ts'
import { importDomains } from '../domain/libvirt/import.ts'
import type { ImportOptions, ImportOutcome } from '../domain/libvirt/import-options.ts'
import {
  type HostResumeOptions,
  type HostResumeOutcome,
  resumeHost,
} from '../domain/host/host-resume.ts'
import { type HostSaveOptions, type HostSaveOutcome, saveHost } from '../domain/host/host-save.ts'
import { type ExamineOptions, type HostHealth, examineHost } from '../domain/doctor/doctor.ts'
import { type ImageList, type ListImagesOptions, listImages } from '../domain/images/list-images.ts'
import {
  type PruneImagesOptions,
  type PrunedImages,
  pruneImages,
} from '../domain/images/prune-images.ts'
import { type CreateOptions, createDomain } from '../domain/lifecycle/create.ts'
import { type DefineOptions, defineDomain } from '../domain/lifecycle/define.ts'
import type { RestoreProgress } from '../domain/progress/progress.ts'
import {
  type CacheAddOptions,
  addToImageCache,
  listImageCache,
  removeFromImageCache,
} from '../domain/restore/image-cache.ts'
import type { RestoreOptions } from '../domain/restore/restore-request.ts'
import { type HostActivity, hostActivity } from '../domain/status/activity.ts'
import { type EventOptions, type LifecycleEvent, watchEvents } from '../domain/status/events.ts'
import {
  type MachineEvent,
  type MachineEventOptions,
  watchMachineEvents,
} from '../domain/status/machine-events.ts'
import { type DomainSummary, type ListOptions, listDomains } from '../domain/status/list.ts'
import { type Versions, versions } from '../domain/status/version.ts'
import type { CachedImage } from '../domain/store/saves/cached-images.ts'
import { findEntry, uuidOf } from '../domain/catalogue/catalogue.ts'
import {
  type Directories,
  type DirectoryOptions,
  openDirectories,
  resolveDirectories,
} from '../domain/store/directories.ts'
import type { DomainOptions } from '../domain/store/domain-options.ts'
import type { DomainXml } from '../domain/store/xml-text.ts'
import type { FilePath } from '../io/files/given-path.ts'
import { Domain, type RestoredDomain, restoreTo } from './domain.ts'
import type { HandleOptions } from './handle-options.ts'
import { type HistoryOptions, readHistory } from '../domain/status/history.ts'
import type { JournalContent } from '../domain/journal/read-journal.ts'
import { Operation } from './operation.ts'
import { type ShareOptions, type SharedState, shareState } from '../domain/host/share-state.ts'

/** The progress of a check that reads an image. */
export type CheckProgress = Parameters<NonNullable<CheckImageOptions['onProgress']>>[0]

/** The result of `Stasis.attach()`. */
export interface Attached {
  readonly domain: Domain
  /** The reasons why it cannot be saved, as text; empty if there are none. */
  readonly obstacles: readonly string[]
}

/**
 * The domains of one state directory, and the operations on them. It keeps nothing open, so it need not be closed, and there may be several.
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
  /** The directory of definitions and managed saves, as an absolute path. */
  readonly stateDir: string
  /** The directory of files that exist only while a QEMU runs, as an absolute path. */
  readonly runtimeDir: string
  readonly #directories: Directories

  /**
   * Missing directories come from the environment (`STASIS_STATE_DIR`, `STASIS_RUNTIME_DIR`), then from the defaults of the command line. This neither creates nor reads anything.
   * @throws UsageError BAD_ARGUMENT
   */
  constructor(options: DirectoryOptions = {}) {
    this.#directories = resolveDirectories(options)
    this.stateDir = this.#directories.stateDir
    this.runtimeDir = this.#directories.runtimeDir
  }

  /**
   * Finds a domain by name, UUID or id (the pid of its QEMU).
   * @throws DomainError DOMAIN_NOT_FOUND; UsageError, StorageError
   * @example
   * const web = await stasis.domain('web')
   */
  async domain(reference: string): Promise<Domain> {
    const entry = await findEntry(await openDirectories(this.#directories), reference)
    const uuid = await uuidOf(this.#directories, entry)
    return new Domain(this.#directories, { name: entry.name, uuid })
  }

  /**
   * The running domains, or with `all` every domain (`list`).
   * @throws StorageError
   * @example
   * for (const { name, state } of await stasis.domains({ all: true })) console.log(name, state)
   */
  domains(options: HandleOptions<ListOptions> = {}): Promise<readonly DomainSummary[]> {
    return listDomains(this.#bound(options))
  }

  /**
   * Defines a domain from libvirt domain XML, or changes the definition of a domain.
   * @throws DomainXmlError; DomainError DOMAIN_EXISTS, DOMAIN_HAS_MANAGED_SAVE; UsageError, QemuError, StorageError
   * @example
   * const web = await stasis.define(await readFile('web.xml', 'utf8'))
   * await web.start()
   */
  async define(xml: DomainXml, options: HandleOptions<DefineOptions> = {}): Promise<Domain> {
    return new Domain(this.#directories, await defineDomain(xml, this.#bound(options)))
  }

  /**
   * Boots a domain from libvirt domain XML without defining it: it is gone when its guest ends.
   * @throws DomainXmlError; DomainError DOMAIN_RUNNING, DOMAIN_EXISTS, DOMAIN_HAS_MANAGED_SAVE; QemuError, StorageError
   * @example
   * const web = await stasis.create(await readFile('web.xml', 'utf8'), { paused: true })
   * await web.resume()
   */
  async create(xml: DomainXml, options: HandleOptions<CreateOptions> = {}): Promise<Domain> {
    return new Domain(this.#directories, await createDomain(xml, this.#bound(options)))
  }

  /**
   * Takes over a running QEMU that Stasis did not start, through the unix socket of a QMP monitor that no other program uses. It can then be saved.
   * @throws DomainError DOMAIN_RUNNING, DOMAIN_EXISTS, DOMAIN_BUSY if the monitor is in use; UsageError, QemuError, StorageError
   * @example
   * const { domain, obstacles } = await stasis.attach('/run/vm/qmp.sock')
   * if (obstacles.length === 0) await domain.save('/backup/vm.save')
   */
  async attach(qmpSocket: string, options: HandleOptions<AttachOptions> = {}): Promise<Attached> {
    const { obstacles, ...domain } = await attachDomain(qmpSocket, this.#bound(options))
    return { domain: new Domain(this.#directories, domain), obstacles }
  }

  /**
   * Like `attach`, but finds the QEMU by its name (QEMU's `-name`, which libvirt sets), UUID or pid.
   * @throws errors of `attach`; DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY when other programs, such as libvirt, use all its monitors
   * @example
   * const { domain } = await stasis.attachNamed('vm')
   */
  async attachNamed(
    reference: string,
    options: HandleOptions<AttachOptions> = {},
  ): Promise<Attached> {
    const { obstacles, ...domain } = await attachNamedDomain(reference, this.#bound(options))
    return { domain: new Domain(this.#directories, domain), obstacles }
  }

  /**
   * Takes domains over from libvirt (docs/beside-libvirt.md). Without names: all domains that libvirt defines. The outcomes say which could not be imported.
   * @throws StorageError, QemuError when libvirt's definitions cannot be read; CancelledError
   * @example
   * const [web] = await stasis.importDomains(['web'], { managedSave: 'move' })
   * console.log(web?.outcome, web?.error?.message)
   */
  importDomains(
    names: readonly string[] | undefined,
    options: HandleOptions<ImportOptions> = {},
  ): Promise<readonly ImportOutcome[]> {
    return importDomains(names, this.#bound(options))
  }

  /**
   * Gives domains to libvirt (docs/beside-libvirt.md). The outcomes say which could not be exported.
   * @throws CancelledError
   * @example
   * const [web] = await stasis.exportDomains(['web'], { managedSave: 'move' })
   * console.log(web?.written, web?.left)
   */
  exportDomains(
    references: readonly string[],
    options: HandleOptions<ExportOptions> = {},
  ): Promise<readonly ExportOutcome[]> {
    return exportDomains(references, this.#bound(options))
  }

  /**
   * Restores the domain in a save image. After a failure no QEMU and no file is left, and the image is unchanged.
   * @throws ImageError with file and offset; DomainError, DomainXmlError, QemuError, StorageError; UsageError; CancelledError
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
   * Checks whether this host can restore an image, without starting its guest or touching its disks. An image that is one stream is read to the end, and reports progress.
   * @throws ImageError for a file that is not a complete image; UsageError, StorageError; CancelledError
   * @example
   * const { loadable, findings } = await stasis.checkImage('/backup/web.save')
   * for (const { severity, text, hint } of findings) console.log(severity, text, hint)
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
   * Lifecycle events of the domains from now on, until `signal` is aborted or the loop ends. It looks four times a second, so it misses a change that is undone in between.
   * @throws StorageError
   * @example
   * for await (const { domain, event, detail } of stasis.events()) console.log(domain, event, detail)
   */
  events(options: HandleOptions<EventOptions> = {}): AsyncIterable<LifecycleEvent> {
    return watchEvents(this.#bound(options))
  }

  /**
   * Events of the machines of running domains from now on, such as a balloon that changes or a tray that opens, until `signal` is aborted or the loop ends. It looks four times a second, so it misses a
   * change that is undone in between.
   * @throws StorageError
   * @example
   * for await (const { domain, event } of stasis.machineEvents()) console.log(domain, event)
   */
  machineEvents(options: HandleOptions<MachineEventOptions> = {}): AsyncIterable<MachineEvent> {
    return watchMachineEvents(this.#bound(options))
  }

  /**
   * Makes a managed save of every running domain, several at once (`host-save`). Its progress reports each domain when it is done. A domain that cannot be saved is not an error:
   * its outcome says why, and it keeps running.
   * @throws StorageError, CancelledError
   * @example
   * const saving = stasis.hostSave({ timeLimitMs: 120_000 })
   * for await (const { name, outcome, reason } of saving) console.log(name, outcome, reason)
   * console.log((await saving).length)
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
   * Restarts the domains that `hostSave()` has saved, several at once (`host-resume`). Its progress reports each domain when it is done. A domain that cannot be started is not an
   * error: its outcome says why, and it keeps its managed save.
   * @throws StorageError, CancelledError
   * @example
   * for await (const { name, outcome } of stasis.hostResume({ autostart: true })) console.log(name, outcome)
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

  /**
   * Lets other hosts use the state directory of this host, or a new one (`state-share`): from then on every domain has an owner, and no host changes what another one runs.
   * With `saveDirectory` all hosts keep managed saves there, and those that there are move.
   * @throws StorageError RUNTIME_NOT_LOCAL, STATE_OF_ANOTHER_HOST, STATE_MISSING and others; DomainError DOMAIN_BUSY, DOMAIN_RUNNING, DOMAIN_ELSEWHERE; UsageError
   * @example
   * const { host, running } = await stasis.shareState({ saveDirectory: '/big/stasis' })
   * console.log(host, running)
   */
  shareState(options: HandleOptions<ShareOptions> = {}): Promise<SharedState> {
    return shareState(this.#bound(options))
  }

  /**
   * The journal of saves, restores, starts and ends, the oldest first (`history`).
   * @throws StorageError
   * @example
   * const { entries } = await stasis.history({ since: new Date('2026-11-01') })
   * console.log(entries.at(-1)?.outcome)
   */
  history(options: HandleOptions<HistoryOptions> = {}): Promise<JournalContent> {
    return readHistory(this.#bound(options))
  }

  /**
   * The entries of the image cache, the most recently used first (`image-cache list`).
   * @throws StorageError
   * @example
   * for (const { image, allocatedBytes } of await stasis.imageCache()) console.log(image, allocatedBytes)
   */
  imageCache(options: HandleOptions<DomainOptions> = {}): Promise<readonly CachedImage[]> {
    return listImageCache(this.#bound(options))
  }

  /**
   * Adds the uncompressed memory of an image to the cache, so that a restore can map it (`image-cache add`). Every checksum is checked.
   * @throws ImageError, StorageError, CancelledError
   * @example
   * await stasis.imageCacheAdd('/images/prepared.save', { limitBytes: 64 * 2 ** 30 })
   */
  imageCacheAdd(
    image: FilePath,
    options: HandleOptions<CacheAddOptions> = {},
  ): Promise<CachedImage> {
    return addToImageCache(image, this.#bound(options))
  }

  /**
   * Removes an entry of the cache, given by its key, the beginning of that, or its image. A guest that runs from it continues.
   * @throws UsageError BAD_ARGUMENT if there is no such entry or several; StorageError
   * @example
   * await stasis.imageCacheRemove('/images/prepared.save')
   */
  async imageCacheRemove(which: string, options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await removeFromImageCache(which, this.#bound(options))
  }

  /**
   * Every image that was written or restored here, and every managed save (`images`).
   * @throws StorageError, UsageError; CancelledError
   * @example
   * for (const { path, state, reason } of (await stasis.images()).images) console.log(path, state, reason)
   */
  images(options: HandleOptions<ListImagesOptions> = {}): Promise<ImageList> {
    return listImages(this.#bound(options))
  }

  /**
   * Deletes images that no guest needs, and the records of images that are gone (`images --prune`).
   * @throws UsageError BAD_ARGUMENT; StorageError when it is unknown which images are needed; CancelledError
   * @example
   * const { deleted } = await stasis.pruneImages({ olderThanDays: 30, keep: 2, dryRun: true })
   * console.log(deleted.length)
   */
  pruneImages(options: HandleOptions<PruneImagesOptions> = {}): Promise<PrunedImages> {
    return pruneImages(this.#bound(options))
  }

  /**
   * Examines this host for missing features, and for unsafe or slow settings (`doctor`). With `fix` it mends some of them; otherwise it changes nothing.
   * @throws StorageError, UsageError; CancelledError
   * @example
   * const { findings } = await stasis.examine()
   * for (const { verdict, text } of findings) if (verdict !== 'ok') console.log(verdict, text)
   */
  examine(options: HandleOptions<ExamineOptions> = {}): Promise<HostHealth> {
    return examineHost(this.#bound(options))
  }

  /**
   * The present activity of each domain: its state, a save or restore in progress, memory that is still being loaded (`top --json`).
   * @throws StorageError; CancelledError
   * @example
   * for (const { name, job } of (await stasis.activity()).domains) console.log(name, job?.operation, job?.progress)
   */
  activity(options: HandleOptions<DomainOptions> = {}): Promise<HostActivity> {
    return hostActivity(this.#bound(options))
  }

  /**
   * The versions of Stasis, Node and QEMU.
   * @throws QemuError if there is a QEMU and it does not start
   * @example
   * const { qemu } = await stasis.version()
   * console.log(qemu?.version)
   */
  version(options: HandleOptions<DomainOptions> = {}): Promise<Versions> {
    return versions(this.#bound(options))
  }

  #bound<Options>(options: Options): Options & Directories {
    return { ...options, ...this.#directories }
  }
}
