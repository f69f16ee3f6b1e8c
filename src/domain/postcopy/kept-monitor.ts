import { StasisError } from '../../errors.ts'
import {
  SystemCallError,
  closeDescriptor,
  connectedPair,
  duplicateDescriptor,
  takeDescriptor,
} from '../../io/system-calls.ts'
import { isThere } from '../../io/files/file-names.ts'
import { connectWhenReady } from '../../qemu/process/await-monitor.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import { isRunning } from '../catalogue/own-qemu.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { readRecord } from '../store/runtime-record.ts'

/** The descriptor of our end in QEMU, which inherits its own as 3. */
const OUR_END_IN_QEMU = 4

const NAME = 'kept monitor'
const CONNECT_MS = 15_000

/**
 * A monitor on a pair of sockets of which QEMU inherits both ends. Our end has negotiated out-of-band commands while QEMU still could; it exists as
 * long as QEMU does, even if our processes die. A QEMU whose main thread waits for a page cannot negotiate.
 */
export class KeptMonitor implements AsyncDisposable {
  readonly #qemuEnd: number
  readonly #ourEnd: number
  /** The connection closes our end when QEMU dies; this one stays. */
  readonly #toPassOn: number
  #connection: QmpConnection | undefined
  #isOver = false
  /** Descriptors to close here. */
  #open: readonly number[]

  private constructor(qemuEnd: number, ourEnd: number) {
    this.#qemuEnd = qemuEnd
    this.#ourEnd = ourEnd
    this.#open = this.inherited
    this.#toPassOn = duplicateDescriptor(ourEnd)
  }

  static make(): KeptMonitor {
    return new KeptMonitor(...connectedPair())
  }

  /** The first descriptors for QEMU to inherit. */
  get inherited(): readonly [number, number] {
    return [this.#qemuEnd, this.#ourEnd]
  }

  /** For the next process to inherit; valid until this is disposed. */
  get fd(): number {
    return this.#toPassOn
  }

  /** Negotiates out-of-band commands with the launched QEMU. @throws QemuError QEMU_BUSY, QEMU_DIED; CancelledError */
  async negotiate(signal: AbortSignal | undefined): Promise<void> {
    closeDescriptor(this.#qemuEnd)
    // The connection owns our end now.
    this.#open = []
    this.#connection = await QmpConnection.onDescriptor(this.#ourEnd, NAME, {
      outOfBand: true,
      signal,
    })
  }

  /** Closes our copies; QEMU's own stay open. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const fd of this.#open) closeDescriptor(fd)
    this.#open = []
    if (!this.#isOver) closeDescriptor(this.#toPassOn)
    this.#isOver = true
    await this.#connection?.close()
  }
}

/**
 * The monitor of a domain whose memory is arriving: on the inherited descriptor, or on the one that QEMU keeps for us. Where this host does not let
 * us take that, a new connection, on which QEMU must still be able to negotiate.
 * @throws QemuError QEMU_TIMEOUT when it is not, QEMU_DIED; CancelledError
 */
export async function openKeptMonitor(
  paths: RuntimePaths,
  inheritedFd: number | undefined,
  options: { readonly signal: AbortSignal; readonly timeoutMs?: number | undefined },
): Promise<QmpConnection> {
  const { signal, timeoutMs = CONNECT_MS } = options
  const fd = inheritedFd ?? (await keptFd(paths))
  if (fd !== undefined) return QmpConnection.takeOver(fd, NAME)
  const { postcopySocket, formerPostcopySocket } = paths
  const isFormer = !(await isThere(postcopySocket)) && (await isThere(formerPostcopySocket))
  try {
    return await connectWhenReady(isFormer ? formerPostcopySocket : postcopySocket, {
      signal,
      timeoutMs,
      processTail: () => '',
      outOfBand: true,
    })
  } catch (cause) {
    if (!StasisError.is(cause, 'QEMU_TIMEOUT')) throw cause
    throw cause.with({
      message: 'QEMU itself waits for memory, so it cannot switch to a new page server',
      cause,
      hint: 'Recover it as root, or as a user that may trace its process (sysctl kernel.yama.ptrace_scope)',
    })
  }
}

async function keptFd(paths: RuntimePaths): Promise<number | undefined> {
  const record = await readRecord(paths)
  if (record === undefined || !(await isRunning(paths, record))) return undefined
  try {
    return takeDescriptor(record.pid, OUR_END_IN_QEMU)
  } catch (error) {
    if (error instanceof SystemCallError) return undefined
    throw error
  }
}
