import { argumentsFor } from './launch-arguments.ts'
import type { LaunchPlan } from './launch-plan.ts'
import { InternalError, QemuError } from '../../../errors.ts'
import { audioEnvironment } from '../../../qemu/command-line/screen-and-sound/audio.ts'
import { clockEnvironment } from '../../../qemu/command-line/board/clock.ts'
import { displayEnvironment } from '../../../qemu/command-line/screen-and-sound/graphics.ts'
import { requireSevPlatform } from '../../../qemu/command-line/board/launch-security.ts'
import { endQemu } from '../../../qemu/process/end.ts'
import { launchQemu } from '../../../qemu/process/launch.ts'
import { hostNumaNodes } from '../../../qemu/probe/host-nodes.ts'
import { scsiDevicesOf } from '../../../qemu/programs/scsi-devices.ts'
import { makeOverlays, withOverlays } from './transient-disks.ts'
import { refuseKeptDisks } from './kept-disks.ts'
import { limitDisks } from './limit-disks.ts'
import { pinThreads } from './pin-threads.ts'
import { plugProcessors } from './plug-processors.ts'
import { opticalDrivesOf } from '../../../qemu/programs/optical-drive.ts'
import { executableOf } from '../../../qemu/process/process-file.ts'
import type { ProcessIdentity } from '../../../qemu/process/process-identity.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'
import { openDirectoryDescriptor } from '../../../io/files/directory.ts'
import { removeFile } from '../../../io/files/file-names.ts'
import { flushNewFile } from '../../../io/files/flush-file.ts'
import { closeDescriptor } from '../../../io/system-calls.ts'
import { moveToScope } from '../../../qemu/process/scope.ts'
import { type Confinement, makeTransferDirectory } from '../../store/confinement.ts'
import { writeText } from '../../../io/records/text-file.ts'
import { setDisplayPasswords } from './display-passwords.ts'
import { choosePorts, portsAreFree } from './display-ports.ts'
import { requireModularDevices } from './modular-devices.ts'
import { Companions, reserveCompanions } from './companions.ts'
import { NEEDS_NOTHING } from './launch-needs.ts'
import { InheritedDescriptors, inheritFiles } from './inherited-descriptors.ts'
import { locksMemory, userWithin } from './lock-limit.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import { clearRuntime } from '../../catalogue/reconcile.ts'
import { OpenSecrets } from './open-secrets.ts'
import { OpenTaps } from '../../networks/open-taps.ts'
import { type RuntimeRecord, writeRecord } from '../../store/runtime-record.ts'
import { watchGuest } from './guest-watcher.ts'
import { type NewVariableStore, makeVariableStore } from '../uefi.ts'

/** A QEMU in preparation whose guest is stopped. Unless it is detached, disposing ends it and leaves nothing. */
export class LaunchedMachine implements AsyncDisposable {
  readonly control: QmpConnection
  readonly record: RuntimeRecord
  readonly #held: HeldDomain
  readonly #made: NewVariableStore
  readonly #companions: Companions
  #detached = false

  private constructor(
    held: HeldDomain,
    control: QmpConnection,
    record: RuntimeRecord,
    { made, companions }: { readonly made: NewVariableStore; readonly companions: Companions },
  ) {
    this.#held = held
    this.#made = made
    this.#companions = companions
    this.control = control
    this.record = record
  }

  /** @throws QemuError QEMU_START_FAILED and others of `launchQemu`, DomainXmlError, StorageError, CancelledError */
  static async launch(held: HeldDomain, asked: LaunchPlan): Promise<LaunchedMachine> {
    for (let attempt = 1; ; attempt += 1) {
      const { domain, xml, chosen } =
        asked.recorded === undefined
          ? await choosePorts(asked.domain, asked.xml)
          : { ...asked, chosen: false }
      try {
        return await LaunchedMachine.#launchOnce(held, { ...asked, domain, xml })
      } catch (error) {
        const startFailed = error instanceof QemuError && error.code === 'QEMU_START_FAILED'
        if (startFailed) await requireModularDevices(domain, asked.emulator.probed)
        if (!startFailed || !chosen || attempt >= PORT_ATTEMPTS || (await portsAreFree(domain)))
          throw error
      }
    }
  }

  static async #launchOnce(held: HeldDomain, asked: LaunchPlan): Promise<LaunchedMachine> {
    const { paths } = held
    await refuseKeptDisks(asked.domain, held.directories)
    const { domain, overlays } = withOverlays(asked.domain)
    const plan = { ...asked, domain, user: userWithin(domain, asked.user, asked.onWarning) }
    const { emulator, version } = plan.emulator.probed
    const needs = plan.incoming ?? NEEDS_NOTHING
    const { stateDir } = held.directories
    // A recorded command line has all that its machine needs.
    const own = plan.recorded === undefined ? plan.domain : undefined
    if (own !== undefined) requireSevPlatform(own, plan.emulator.probed.sev)
    const [opticalDrives, scsiDevices, hostNodes] = await Promise.all([
      opticalDrivesOf(plan.domain),
      scsiDevicesOf(plan.domain),
      hostNumaNodes(),
    ])
    using taps = own && (await OpenTaps.open(own))
    using secrets = own && (await OpenSecrets.open(own, stateDir))
    const inherited = new InheritedDescriptors()
    const files = inheritFiles(inherited, needs, { taps: taps?.taps, secrets: secrets?.files })
    const confinement = confinementFor(plan, inherited)
    const companionFds = own && reserveCompanions(own, stateDir, inherited)
    using watcher = await watchGuest(held)
    const endCommands = [...(taps?.endCommands ?? []), ...(watcher === undefined ? [] : [watcher])]
    for (const { fd } of endCommands) inherited.add(fd)
    const argv = argumentsFor(plan, held, {
      confinement,
      options: { ...files, ...companionFds, opticalDrives, scsiDevices, hostNodes },
    })
    let record: RuntimeRecord | undefined
    let made: NewVariableStore | undefined
    let launched: QmpConnection | undefined
    const companions = new Companions()
    // While QEMU starts.
    let scoped = Promise.resolve()
    let described = Promise.resolve()
    const onSpawned = async (identity: ProcessIdentity, logOffset: number): Promise<void> => {
      record = {
        ...identity,
        stage: 'starting',
        uuid: plan.domain.uuid ?? '',
        emulator,
        qemuVersion: version,
        // A recorded one stays as it was.
        commandLine: [emulator, ...(plan.recorded?.argv ?? argv)],
        attached: plan.recorded && { cwd: plan.recorded.cwd },
        confinement,
        logOffset,
      }
      await described
      await writeRecord(paths, record)
      await removeFile(paths.starting)
      const processes = [identity.pid, ...companions.pids, ...endCommands.map(({ pid }) => pid)]
      scoped = ownScope(held.name, processes, plan.onWarning)
    }
    using descriptors = new DisposableStack()
    try {
      await makeTransferDirectory(paths, confinement)
      if (confinement !== undefined) {
        const directory = openDirectoryDescriptor(paths.transferDirectory)
        descriptors.defer(() => closeDescriptor(directory))
        inherited.bring(confinement.directoryFd, directory)
      }
      made = await makeVariableStore(plan.domain, { reset: plan.resetNvram })
      await writeText(paths.liveXml, plan.xml, { durable: false })
      // Marks a QEMU of this domain without a record as one to end.
      await writeText(paths.starting, '', { durable: false })
      if (own !== undefined) await makeOverlays(overlays, paths, emulator)
      if (own !== undefined && companionFds !== undefined)
        await companions.start(
          {
            ...{ domain: own, user: plan.user, onWarning: plan.onWarning },
            ...{ stateDir, directory: paths.directory },
            incoming: plan.incoming !== undefined,
          },
          companionFds,
          inherited,
        )
      // While QEMU starts, and before its record.
      described = flushNewFile(paths.liveXml)
      described.catch(() => undefined)
      const { control } = await launchQemu({
        emulator,
        argv,
        cwd: plan.recorded?.cwd,
        env: own && {
          ...clockEnvironment(own),
          ...audioEnvironment(own),
          ...displayEnvironment(own),
        },
        extraFds: inherited.ours,
        limits: { coreDump: plan.domain.dumpCore, lockedMemory: locksMemory(plan.domain) },
        directory: paths.directory,
        keptLog: paths.log,
        monitors: { control: paths.controlSocket, query: paths.querySocket },
        onSpawned,
        signal: plan.signal,
      })
      launched = control
      await companions.connected()
      if (own !== undefined) {
        await setDisplayPasswords(control, own, plan.signal)
        await plugProcessors(control, own, plan.signal)
        await limitDisks(control, own, plan.signal)
      }
      await scoped
      const started = recorded(record)
      if (own !== undefined) await pinThreads(control, started.pid, own, plan)
      const executable = await executableOf(started.pid)
      return new LaunchedMachine(held, control, { ...started, executable }, { made, companions })
    } catch (error) {
      const cause = companions.explain(error)
      await launched?.close()
      if (launched !== undefined && record !== undefined) await endQemu(record, { force: true })
      await companions[Symbol.asyncDispose]()
      await companions.discardArrived()
      await clearRuntime(paths)
      await made?.undo()
      throw cause
    }
  }

  /** Makes the files of a saved machine the domain's. Call this when the machine is complete, before `markComplete`. @throws StorageError */
  async keepArrived(): Promise<void> {
    await this.#companions.keepArrived()
  }

  /** Records that the machine is complete: from now on it is the guest, whatever happens to this process. Call this before its processors run. */
  async markComplete(
    more: Pick<RuntimeRecord, 'restoredFrom' | 'frozen'> = {},
  ): Promise<RuntimeRecord> {
    const record = { ...this.completed, ...more }
    await writeRecord(this.#held.paths, record)
    return record
  }

  /** The record of the machine once it is complete. */
  get completed(): RuntimeRecord {
    return { ...this.record, stage: 'running' }
  }

  /** Lets the machine outlive us. */
  detach(): void {
    this.#detached = true
  }

  /** Whether it outlives us. */
  get isDetached(): boolean {
    return this.#detached
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.control.close()
    if (this.#detached) return
    await endQemu(this.record, { force: true })
    await this.#companions.discardArrived()
    await clearRuntime(this.#held.paths)
    await this.#made.undo()
  }
}

/** Another process may take a port between our choice and the start of QEMU. */
const PORT_ATTEMPTS = 5

/** Gives QEMU a control group of its own, where systemd is there for that. */
async function ownScope(
  name: string,
  pids: readonly number[],
  onWarning: LaunchPlan['onWarning'],
): Promise<void> {
  const fault = await moveToScope(name, pids)
  if (fault !== undefined) onWarning?.(`QEMU stays in the control group of this command: ${fault}`)
}

function confinementFor(
  { user }: LaunchPlan,
  inherited: InheritedDescriptors,
): Confinement | undefined {
  if (user === undefined) return undefined
  const { name, uid, gid } = user
  return { user: name, uid, gid, directoryFd: inherited.reserve() }
}

function recorded(record: RuntimeRecord | undefined): RuntimeRecord {
  if (record === undefined) throw new InternalError('QEMU answers although it was never started')
  return record
}
