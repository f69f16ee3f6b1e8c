import { DomainError, UsageError } from '../errors.ts'
import { readDescription } from '../image/open-image.ts'
import { childText } from '../qemu/domain-xml/access.ts'
import { parseDomainXml } from '../qemu/domain-xml/parse.ts'
import {
  type CloneLiveOptions,
  type CloneLiveResult,
  cloneLive,
} from '../domain/checkpoint/clones/clone-live.ts'
import {
  type CloneCheckpointOptions,
  cloneCheckpoint,
} from '../domain/checkpoint/clones/clone-checkpoint.ts'
import type { CheckpointOptions } from '../domain/checkpoint/checkpoint-options.ts'
import { type CheckpointResult, createCheckpoint } from '../domain/checkpoint/create-checkpoint.ts'
import {
  type DeleteCheckpointOptions,
  type DeletedCheckpoint,
  deleteCheckpoint,
} from '../domain/checkpoint/delete-checkpoint.ts'
import {
  type FlattenedCheckpoint,
  flattenCheckpoint,
} from '../domain/checkpoint/memory/flatten-checkpoint.ts'
import { type CheckpointList, listCheckpoints } from '../domain/checkpoint/list-checkpoints.ts'
import { type RevertResult, revertToCheckpoint } from '../domain/checkpoint/revert-checkpoint.ts'
import type { RevertOptions } from '../domain/checkpoint/revert-options.ts'
import { detachDomain } from '../domain/foreign/attach.ts'
import { type DomainConsole, openConsole } from '../domain/lifecycle/console.ts'
import { type DestroyOptions, destroyDomain } from '../domain/lifecycle/destroy.ts'
import {
  type PowerOptions,
  rebootDomain,
  resetDomain,
  shutDownDomain,
} from '../domain/lifecycle/power.ts'
import { renameDomain } from '../domain/lifecycle/rename.ts'
import { freezeDomain, thawDomain } from '../domain/lifecycle/freeze.ts'
import { type ResumeOptions, resumeDomain } from '../domain/lifecycle/resume.ts'
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
import { type LiveCheck, checkLive } from '../domain/live/check-live.ts'
import type { LiveSaveOptions } from '../domain/live/live-options.ts'
import type { LiveSaveResult } from '../domain/live/live-result.ts'
import { saveLive } from '../domain/live/live-save.ts'
import { managedSaveLive } from '../domain/live/managed-live.ts'
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
import {
  type StateOptions,
  type StateWithReason,
  domainStateReason,
} from '../domain/status/state-reason.ts'
import { type JobInfoOptions, abortJob, jobInfo } from '../domain/status/watch-job.ts'
import { type AutostartOptions, setAutostart } from '../domain/lifecycle/autostart.ts'
import type { Directories } from '../domain/store/directories.ts'
import type { DomainOptions } from '../domain/store/domain-options.ts'
import { type DumpXmlOptions, dumpDomainXml } from '../domain/status/dump-xml.ts'
import type { PostcopyState } from '../domain/store/postcopy-state.ts'
import type { DomainXml } from '../domain/store/xml-text.ts'
import { type FilePath, givenPath } from '../io/files/given-path.ts'
import { DomainGuest } from './domain-guest.ts'
import { DomainMachine } from './domain-machine.ts'
import { DomainMeasures } from './domain-measures.ts'
import type { HandleOptions } from './handle-options.ts'
import { Operation } from './operation.ts'

/** Options for a clone. */
export interface CloneOptions extends Omit<HandleOptions<RestoreOptions>, 'clone' | 'wait'> {
  /** An existing directory for overlays of the disks. Without it, only disks that no guest writes to are possible. */
  readonly overlays?: string | undefined
  /** The save image. Default: the one that the domain was restored from or saved to. */
  readonly image?: FilePath | undefined
}

/**
 * One domain. Its methods have the names of virsh's verbs. `Stasis.domain()` finds one. A handle keeps nothing open: each method looks at the domain anew. Every
 * method throws `DomainError` DOMAIN_NOT_FOUND if the domain no longer exists, and those that change it DOMAIN_BUSY if another process is working on it. Every method
 * takes a `signal`.
 *
 * Long operations (`save`, `start`, `restore` and others) return an {@link Operation}: await it for the result, iterate it for the progress.
 * @example
 * const web = await new Stasis().domain('web')
 * await web.save('/backup/web.save')
 */
export class Domain {
  /** Its name when the handle was made. */
  readonly name: string
  /** Its UUID; empty if its definition cannot be read. */
  readonly uuid: string
  /** The agent inside its guest. */
  readonly guest: DomainGuest
  /** The machine in its QEMU. */
  readonly machine: DomainMachine
  /** Its statistics. */
  readonly statistics: DomainMeasures
  readonly #directories: Directories

  /** @internal */
  constructor(
    directories: Directories,
    { name, uuid }: { readonly name: string; readonly uuid: string },
  ) {
    this.#directories = directories
    this.name = name
    this.uuid = uuid
    this.guest = new DomainGuest(name, directories)
    this.machine = new DomainMachine(name, directories)
    this.statistics = new DomainMeasures(name, directories)
  }

  /**
   * Facts about the domain: state, pid, memory, processors, and how much of its memory is still missing.
   * @throws DomainXmlError, StorageError
   * @example
   * const { state, vcpus, maxMemoryBytes } = await web.info()
   */
  info(options: HandleOptions<DomainOptions> = {}): Promise<DomainInfo> {
    return domainInfo(this.name, this.#bound(options))
  }

  /**
   * Its state and the reason for it (`domstate --reason`).
   * @throws StorageError
   * @example
   * const { state, reason } = await web.state()
   */
  state(options: HandleOptions<StateOptions> = {}): Promise<StateWithReason> {
    return domainStateReason(this.name, this.#bound(options))
  }

  /**
   * Its XML: the XML that it runs from, or else its definition.
   * @throws StorageError
   * @example
   * const xml = await web.dumpXml({ inactive: true })
   */
  dumpXml(options: HandleOptions<DumpXmlOptions> = {}): Promise<string> {
    return dumpDomainXml(this.name, this.#bound(options))
  }

  /**
   * Its save image: the image that it was restored from if it runs, or else the image that it was saved to; `undefined` if there is none. The file may have been moved or
   * deleted since.
   * @throws StorageError
   * @example
   * const path = await web.image()
   */
  image(options: HandleOptions<DomainOptions> = {}): Promise<string | undefined> {
    return imageOfDomain(this.name, this.#bound(options))
  }

  /**
   * Starts the domain. If it has a managed save, it continues from there; otherwise it boots.
   * @throws DomainError DOMAIN_RUNNING; DomainXmlError, ImageError, QemuError, StorageError; CancelledError
   * @example
   * const { id, restored } = await web.start()
   * console.log(id, restored === undefined ? 'booted' : 'resumed')
   */
  start(options: HandleOptions<StartOptions> = {}): Operation<StartedDomain, RestoreProgress> {
    return new Operation(
      (watched) => startDomain(this.name, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * Saves the domain to a file and ends it. The guest is stopped meanwhile; it is ended only once the image is durable. If anything fails, or the operation is cancelled, the
   * guest continues as before and no new file is left.
   * @throws DomainError DOMAIN_NOT_RUNNING, UsageError, QemuError, StorageError; CancelledError
   * @example
   * const { image, timing } = await web.save('/backup/web.save', { channels: 4 })
   * console.log(`${image.allocatedBytes} bytes, stopped for ${timing.downtimeMs} ms`)
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
   * Saves the domain to a file while it continues: the image is the moment of a short stop. The image knows nothing of what the guest has written to its disks since.
   * @throws DomainError DOMAIN_WRONG_STATE with the reasons if it cannot be saved while it runs; UsageError, QemuError, StorageError; CancelledError
   * @example
   * const { live } = await web.saveLive('/backup/web.save')
   * console.log(`stopped for ${live.pauseMs} ms (${live.way}: ${live.reason})`)
   */
  saveLive(
    path: FilePath,
    options: HandleOptions<LiveSaveOptions> = {},
  ): Operation<LiveSaveResult, SaveProgress> {
    return new Operation(
      (watched) => saveLive(this.name, path, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * Checks whether the domain could be saved while it continues, and by which way. Without `path` it checks a managed save.
   * @throws DomainError DOMAIN_NOT_RUNNING, UsageError
   * @example
   * const { way, reason, liveObstacles } = await web.checkLive('/backup/web.save')
   */
  checkLive(path?: FilePath, options: HandleOptions<LiveSaveOptions> = {}): Promise<LiveCheck> {
    return checkLive(this.name, path, this.#bound(options))
  }

  /**
   * Checks whether the domain could be saved with these options, without stopping it. Without `path` it checks a managed save.
   * @throws DomainError DOMAIN_NOT_RUNNING, UsageError
   * @example
   * const { obstacles } = await web.checkSave('/backup/web.save')
   */
  checkSave(path?: FilePath, options: HandleOptions<SaveOptions> = {}): Promise<SaveCheck> {
    return checkSave(this.name, path, this.#bound(options))
  }

  /**
   * Saves the domain to a file that Stasis manages. Its next start continues from there.
   * @throws the errors of `save`; DomainError DOMAIN_WRONG_STATE if it is not defined
   * @example
   * await web.managedSave()
   * await web.start() // continues from there
   */
  managedSave(options: HandleOptions<SaveOptions> = {}): Operation<SaveResult, SaveProgress> {
    return new Operation(
      (watched) => managedSaveDomain(this.name, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * Saves the domain as its safety copy, to a file that Stasis manages, while it continues. If QEMU or the host crashes before its disks have changed, its next start continues from there.
   * @throws the errors of `saveLive`; DomainError DOMAIN_WRONG_STATE if it is not defined
   * @example
   * await web.managedSaveLive()
   */
  managedSaveLive(
    options: HandleOptions<LiveSaveOptions> = {},
  ): Operation<LiveSaveResult, SaveProgress> {
    return new Operation(
      (watched) => managedSaveLive(this.name, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * Deletes its managed save, if it has one. Its next start boots it.
   * @throws DomainError DOMAIN_WRONG_STATE while memory is still loaded from it; StorageError
   * @example
   * await web.managedSaveRemove()
   */
  async managedSaveRemove(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await removeManagedSave(this.name, this.#bound(options))
  }

  /**
   * The XML in its managed save.
   * @throws DomainError DOMAIN_WRONG_STATE if it has none; ImageError, StorageError
   * @example
   * const xml = await web.managedSaveDumpXml()
   */
  managedSaveDumpXml(options: HandleOptions<DomainOptions> = {}): Promise<string> {
    return dumpManagedSaveXml(this.name, this.#bound(options))
  }

  /**
   * Changes the XML in its managed save. The guest must not see a difference.
   * @throws DomainError DOMAIN_WRONG_STATE, DOMAIN_RUNNING; DomainXmlError, ImageError IMAGE_INCOMPATIBLE, StorageError
   * @example
   * const xml = await web.managedSaveDumpXml()
   * await web.managedSaveDefine(xml.replace('/old/disk', '/new/disk'))
   */
  async managedSaveDefine(
    xml: DomainXml,
    options: HandleOptions<DefineManagedSaveOptions> = {},
  ): Promise<void> {
    await defineManagedSave(this.name, xml, this.#bound(options))
  }

  /**
   * Restores the domain from one of its save images. `Stasis.restore()` restores the domain of any image.
   * @throws UsageError BAD_ARGUMENT if the image is of another domain; the errors of `Stasis.restore()`
   * @example
   * await web.save('/backup/web.save')
   * await web.restore('/backup/web.save')
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
   * Restores its image as another domain that runs beside it. The clone writes to overlays of the disks, and its guest sees another generation id.
   * @throws DomainError DOMAIN_WRONG_STATE if it has no image; UsageError BAD_COMBINATION for a disk that both would write to; the errors of `Stasis.restore()`
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
   * Makes a checkpoint: memory and all disks of this instant. From then on the guest writes to overlays. After a failure it continues on its disks as before.
   * @throws DomainError CHECKPOINT_EXISTS, DOMAIN_WRONG_STATE with the disk or the reason; QemuError, StorageError; CancelledError
   * @example
   * const { pauseMs } = await web.checkpoint('before-upgrade')
   */
  checkpoint(
    name?: string,
    options: HandleOptions<CheckpointOptions> = {},
  ): Operation<CheckpointResult, SaveProgress> {
    return new Operation(
      (watched) => createCheckpoint(this.name, name, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * Its checkpoints, the oldest first (`checkpoint-list`).
   * @throws StorageError
   * @example
   * for (const { name, createdAt } of (await web.checkpoints()).checkpoints) console.log(name, createdAt)
   */
  checkpoints(options: HandleOptions<DomainOptions> = {}): Promise<CheckpointList> {
    return listCheckpoints(this.name, this.#bound(options))
  }

  /**
   * Returns to a checkpoint: memory and disks (`checkpoint-revert`). Everything that this needs is checked first; then the running guest ends. What it was becomes a checkpoint, unless it is discarded.
   * @throws DomainError CHECKPOINT_NOT_FOUND, DOMAIN_WRONG_STATE, DOMAIN_HAS_MANAGED_SAVE; ImageError, QemuError, StorageError
   * @example
   * const { kept } = await web.revert('before-upgrade')
   */
  revert(
    name: string,
    options: HandleOptions<RevertOptions> = {},
  ): Operation<RevertResult, RestoreProgress> {
    return new Operation(
      (watched) => revertToCheckpoint(this.name, name, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * Deletes a checkpoint (`checkpoint-delete`). Its disks do not change: overlays are merged where nothing else needs the files, also while the guest runs.
   * @throws DomainError CHECKPOINT_NOT_FOUND; QemuError, StorageError
   * @example
   * await web.deleteCheckpoint('before-upgrade')
   */
  deleteCheckpoint(
    name: string,
    options: HandleOptions<DeleteCheckpointOptions> = {},
  ): Promise<DeletedCheckpoint> {
    return deleteCheckpoint(this.name, name, this.#bound(options))
  }

  /**
   * Writes the memory of a checkpoint anew, so that it needs no other (`checkpoint-flatten`).
   * @throws DomainError CHECKPOINT_NOT_FOUND, DOMAIN_BUSY; ImageError, StorageError; CancelledError
   * @example
   * await web.flattenCheckpoint('before-upgrade')
   */
  flattenCheckpoint(
    name: string,
    options: HandleOptions<DomainOptions> = {},
  ): Promise<FlattenedCheckpoint> {
    return flattenCheckpoint(this.name, name, this.#bound(options))
  }

  /**
   * Makes another domain from a checkpoint, which runs beside it on overlays of the checkpoint's disks (`checkpoint-restore --clone`).
   * @throws DomainError CHECKPOINT_NOT_FOUND, DOMAIN_WRONG_STATE for a checkpoint without memory; the errors of `Stasis.restore()`
   * @example
   * const trial = await web.cloneCheckpoint('before-upgrade', 'web-trial')
   */
  cloneCheckpoint(
    name: string,
    newName: string,
    options: HandleOptions<CloneCheckpointOptions> = {},
  ): Operation<RestoredDomain, RestoreProgress> {
    return new Operation(async (watched) => {
      const bound = { ...this.#bound(options), ...watched }
      const restored = await cloneCheckpoint(this.name, name, newName, bound)
      return new RestoredDomain(this.#directories, restored)
    }, options)
  }

  /**
   * Makes other domains from this one, which continues after a short stop (`clone --live`). They share its memory until they write to it.
   * @throws DomainError DOMAIN_EXISTS, DOMAIN_WRONG_STATE; StorageError NO_SPACE, QemuError
   * @example
   * const { clones } = await web.cloneLive(['web-1', 'web-2'])
   */
  cloneLive(
    names: readonly string[],
    options: HandleOptions<CloneLiveOptions> = {},
  ): Operation<CloneLiveResult, SaveProgress | RestoreProgress> {
    return new Operation(
      (watched) => cloneLive(this.name, names, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * Waits until QEMU has all memory of a lazy restore. From then on the image is no longer needed. For other domains it returns at once; a domain that was restored by `map` uses
   * the image for as long as it runs.
   * @throws DomainError DOMAIN_WRONG_STATE if nothing loads the rest (`postcopyRecover()` does); CancelledError
   * @example
   * const restored = await stasis.restore('/backup/web.save', { mode: 'lazy' })
   * await restored.allMemory()
   * await rm('/backup/web.save')
   */
  allMemory(options: HandleOptions<AllMemoryOptions> = {}): Operation<void, PostcopyState> {
    return new Operation(
      (watched) => waitForDomainMemory(this.name, { ...this.#bound(options), ...watched }),
      options,
    )
  }

  /**
   * Restarts the loading of its memory if the page servers have died, or the image was repaired or moved.
   * @throws DomainError DOMAIN_WRONG_STATE if no memory is missing; ImageError, QemuError
   * @example
   * await web.postcopyRecover({ image: '/backup/moved/web.save' })
   */
  async postcopyRecover(options: HandleOptions<PostcopyRecoverOptions> = {}): Promise<void> {
    await recoverPostcopyDomain(this.name, this.#bound(options))
  }

  /**
   * Pauses the guest.
   * @throws DomainError DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE; QemuError
   * @example
   * await web.suspend()
   */
  async suspend(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await suspendDomain(this.name, this.#bound(options))
  }

  /**
   * Freezes the file systems of the guest through the agent inside it (`domfsfreeze`). An image that is then saved records this.
   * @throws DomainError DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE without a channel for an agent; QemuError
   * @example
   * await web.freeze()
   */
  async freeze(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await freezeDomain(this.name, this.#bound(options))
  }

  /**
   * Thaws the file systems of the guest through the agent inside it (`domfsthaw`).
   * @throws as `freeze`
   * @example
   * await web.thaw()
   */
  async thaw(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await thawDomain(this.name, this.#bound(options))
  }

  /**
   * Resumes the paused guest.
   * @throws DomainError DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE if it is not paused; QemuError
   * @example
   * await web.resume()
   */
  async resume(options: HandleOptions<ResumeOptions> = {}): Promise<void> {
    await resumeDomain(this.name, this.#bound(options))
  }

  /**
   * Asks the guest to shut down. The guest decides whether and when it does.
   * @throws DomainError DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE; QemuError
   * @example
   * await web.shutdown({ mode: 'agent' })
   */
  async shutdown(options: HandleOptions<PowerOptions> = {}): Promise<void> {
    await shutDownDomain(this.name, this.#bound(options))
  }

  /**
   * Asks the guest to shut down, waits until it has, and boots it again.
   * @throws the errors of `shutdown`; QemuError QEMU_TIMEOUT if the guest does not shut down
   * @example
   * await web.reboot({ timeoutMs: 30_000 })
   */
  async reboot(options: HandleOptions<PowerOptions> = {}): Promise<void> {
    await rebootDomain(this.name, this.#bound(options))
  }

  /**
   * Resets the machine, as its reset button would.
   * @throws DomainError DOMAIN_NOT_RUNNING; QemuError
   * @example
   * await web.reset()
   */
  async reset(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await resetDomain(this.name, this.#bound(options))
  }

  /**
   * Stops the domain at once, as if its power were cut. QEMU still flushes its disks.
   * @throws DomainError DOMAIN_NOT_RUNNING; QemuError QEMU_TIMEOUT
   * @example
   * await web.destroy()
   */
  async destroy(options: HandleOptions<DestroyOptions> = {}): Promise<void> {
    await destroyDomain(this.name, this.#bound(options))
  }

  /**
   * Connects to its first serial port.
   * @throws DomainError DOMAIN_NOT_RUNNING, DomainXmlError XML_UNSUPPORTED if no console can connect to it
   * @example
   * await using console = await web.console()
   * console.output.pipe(process.stdout)
   * await console.ended
   */
  console(options: HandleOptions<DomainOptions> = {}): Promise<DomainConsole> {
    return openConsole(this.name, this.#bound(options))
  }

  /**
   * The save or restore that a process is doing with it now (`domjobinfo`), or that ended last; `undefined` if there is none.
   * @throws StorageError
   * @example
   * const last = await web.job({ completed: true })
   * console.log(last?.operation, last?.outcome)
   */
  job(options: HandleOptions<JobInfoOptions> = {}): Promise<JobRecord | undefined> {
    return jobInfo(this.name, this.#bound(options))
  }

  /**
   * Cancels the save or restore that a process is doing with it now (`domjobabort`), waits until it has ended, and returns how it ended.
   * @throws DomainError DOMAIN_WRONG_STATE if there is none; QemuError QEMU_TIMEOUT, StorageError; CancelledError
   * @example
   * const outcome = await web.abortJob() // cancelled
   */
  async abortJob(options: HandleOptions<DomainOptions> = {}): Promise<JobRecord['outcome']> {
    return (await abortJob(this.name, this.#bound(options))).outcome
  }

  /**
   * Makes the domain start with the host, or switches that off.
   * @throws DomainError DOMAIN_NOT_FOUND if it is not defined; StorageError
   * @example
   * await web.autostart({ disable: true })
   */
  async autostart(options: HandleOptions<AutostartOptions> = {}): Promise<void> {
    await setAutostart(this.name, this.#bound(options))
  }

  /**
   * Renames the domain (`domrename`), which must not run. Returns the handle for the new name; from then on this handle fails with DOMAIN_NOT_FOUND.
   * @throws DomainError DOMAIN_RUNNING, DOMAIN_EXISTS, DOMAIN_HAS_MANAGED_SAVE; UsageError, StorageError
   * @example
   * const old = await web.rename('web-old')
   */
  async rename(newName: string, options: HandleOptions<DomainOptions> = {}): Promise<Domain> {
    const { name } = await renameDomain(this.name, newName, this.#bound(options))
    return new Domain(this.#directories, { name, uuid: this.uuid })
  }

  /**
   * Removes its definition. A running domain keeps running, and is gone when it ends.
   * @throws DomainError DOMAIN_HAS_MANAGED_SAVE unless `managedSave` is set, DOMAIN_HAS_CHECKPOINTS unless `checkpoints` is; StorageError
   * @example
   * await web.undefine({ managedSave: true })
   */
  async undefine(options: HandleOptions<UndefineOptions> = {}): Promise<void> {
    await undefineDomain(this.name, this.#bound(options))
  }

  /**
   * Releases a QEMU that `Stasis.attach()` took over. It keeps running.
   * @throws DomainError DOMAIN_WRONG_STATE if Stasis started it
   * @example
   * await web.detach()
   */
  async detach(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await detachDomain(this.name, this.#bound(options))
  }

  #bound<Options>(options: Options): Options & Directories {
    return { ...options, ...this.#directories }
  }
}

/**
 * A domain that was in a save image and is in QEMU now.
 * @example
 * const { name, result } = await stasis.restore('/backup/web.save')
 * console.log(name, result.mode, result.timing.totalMs)
 */
export class RestoredDomain extends Domain {
  /** The facts of its restore: pid, mode and the reason for it, times in milliseconds. */
  readonly result: RestoreResult

  /** @internal */
  constructor(directories: Directories, restored: RestoreResult) {
    super(directories, restored)
    this.result = restored
  }
}

/** Restores an image and returns the handle. */
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
