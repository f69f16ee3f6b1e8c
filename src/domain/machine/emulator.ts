import { QemuError } from '../../errors.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import { kvmAccess } from '../../qemu/probe/accelerator.ts'
import type { SandboxChoice } from '../../qemu/command-line/limits/sandbox.ts'
import type { QemuVersion } from '../../qemu/command-line/options.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { findEmulator } from '../../qemu/probe/find-emulator.ts'
import { canonicalMachine, probeQemu } from '../../qemu/probe/probe.ts'
import type { ProbedQemu } from '../../qemu/probe/probed-qemu.ts'
import type { Directories } from '../store/directories.ts'
import { placeOfHost } from '../store/host-directory.ts'

/** The QEMU for a domain, checked for the features that the domain needs. */
export interface Emulator {
  readonly probed: ProbedQemu
  readonly version: QemuVersion
}

/**
 * Finds the QEMU for a domain and checks that it has the domain's machine type, and KVM where the domain needs it.
 * @throws QemuError QEMU_NOT_FOUND, QEMU_LACKS_FEATURE, QEMU_START_FAILED
 */
export async function chooseEmulator(
  domain: Domain,
  directories: Directories,
  signal: AbortSignal | undefined,
  options: { readonly look?: boolean | undefined } = {},
): Promise<Emulator> {
  const path = await findEmulator({ emulator: domain.emulator, architecture: domain.os.arch })
  const probed = await probeEmulator(path, directories, signal, options)
  await checkAccelerator(domain, probed)
  checkMachineType(domain, probed)
  return { probed, version: parseVersion(probed.version) }
}

/**
 * The features of a QEMU, probed once and then cached in the state directory. With `look` nothing is written: an existing result is used, and a new
 * one is kept only in memory.
 * @throws QemuError, StorageError
 */
export async function probeEmulator(
  path: string,
  directories: Directories,
  signal: AbortSignal | undefined,
  { look = false }: { readonly look?: boolean | undefined } = {},
): Promise<ProbedQemu> {
  const cacheDirectory = placeOfHost(directories.stateDir, 'cache')
  if (!look) await makeDirectory(cacheDirectory)
  return probeQemu(path, { cacheDirectory, keep: !look, signal })
}

/** The properties of its processors; `undefined` when they are not known. */
export function cpuPropertiesOf({ probed }: Emulator): ReadonlySet<string> | undefined {
  return probed.cpuProperties.length === 0 ? undefined : new Set(probed.cpuProperties)
}

/** Whether and how the system calls of a machine can be filtered. */
export function sandboxChoice(
  { sandbox }: ProbedQemu,
  { changesUser }: { readonly changesUser: boolean },
): SandboxChoice {
  return { supported: sandbox, root: process.geteuid?.() === 0, changesUser }
}

async function checkAccelerator(domain: Domain, probed: ProbedQemu): Promise<void> {
  if (domain.type !== 'kvm' || probed.kvmUsable) return
  const access = await kvmAccess()
  throw new QemuError(
    'QEMU_LACKS_FEATURE',
    `Domain '${domain.name}' asks for KVM, which cannot be used here: ${access.usable ? `${probed.emulator} cannot use it` : access.reason}`,
    {
      operation: 'choose the accelerator',
      hint: `${access.usable ? '' : `${access.hint}; `}<domain type='qemu'> runs without KVM, but slowly`,
    },
  )
}

function checkMachineType(domain: Domain, probed: ProbedQemu): void {
  const { machine } = domain.os
  if (canonicalMachine(probed, machine) !== undefined) return
  throw new QemuError(
    'QEMU_LACKS_FEATURE',
    `QEMU ${probed.version} at ${probed.emulator} does not have the machine type ${machine}`,
    {
      operation: 'check the machine type',
      path: probed.emulator,
      hint: 'Use the QEMU version in the name of the machine type, or a newer one that still has it: give its path in <emulator>',
    },
  )
}

/** A version such as `10.0.2`. */
export function parseVersion(text: string): QemuVersion {
  const [major = 0, minor = 0, micro = 0] = text.split('.').map(Number)
  return { major, minor, micro }
}
