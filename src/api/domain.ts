import { DomainError, UsageError } from '../errors.ts'
import { readDescription } from '../image/open-image.ts'
import { childText } from '../qemu/domain-xml/access.ts'
import { parseDomainXml } from '../qemu/domain-xml/parse.ts'
import { detachDomain } from '../domain/foreign/attach.ts'
import { type DomainConsole, openConsole } from '../domain/lifecycle/console.ts'
import { destroyDomain } from '../domain/lifecycle/destroy.ts'
import {
  type PowerOptions,
  rebootDomain,
  resetDomain,
  shutDownDomain,
} from '../domain/lifecycle/power.ts'
import { renameDomain } from '../domain/lifecycle/rename.ts'
import { resumeDomain } from '../domain/lifecycle/resume.ts'
import { type StartOptions, type StartedDomain, startDomain } from '../domain/lifecycle/start.ts'
import { suspendDomain } from '../domain/lifecycle/suspend.ts'
import { type UndefineOptions, undefineDomain } from '../domain/lifecycle/undefine.ts'
import {
  type PostcopyRecoverOptions,
  recoverPostcopyDomain,
} from '../domain/postcopy/postcopy-recover.ts'
import type { JobRecord } from '../domain/progress/job.ts'
import type { RestoreProgress, SaveProgress } from '../domain/progress/progress.ts'
import { restoreDomain } from '../domain/restore/restore.ts'
import type { RestoreOptions, RestoreResult } from '../domain/restore/restore-request.ts'
import { type SaveCheck, checkSave } from '../domain/save/check-save.ts'
import {
  type DefineManagedSaveOptions,
  defineManagedSave,
} from '../domain/save/define-managed-save.ts'
import {
  dumpManagedSaveXml,
  managedSaveDomain,
  removeManagedSave,
} from '../domain/save/managed-save.ts'
import { type SaveOptions, type SaveResult, saveDomain } from '../domain/save/save.ts'
import { type AllMemoryOptions, waitForDomainMemory } from '../domain/status/all-memory.ts'
import { imageOfDomain } from '../domain/status/domain-image.ts'
import { type DomainInfo, domainInfo } from '../domain/status/info.ts'
import { type StateWithReason, domainStateReason } from '../domain/status/state-reason.ts'
import { type JobInfoOptions, abortJob, jobInfo } from '../domain/status/watch-job.ts'
import { type AutostartOptions, setAutostart } from '../domain/store/autostart.ts'
import type { Directories } from '../domain/store/directories.ts'
import type { DomainOptions } from '../domain/store/domain-options.ts'
import { type DumpXmlOptions, dumpDomainXml } from '../domain/store/dump-xml.ts'
import type { PostcopyState } from '../domain/store/postcopy-state.ts'
import type { DomainXml } from '../domain/store/xml-text.ts'
import { type FilePath, givenPath } from '../io/given-path.ts'
import type { HandleOptions } from './handle-options.ts'
import { Operation } from './operation.ts'

/** How to make a clone. */
export interface CloneOptions extends Omit<HandleOptions<RestoreOptions>, 'clone' | 'wait'> {
  /** The directory where overlays of its disks are made, which must exist; without it only disks that nobody writes to will do. */
  readonly overlays?: string | undefined
  /** The save image. Default: the one that the domain was restored from or saved to. */
  readonly image?: FilePath | undefined
}

/**
 * One domain: what virsh's verbs do to it, under their names. `Stasis.domain()` finds one. It holds nothing open; each method looks at the domain anew, and
 * throws `DomainError` DOMAIN_NOT_FOUND when it has gone, DOMAIN_BUSY when another process is at work on it.
 */
export class Domain {
  readonly name: string
  readonly uuid: string
  readonly #directories: Directories

  /** @internal */
  constructor(
    directories: Directories,
    { name, uuid }: { readonly name: string; readonly uuid: string },
  ) {
    this.#directories = directories
    this.name = name
    this.uuid = uuid
  }

  /** Facts about it: state, id, memory, processors, what is missing of its memory. @throws DomainXmlError, StorageError */
  info(options: HandleOptions<DomainOptions> = {}): Promise<DomainInfo> {
    return domainInfo(this.name, this.#bound(options))
  }

  /** What it does and why (`domstate --reason`). @throws StorageError */
  state(options: HandleOptions<DomainOptions> = {}): Promise<StateWithReason> {
    return domainStateReason(this.name, this.#bound(options))
  }

  /** Its XML: the one that it runs from, else the one that it is defined with. @throws StorageError */
  dumpXml(options: HandleOptions<DumpXmlOptions> = {}): Promise<string> {
    return dumpDomainXml(this.name, this.#bound(options))
  }

  /**
   * The save image that it was restored from while it runs, else the one that it was saved to; `undefined` when there is none.
   * @throws StorageError
   */
  image(options: HandleOptions<DomainOptions> = {}): Promise<string | undefined> {
    return imageOfDomain(this.name, this.#bound(options))
  }

  /**
   * Starts it: from its managed save when it has one, else by booting.
   * @throws DomainError DOMAIN_RUNNING; DomainXmlError, ImageError, QemuError, StorageError
   */
  start(options: HandleOptions<StartOptions> = {}): Operation<StartedDomain, RestoreProgress> {
    return new Operation(
      (watched) => startDomain(this.name, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * Saves it to a file and ends it. The guest stands still meanwhile and is ended only once the image is durable. Whatever fails, and when the operation is
   * cancelled, it goes on as before and no file is left.
   * @throws DomainError DOMAIN_NOT_RUNNING, UsageError, QemuError, StorageError; CancelledError
   * @example
   * const { image, timing } = await web.save('/backup/web.save', { channels: 4 })
   * console.log(`${image.allocatedBytes} bytes, the guest stood still for ${timing.downtimeMs} ms`)
   */
  save(
    path: FilePath,
    options: HandleOptions<SaveOptions> = {},
  ): Operation<SaveResult, SaveProgress> {
    return new Operation(
      (watched) => saveDomain(this.name, path, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * Whether it could be saved so, without stopping it; without `path` for a managed save.
   * @throws DomainError DOMAIN_NOT_RUNNING, UsageError
   */
  checkSave(path?: FilePath, options: HandleOptions<SaveOptions> = {}): Promise<SaveCheck> {
    return checkSave(this.name, path, this.#bound(options))
  }

  /**
   * Saves it to a place that Stasis keeps; its next start goes on from there.
   * @throws as `save`; DomainError DOMAIN_WRONG_STATE when it is not defined
   */
  managedSave(options: HandleOptions<SaveOptions> = {}): Operation<SaveResult, SaveProgress> {
    return new Operation(
      (watched) => managedSaveDomain(this.name, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /** Throws its managed save away: it boots at its next start. @throws DomainError DOMAIN_WRONG_STATE when it has none, StorageError */
  async managedSaveRemove(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await removeManagedSave(this.name, this.#bound(options))
  }

  /** The XML in its managed save. @throws DomainError DOMAIN_WRONG_STATE when it has none; ImageError, StorageError */
  managedSaveDumpXml(options: HandleOptions<DomainOptions> = {}): Promise<string> {
    return dumpManagedSaveXml(this.name, this.#bound(options))
  }

  /**
   * Changes the XML in its managed save; the guest must not see a difference.
   * @throws DomainError DOMAIN_WRONG_STATE, DOMAIN_RUNNING; DomainXmlError, ImageError IMAGE_INCOMPATIBLE, StorageError
   */
  async managedSaveDefine(
    xml: DomainXml,
    options: HandleOptions<DefineManagedSaveOptions> = {},
  ): Promise<void> {
    await defineManagedSave(this.name, xml, this.#bound(options))
  }

  /**
   * Restores it from one of its save images. `Stasis.restore()` restores whatever domain is in an image.
   * @throws UsageError BAD_ARGUMENT when the image is of another domain; else as `Stasis.restore`
   */
  restore(
    path: FilePath,
    options: HandleOptions<RestoreOptions> = {},
  ): Operation<RestoredDomain, RestoreProgress> {
    return new Operation(async (watched) => {
      await checkImageOf(this.name, path)
      return restoreTo(this.#directories, path, { ...options, ...watched })
    }, options)
  }

  /**
   * Restores its image as another domain, beside it. The clone writes to overlays of the disks; its guest sees another generation id.
   * @throws DomainError DOMAIN_WRONG_STATE when it has no image; UsageError BAD_COMBINATION for a disk that both would write to; else as `Stasis.restore`
   * @example
   * const second = await web.clone('web-2', { overlays: '/var/lib/clones' })
   */
  clone(name: string, options: CloneOptions = {}): Operation<RestoredDomain, RestoreProgress> {
    const { overlays, image, ...rest } = options
    return new Operation(async (watched) => {
      const path = image ?? (await this.image({ signal: watched.signal }))
      if (path === undefined) throw noImage(this.name)
      return restoreTo(this.#directories, path, {
        ...rest,
        ...watched,
        clone: { name, diskOverlay: overlays },
      })
    }, options)
  }

  /**
   * Waits until all memory of a lazy restore is there: from then on its image is needed no more. Done at once for other domains; one that was restored by
   * `map` uses the image for as long as it runs.
   * @throws DomainError DOMAIN_WRONG_STATE when the memory will not come, see `postcopyRecover`
   */
  allMemory(options: HandleOptions<AllMemoryOptions> = {}): Operation<void, PostcopyState> {
    return new Operation(
      (watched) => waitForDomainMemory(this.name, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * Brings the rest of its memory when the processes that brought it have died, or its image was repaired or moved.
   * @throws DomainError DOMAIN_WRONG_STATE when nothing is missing; ImageError, QemuError
   */
  async postcopyRecover(options: HandleOptions<PostcopyRecoverOptions> = {}): Promise<void> {
    await recoverPostcopyDomain(this.name, this.#bound(options))
  }

  /** Pauses it. @throws DomainError DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE; QemuError */
  async suspend(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await suspendDomain(this.name, this.#bound(options))
  }

  /** Lets it go on. @throws DomainError DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE when it does already; QemuError */
  async resume(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await resumeDomain(this.name, this.#bound(options))
  }

  /** Asks its guest to shut down; whether and when it does is for the guest. @throws DomainError DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE; QemuError */
  async shutdown(options: HandleOptions<PowerOptions> = {}): Promise<void> {
    await shutDownDomain(this.name, this.#bound(options))
  }

  /** Asks its guest to shut down, and boots it again. @throws as `shutdown`; QemuError QEMU_TIMEOUT when it does not shut down */
  async reboot(options: HandleOptions<PowerOptions> = {}): Promise<void> {
    await rebootDomain(this.name, this.#bound(options))
  }

  /** Presses its reset button. @throws DomainError DOMAIN_NOT_RUNNING; QemuError */
  async reset(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await resetDomain(this.name, this.#bound(options))
  }

  /** Cuts its power. @throws DomainError DOMAIN_NOT_RUNNING; QemuError QEMU_TIMEOUT */
  async destroy(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await destroyDomain(this.name, this.#bound(options))
  }

  /**
   * Connects to its first serial port.
   * @throws DomainError DOMAIN_NOT_RUNNING, DomainXmlError XML_UNSUPPORTED when it has none that can be reached
   * @example
   * await using console = await web.console()
   * console.output.pipe(process.stdout)
   */
  console(options: HandleOptions<DomainOptions> = {}): Promise<DomainConsole> {
    return openConsole(this.name, this.#bound(options))
  }

  /** The save or restore that some process does with it now (`domjobinfo`), or did last; `undefined` when there is none. */
  job(options: HandleOptions<JobInfoOptions> = {}): Promise<JobRecord | undefined> {
    return jobInfo(this.name, this.#bound(options))
  }

  /**
   * Cancels the save or restore that some process does with it now (`domjobabort`), and waits until it is over. Gives how it ended.
   * @throws DomainError DOMAIN_WRONG_STATE when there is none; QemuError QEMU_TIMEOUT, StorageError
   */
  async abortJob(options: HandleOptions<DomainOptions> = {}): Promise<JobRecord['outcome']> {
    return (await abortJob(this.name, this.#bound(options))).outcome
  }

  /** Lets it start with the host, or no longer. @throws DomainError DOMAIN_NOT_FOUND when it is not defined; StorageError */
  async autostart(options: HandleOptions<AutostartOptions> = {}): Promise<void> {
    await setAutostart(this.name, this.#bound(options))
  }

  /**
   * Gives it another name (`domrename`). It must not run. Gives the handle for the new name; this one finds nothing any more.
   * @throws DomainError DOMAIN_RUNNING, DOMAIN_EXISTS, DOMAIN_HAS_MANAGED_SAVE; UsageError, StorageError
   */
  async rename(newName: string, options: HandleOptions<DomainOptions> = {}): Promise<Domain> {
    const { name } = await renameDomain(this.name, newName, this.#bound(options))
    return new Domain(this.#directories, { name, uuid: this.uuid })
  }

  /** Forgets its definition. If it runs it goes on, and is gone when it ends. @throws DomainError DOMAIN_HAS_MANAGED_SAVE; StorageError */
  async undefine(options: HandleOptions<UndefineOptions> = {}): Promise<void> {
    await undefineDomain(this.name, this.#bound(options))
  }

  /** Lets go of a QEMU that `Stasis.attach()` took over; it runs on. @throws DomainError DOMAIN_WRONG_STATE when Stasis started it */
  async detach(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await detachDomain(this.name, this.#bound(options))
  }

  #bound<Options>(options: Options): Options & Directories {
    return { ...options, ...this.#directories }
  }
}

/** A domain that was in a save image and runs now. */
export class RestoredDomain extends Domain {
  /** How it was restored: pid, mode and why, times. */
  readonly result: RestoreResult

  /** @internal */
  constructor(directories: Directories, restored: RestoreResult) {
    super(directories, restored)
    this.result = restored
  }
}

/** Restores an image and gives the handle. */
export async function restoreTo(
  directories: Directories,
  path: FilePath,
  options: HandleOptions<RestoreOptions>,
): Promise<RestoredDomain> {
  const restored = await restoreDomain(path, { ...options, ...directories })
  return new RestoredDomain(directories, restored)
}

async function checkImageOf(name: string, image: FilePath): Promise<void> {
  const path = givenPath(image, 'the image')
  const { xml } = await readDescription(path)
  const found = childText(parseDomainXml(xml, { path }).root, 'name')?.trim()
  if (found === name) return
  throw new UsageError('BAD_ARGUMENT', `${path} is an image of '${found}', not of '${name}'`, {
    path,
    hint: 'Use Stasis.restore(), which restores any image',
  })
}

function noImage(name: string): DomainError {
  return new DomainError(
    'DOMAIN_WRONG_STATE',
    `Domain '${name}' cannot be cloned: it was neither saved nor restored`,
    { hint: 'Save it first, or give the image from which to clone it' },
  )
}
