import { stat } from 'node:fs/promises'

import { QemuError } from '../../errors.ts'
import { deviceFault } from '../../io/files/device-access.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { QmpRefusal } from '../../qmp/refusal.ts'
import { kvmAccess } from './accelerator.ts'
import { endQemu } from '../process/end.ts'
import { launchQemu } from '../process/launch.ts'
import type { ProbedQemu, SevPlatform } from './probed-qemu.ts'
import { loadProbe, storeProbe } from './probe-cache.ts'
import { makeScratchDirectory } from './scratch-directory.ts'

/** Bounds and cache of a probe. */
export interface ProbeOptions {
  /** Caches results across runs of ours. */
  readonly cacheDirectory?: string | undefined
  /** Whether a new result is written there. Default: yes. */
  readonly keep?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

const known = new Map<string, ProbedQemu>()

/**
 * Probes the features of a QEMU by running it once with no machine. The result is kept in memory, and in `cacheDirectory`, for as long as the file
 * and the access to KVM stay the same.
 * @throws QemuError QEMU_NOT_FOUND, QEMU_START_FAILED, QEMU_TIMEOUT; CancelledError
 */
export async function probeQemu(emulator: string, options: ProbeOptions = {}): Promise<ProbedQemu> {
  const key = await emulatorDigest(emulator)
  const kept = known.get(key) ?? (await loadProbe(options.cacheDirectory, key))
  const probed = kept ?? (await runProbe(emulator, options.signal))
  known.set(key, probed)
  if (kept === undefined && options.keep !== false)
    await storeProbe(options.cacheDirectory, key, probed)
  return probed
}

/** The canonical name of a machine type given by name or alias: `q35` is `pc-q35-7.2` on QEMU 7.2; `undefined` when it has no such machine. */
export function canonicalMachine(probed: ProbedQemu, machine: string): string | undefined {
  return probed.machines.find(({ name, alias }) => name === machine || alias === machine)?.name
}

/** Distinguishes a QEMU on a host from any other, and from itself after its file has changed. @throws QemuError QEMU_NOT_FOUND */
export async function emulatorDigest(emulator: string): Promise<string> {
  const { dev, ino, size, mtimeMs, ctimeMs } = await stat(emulator).catch((cause: unknown) => {
    const facts = { path: emulator, cause }
    throw new QemuError('QEMU_NOT_FOUND', `There is no QEMU at ${emulator}`, facts)
  })
  const kvm = (await kvmAccess()).usable
  const sev = (await deviceFault('/dev/sev')) === undefined
  return JSON.stringify([6, emulator, dev, ino, size, mtimeMs, ctimeMs, kvm, sev])
}

function runProbe(emulator: string, signal: AbortSignal | undefined): Promise<ProbedQemu> {
  return withIdleQemu(emulator, signal, (qmp) => query(qmp, emulator, signal))
}

/**
 * Runs a QEMU without a machine for as long as `act` asks it something.
 * @throws QemuError QEMU_START_FAILED, QEMU_TIMEOUT; CancelledError; whatever `act` throws
 */
export async function withIdleQemu<Result>(
  emulator: string,
  signal: AbortSignal | undefined,
  act: (qmp: QmpConnection) => Promise<Result>,
): Promise<Result> {
  await using directory = await makeScratchDirectory('stasis-probe-')
  const { process, control } = await launchQemu({
    emulator,
    // KVM first, TCG where that fails: query-kvm then reports which one is in use.
    argv: '-machine none,accel=kvm:tcg -S -display none -nodefaults -no-user-config'.split(' '),
    directory: directory.path,
    monitors: directory.monitors,
    timeoutMs: 60_000,
    signal,
  })
  await using qmp = control
  try {
    return await act(qmp)
  } finally {
    await endQemu(process.identity, { force: true })
  }
}

async function query(
  qmp: QmpConnection,
  emulator: string,
  signal: AbortSignal | undefined,
): Promise<ProbedQemu> {
  const limits = { signal, timeoutMs: 60_000 }
  const [machines, kvm, capabilities, options, cpuProperties, gicVersions, sev] = await Promise.all(
    [
      qmp.execute('query-machines', {}, limits),
      qmp.execute('query-kvm', {}, limits),
      qmp.execute('query-migrate-capabilities', {}, limits),
      qmp.execute('query-command-line-options', {}, limits),
      cpuPropertiesOf(qmp, limits),
      gicVersionsOf(qmp, limits),
      sevOf(qmp, limits),
    ],
  )
  const { major, minor, micro } = qmp.version.qemu
  return {
    emulator,
    version: `${major}.${minor}.${micro}`,
    packager: qmp.version.package.trim().replace(/^\((.*)\)$/, '$1'),
    machines: machines.map((machine) => ({
      name: machine.name,
      ...(machine.alias !== undefined && { alias: machine.alias }),
      isDefault: machine['is-default'] ?? false,
      deprecated: machine.deprecated,
      maxCpus: machine['cpu-max'],
      ...(machine['default-ram-id'] !== undefined && { defaultRamId: machine['default-ram-id'] }),
    })),
    kvmUsable: kvm.enabled,
    // A QEMU that cannot does not know the option (softmmu/qemu-seccomp.c, `seccomp_register`).
    sandbox: options.some(({ option }) => option === 'sandbox'),
    migrationCapabilities: capabilities.map(({ capability }) => capability),
    cpuProperties,
    gicVersions,
    ...(sev !== undefined && { sev }),
  }
}

/** The processor of each target with every property that any of its processors has (target/i386/cpu.c, target/arm/cpu64.c). */
const FULLEST: Readonly<Record<string, string>> = {
  x86_64: 'max-x86_64-cpu',
  i386: 'max-i386-cpu',
  aarch64: 'max-arm-cpu',
}

async function cpuPropertiesOf(qmp: QmpConnection, limits: CallLimits): Promise<readonly string[]> {
  const { arch } = await qmp.execute('query-target', {}, limits)
  const typename = FULLEST[arch]
  if (typename === undefined) return []
  const properties = await unlessRefused(
    qmp.execute('device-list-properties', { typename }, limits),
  )
  return (properties ?? []).map(({ name }) => name)
}

/** Only QEMU for ARM knows the question; without KVM the answer is empty (target/arm/arm-qmp-cmds.c, `qmp_query_gic_capabilities`). */
async function gicVersionsOf(qmp: QmpConnection, limits: CallLimits): Promise<readonly number[]> {
  const found = await unlessRefused(qmp.execute('query-gic-capabilities', {}, limits))
  return (found ?? []).filter(({ kernel }) => kernel).map(({ version }) => version)
}

/** QEMU refuses the question where it has no SEV, no KVM or no access (target/i386/sev.c, `sev_get_capabilities`). */
async function sevOf(qmp: QmpConnection, limits: CallLimits): Promise<SevPlatform | undefined> {
  const found = await unlessRefused(qmp.execute('query-sev-capabilities', {}, limits))
  if (found === undefined) return undefined
  return { cbitPosition: found.cbitpos, reducedPhysBits: found['reduced-phys-bits'] }
}

interface CallLimits {
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
}

/** The answer; `undefined` when QEMU refuses to give one. */
async function unlessRefused<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof QmpRefusal) return undefined
    throw error
  }
}
