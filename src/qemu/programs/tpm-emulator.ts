import { spawn } from 'node:child_process'
import { QemuError, inOneLine } from '../../errors.ts'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { openDirectoryDescriptor } from '../../io/files/directory.ts'
import { memoryFileWith } from '../../io/memory/memory-content.ts'
import { closeDescriptor, connectedPair } from '../../io/system-calls.ts'
import type { EmulatedTpm } from '../domain-xml/model/devices/tpm.ts'
import { CompanionProcess } from '../process/companion-process.ts'
import { type Companion, findCompanion, requireCompanion } from './find-program.ts'
import type { SystemUser } from '../process/system-user.ts'

/** The program that emulates a TPM. */
export const SWTPM: Companion = {
  name: 'swtpm',
  purpose: 'emulates the TPM',
  package: 'swtpm',
  directories: ['/usr/local/bin', '/usr/bin'],
}

/** How long swtpm_setup may take: it makes keys and certificates. */
const SETUP_MS = 60_000

/** The descriptors that swtpm inherits. */
const CONTROL_FD = 4
const STATE_FD = 5
const KEY_FD = 6
const STREAM_KEY_FD = 7

/** How swtpm encrypts, as with libvirt. */
const CIPHER = 'aes-256-cbc'

/** Where the state of a TPM is, and the log of its emulator. */
interface TpmPlace {
  readonly state: string
  readonly log: string
  /** The password with which the state is encrypted; `undefined`: it is not. */
  readonly password?: Uint8Array | undefined
}

/** A swtpm that waits for its QEMU. Unless QEMU has connected, disposing ends it. */
export class TpmEmulator implements AsyncDisposable {
  /** The end for QEMU, a connected socket. */
  readonly fd: number
  readonly #process: CompanionProcess
  #isClosed = false

  private constructor(fd: number, process: CompanionProcess) {
    this.fd = fd
    this.#process = process
  }

  /** Starts swtpm on a directory with its state. @throws QemuError QEMU_LACKS_FEATURE when it is not installed, QEMU_START_FAILED; StorageError */
  static async start(
    { version }: EmulatedTpm,
    where: TpmPlace,
    user: SystemUser | undefined,
  ): Promise<TpmEmulator> {
    const program = await requireCompanion(SWTPM)
    const [theirs, ours] = connectedPair()
    using passed = new DisposableStack()
    passed.defer(() => closeDescriptor(theirs))
    using kept = new DisposableStack()
    kept.defer(() => closeDescriptor(ours))
    const state = openDirectoryDescriptor(where.state)
    passed.defer(() => closeDescriptor(state))
    // It reads each password from a descriptor of its own: for the state on the disk, and for that in QEMU's stream.
    const keys = where.password === undefined ? [] : [where.password, where.password]
    const keyFds = keys.map((password) => memoryFileWith('stasis-tpm-key', password))
    passed.defer(() => keyFds.forEach(closeDescriptor))
    const argv = [
      ...['socket', ...(version === '2.0' ? ['--tpm2'] : [])],
      ...['--ctrl', `type=unixio,clientfd=${CONTROL_FD}`],
      ...['--tpmstate', `dir=/proc/self/fd/${STATE_FD},mode=0600`],
      ...(keyFds.length === 0
        ? []
        : [
            ...['--key', `pwdfd=${KEY_FD},mode=${CIPHER}`],
            ...['--migration-key', `pwdfd=${STREAM_KEY_FD},mode=${CIPHER}`],
          ]),
      ...['--log', 'fd=1,level=1', '--terminate'],
      ...(user === undefined ? [] : ['--runas', user.name]),
    ]
    const started = await CompanionProcess.start(program, argv, {
      log: where.log,
      fds: [theirs, state, ...keyFds],
    })
    kept.move()
    return new TpmEmulator(ours, started)
  }

  get pid(): number {
    return this.#process.pid
  }

  /** Its output since its start. */
  tail(): string {
    return this.#process.tail()
  }

  /** QEMU has connected: from now on its end is that of this emulator. */
  connected(): void {
    this.#process.connected()
    this.#close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    await this.#process[Symbol.asyncDispose]()
    this.#close()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    closeDescriptor(this.fd)
  }
}

const MAX_TAIL = 2000

/** The origin of a new TPM. `plain`: swtpm makes it at its first start, without certificates, for the reason. */
export type TpmSetup =
  | { readonly kind: 'complete' }
  | { readonly kind: 'plain'; readonly why: string }

/**
 * Makes the state of a new TPM in an empty directory, with keys and certificates as real ones have, by swtpm_setup(8) where it is installed.
 * @throws QemuError QEMU_LACKS_FEATURE when the XML asks for something that only swtpm_setup can do
 */
export async function setUpTpm(
  { version, pcrBanks, profile }: EmulatedTpm,
  directory: string,
  { owner, password }: { readonly owner: string; readonly password: Uint8Array | undefined },
): Promise<TpmSetup> {
  const program = await findCompanion({ ...SWTPM, name: 'swtpm_setup' })
  const common = [
    ...(version === '2.0' ? ['--tpm2'] : []),
    ...['--tpmstate', directory, '--vmid', owner, '--createek', '--lock-nvram', '--not-overwrite'],
    ...(process.geteuid?.() === 0 ? ['--runas', 'root'] : []),
    ...(password === undefined ? [] : ['--pwdfile-fd', '3', '--cipher', CIPHER]),
    ...(version === '2.0' && pcrBanks.length > 0 ? ['--pcr-banks', pcrBanks.join(',')] : []),
    ...(profile === undefined ? [] : ['--profile-name', profile.source]),
    ...(profile?.removeDisabled === undefined
      ? []
      : ['--profile-remove-disabled', profile.removeDisabled]),
  ]
  let why = 'swtpm_setup is not installed'
  if (program !== undefined) {
    const argv = [...common, '--create-ek-cert', '--create-platform-cert']
    const fault = await runSetup(program, argv, password)
    if (fault === undefined) return { kind: 'complete' }
    why = `swtpm_setup failed: ${inOneLine(fault.slice(-MAX_TAIL))}`
  }
  if (profile === undefined && pcrBanks.length === 0) return { kind: 'plain', why }
  throw new QemuError('QEMU_LACKS_FEATURE', `The TPM cannot be made as the XML asks for: ${why}`, {
    operation: 'make the TPM',
    hint: 'Install swtpm_setup (package swtpm-tools), or remove <active_pcr_banks> and <profile>',
  })
}

/** Runs swtpm_setup, which reads the password from descriptor 3. Returns its output if it fails. */
async function runSetup(
  program: string,
  argv: readonly string[],
  password: Uint8Array | undefined,
): Promise<string | undefined> {
  using passed = new DisposableStack()
  const key = password === undefined ? undefined : memoryFileWith('stasis-tpm-key', password)
  if (key !== undefined) passed.defer(() => closeDescriptor(key))
  const child = spawn(program, argv, {
    env: cleanEnvironment(),
    timeout: SETUP_MS,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe', ...(key === undefined ? [] : [key])],
  })
  const output: Buffer[] = []
  for (const stream of [child.stderr, child.stdout])
    stream?.on('data', (part: Buffer) => output.push(part))
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  child.once('error', (error) => resolve(String(error)))
  child.once('close', (code, signal) =>
    resolve(code === 0 ? undefined : `${Buffer.concat(output).toString()} (${signal ?? code})`),
  )
  return await promise
}
