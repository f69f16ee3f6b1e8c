import { join } from 'node:path'
import { makeDirectory } from '../../io/files/directory.ts'
import { probeMigration } from '../../migration/features.ts'
import { buildCommandLine } from '../../qemu/command-line/build.ts'
import { harmlessArguments } from '../../qemu/command-line/limits/harmless.ts'
import { sandboxArguments } from '../../qemu/command-line/limits/sandbox.ts'
import { emulatedTpm } from '../../qemu/command-line/devices/tpm.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { endQemu } from '../../qemu/process/end.ts'
import { type LaunchedQemu, launchQemu } from '../../qemu/process/launch.ts'
import { type ScratchDirectory, makeScratchDirectory } from '../../qemu/probe/scratch-directory.ts'
import { TpmEmulator } from '../../qemu/programs/tpm-emulator.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { startImageReceiver } from '../../transfer/image-receivers/receiver-table.ts'
import type { MachineShape } from './shape.ts'
import { inspectImage } from '../images/image-info.ts'
import { cpuPropertiesOf, sandboxChoice } from '../machine/emulator.ts'
import { FIRST_INHERITED } from '../machine/launch/inherited-descriptors.ts'
import { plugProcessors } from '../machine/launch/plug-processors.ts'
import type { RestorePlan } from '../restore/restore-plan.ts'
import { resolveSaveOptions } from '../save/save-options.ts'
import { transferOut } from '../save/save-transfer.ts'
import type { ProcessorWords } from '../cookie/processor-cookie.ts'
import { processorWords } from '../machine/processor-words.ts'

/** The description of a machine that was made only to be compared. */
export interface TrialMachine {
  readonly shape: MachineShape
  /** Requested features of the processor that host or emulator do not have. */
  readonly missingFeatures: readonly string[]
  /** The features of its processor; `undefined` if it is not an x86 processor. */
  readonly processor: ProcessorWords | undefined
}

/**
 * Makes the machine that a restore would make, with nothing of the domain in it (no disk, file or network is opened, its memory is
 * not touched), and saves it to learn its shape. The save is small because the machine never ran. Nothing is left.
 * @throws QemuError, DomainXmlError, StorageError; CancelledError
 */
export async function tryMachine(
  plan: RestorePlan,
  signal: AbortSignal | undefined,
): Promise<TrialMachine> {
  await using directory = await makeScratchDirectory('stasis-trial-')
  const path = (name: string): string => join(directory.path, name)
  const { domain, xml } = plan
  await using tpm = await scratchTpm(domain, directory.path)
  const { process, control } = await launchTrial(plan, directory, { tpm, signal })
  tpm?.connected()
  try {
    await using qmp = control
    await plugProcessors(qmp, domain, signal)
    const missingFeatures = await missingCpuFeatures(qmp)
    const processor = await processorWords(qmp, signal)
    const settings = resolveSaveOptions({ channels: 1, bypassCache: false })
    await using start = startImageReceiver(settings.format, settings)
    await using receiver = await start.open({
      ...settings,
      path: path('image'),
      socketPath: path('stream'),
      description: { xml, cookie: undefined, wasRunning: false },
    })
    const features = await probeMigration(qmp, { signal })
    await transferOut(qmp, receiver, { settings, features, signal, report: () => undefined })
    await receiver.publish()
    const { machine, memory, devices = [] } = await inspectImage(path('image'), { signal })
    return { shape: { machine, blocks: memory?.blocks ?? [], devices }, missingFeatures, processor }
  } finally {
    await endQemu(process.identity, { force: true })
  }
}

/** Starts a QEMU with the machine, confined more tightly than one with a guest. @throws QemuError, DomainXmlError; CancelledError */
async function launchTrial(
  { domain, emulator, cpuOverride }: RestorePlan,
  directory: ScratchDirectory,
  {
    tpm,
    signal,
  }: { readonly tpm: TpmEmulator | undefined; readonly signal: AbortSignal | undefined },
): Promise<LaunchedQemu> {
  const argv = buildCommandLine(trialDomain(domain), {
    qemuVersion: emulator.version,
    cpuProperties: cpuPropertiesOf(emulator),
    monitors: [],
    incoming: false,
    cpuOverride,
    tpmFd: FIRST_INHERITED,
    socketDirectory: directory.path,
  })
  return launchQemu({
    emulator: emulator.probed.emulator,
    argv: [
      ...sandboxArguments(
        { ...domain, interfaces: [] },
        sandboxChoice(emulator.probed, { changesUser: false }),
      ),
      ...harmlessArguments(argv, directory.path),
    ],
    extraFds: tpm === undefined ? [] : [tpm.fd],
    directory: directory.path,
    monitors: directory.monitors,
    signal,
  })
}

/** A domain without what only a real one needs, and with the same shape. */
function trialDomain(domain: Domain): Domain {
  return {
    ...domain,
    tpms: domain.tpms.filter(({ backend }) => backend.type === 'emulator'),
    interfaces: domain.interfaces.map(withoutNetwork),
    // They need memory that other processes share.
    disks: domain.disks.filter(({ vhostUser }) => vhostUser === undefined),
    sharedDirectories: domain.sharedDirectories.filter(({ source }) => source.type === '9p'),
    // Nobody knows what they would do to the host.
    extraArguments: [],
    os: { ...domain.os, nvram: storeOf(domain) },
    memoryBacking: { ...domain.memoryBacking, ...ORDINARY_MEMORY },
  }
}

/** A user network has a part of its own in the stream; all others are the same to it. */
function withoutNetwork(card: NetworkInterface): NetworkInterface {
  return card.type === 'user' && card.passt === undefined ? card : { ...card, type: 'null' }
}

/** An emulator for a TPM that nobody has used. */
async function scratchTpm(domain: Domain, directory: string): Promise<TpmEmulator | undefined> {
  const tpm = emulatedTpm(domain)
  if (tpm === undefined) return undefined
  const state = join(directory, 'tpm')
  await makeDirectory(state)
  return TpmEmulator.start(tpm, { state, log: join(directory, 'swtpm.log') }, undefined)
}

const ORDINARY_MEMORY = {
  source: 'anonymous',
  access: undefined,
  hugepages: undefined,
  locked: false,
  immediate: false,
} as const

/** A variable store that does not exist has the size of its template. */
function storeOf({ os: { nvram } }: Domain): Domain['os']['nvram'] {
  if (nvram?.template === undefined) return nvram
  return { ...nvram, path: nvram.template, format: nvram.templateFormat }
}

/** `unavailable-features` of the first x86 processor (QEMU target/i386/cpu.c, since 4.2); all are alike. */
async function missingCpuFeatures(qmp: QmpConnection): Promise<readonly string[]> {
  const [cpu] = await qmp.execute('query-cpus-fast')
  if (cpu === undefined) return []
  const path = cpu['qom-path']
  const names = await qmp
    .execute('qom-get', { path, property: 'unavailable-features' })
    .catch(() => [])
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
}
