import { InternalError } from '../../errors.ts'
import { commandEnvironment } from '../../qemu/command-line/clock.ts'
import { buildCommandLine } from '../../qemu/command-line/build.ts'
import { inheritedPath } from '../../qemu/command-line/memory.ts'
import { sandboxArguments } from '../../qemu/command-line/sandbox.ts'
import type { Cpu } from '../../qemu/domain-xml/model/cpu.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { endQemu } from '../../qemu/end.ts'
import { launchQemu } from '../../qemu/launch.ts'
import { opticalDrivesOf } from '../../qemu/optical-drive.ts'
import { executableOf } from '../../qemu/process-file.ts'
import type { ProcessIdentity } from '../../qemu/process-identity.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { removeFile } from '../../io/file-names.ts'
import { writeText } from '../../io/text-file.ts'
import { type Emulator, cpuPropertiesOf, sandboxChoice } from './emulator.ts'
import { type LaunchNeeds, NEEDS_NOTHING } from './launch-needs.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { clearRuntime } from '../catalogue/reconcile.ts'
import { type RuntimeRecord, writeRecord } from '../store/runtime-record.ts'
import { makeVariableStore } from './uefi.ts'

/** The machine to launch. */
export interface LaunchPlan {
  readonly domain: Domain
  /** The XML that it is launched from, for `live.xml`. */
  readonly xml: string
  readonly emulator: Emulator
  /** Its needs for receiving a saved machine; `undefined`: it starts from its reset state. */
  readonly incoming?: LaunchNeeds | undefined
  readonly cpuOverride?: Cpu | undefined
  /** Arguments that replace those for the domain, and their original working directory. */
  readonly recorded?: { readonly argv: readonly string[]; readonly cwd: string } | undefined
  readonly signal?: AbortSignal | undefined
}

/** A QEMU in preparation whose guest is stopped. Unless it is detached, disposing ends it and leaves nothing. */
export class LaunchedMachine implements AsyncDisposable {
  readonly control: QmpConnection
  readonly record: RuntimeRecord
  readonly #held: HeldDomain
  /** Files that exist only because of this launch. */
  readonly #made: readonly string[]
  #detached = false

  private constructor(
    held: HeldDomain,
    control: QmpConnection,
    record: RuntimeRecord,
    made: readonly string[],
  ) {
    this.#held = held
    this.#made = made
    this.control = control
    this.record = record
  }

  /** @throws QemuError QEMU_START_FAILED and others of `launchQemu`, DomainXmlError, StorageError, CancelledError */
  static async launch(held: HeldDomain, plan: LaunchPlan): Promise<LaunchedMachine> {
    const { paths } = held
    const { emulator, version } = plan.emulator.probed
    const argv = argumentsFor(plan, held, await opticalDrivesOf(plan.domain))
    let record: RuntimeRecord | undefined
    let made: readonly string[] = []
    let launched: QmpConnection | undefined
    const onSpawned = async (identity: ProcessIdentity): Promise<void> => {
      record = {
        ...identity,
        stage: 'starting',
        uuid: plan.domain.uuid ?? '',
        emulator,
        qemuVersion: version,
        commandLine: [emulator, ...argv],
        attached: plan.recorded === undefined ? undefined : { cwd: plan.recorded.cwd },
      }
      await writeRecord(paths, record)
      await removeFile(paths.starting)
    }
    try {
      made = await makeVariableStore(plan.domain)
      await writeText(paths.liveXml, plan.xml, { durable: true })
      // Marks a QEMU of this domain without a record as one to end.
      await writeText(paths.starting, '', { durable: false })
      const { control } = await launchQemu({
        emulator,
        argv,
        cwd: plan.recorded?.cwd,
        env: plan.recorded === undefined ? commandEnvironment(plan.domain) : undefined,
        extraFds: inheritedFds(plan.incoming ?? NEEDS_NOTHING),
        directory: paths.directory,
        monitors: { control: paths.controlSocket, query: paths.querySocket },
        onSpawned,
        signal: plan.signal,
      })
      launched = control
      const started = recorded(record)
      const executable = await executableOf(started.pid)
      return new LaunchedMachine(held, control, { ...started, executable }, made)
    } catch (error) {
      await launched?.close()
      if (launched !== undefined && record !== undefined) await endQemu(record, { force: true })
      await clearRuntime(paths)
      for (const file of made) await removeFile(file)
      throw error
    }
  }

  /** Records that the machine is complete: from now on it is the guest, whatever happens to this process. Call this before its processors run. */
  async markComplete(more: Pick<RuntimeRecord, 'restoredFrom'> = {}): Promise<RuntimeRecord> {
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
    await clearRuntime(this.#held.paths)
    for (const file of this.#made) await removeFile(file)
  }
}

/** The descriptors of a child's inherited files begin at 3. */
const FIRST_INHERITED = 3

function argumentsFor(
  plan: LaunchPlan,
  held: HeldDomain,
  opticalDrives: ReadonlySet<string>,
): readonly string[] {
  if (plan.recorded !== undefined) return plan.recorded.argv
  const { inherited, monitors, memory } = plan.incoming ?? NEEDS_NOTHING
  const first = FIRST_INHERITED + inherited.length
  const sandbox = sandboxArguments(plan.domain, sandboxChoice(plan.emulator.probed))
  const machine = buildCommandLine(plan.domain, {
    qemuVersion: plan.emulator.version,
    cpuProperties: cpuPropertiesOf(plan.emulator),
    monitors,
    incoming: plan.incoming !== undefined,
    opticalDrives,
    cpuOverride: plan.cpuOverride,
    memoryFiles: new Map(
      [...memory].map(([id, { fd: _, ...file }], index) => [
        id,
        { ...file, path: inheritedPath(first + index) },
      ]),
    ),
    socketDirectory: held.paths.directory,
  })
  return [...sandbox, ...machine]
}

/** In the order in which `argumentsFor` numbers them. */
function inheritedFds({ inherited, memory }: LaunchNeeds): readonly number[] {
  return [...inherited, ...[...memory.values()].map(({ fd }) => fd)]
}

function recorded(record: RuntimeRecord | undefined): RuntimeRecord {
  if (record === undefined) throw new InternalError('QEMU answers although it was never started')
  return record
}
