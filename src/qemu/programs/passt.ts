import { closeDescriptor, connectedPair } from '../../io/system-calls.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import type { NetworkInterface } from '../domain-xml/model/devices/interface.ts'
import { passtArguments } from '../command-line/devices/passt.ts'
import { CompanionProcess } from '../process/companion-process.ts'
import { identifyProcess } from '../process/process-identity.ts'
import type { SystemUser } from '../process/system-user.ts'
import { type Companion, requireCompanion } from './find-program.ts'

/** What connects guests to the network of a user. */
export const PASST: Companion = {
  name: 'passt',
  purpose: "connects a guest to the host's network without privileges",
  package: 'passt',
  directories: [],
}

/** The descriptor of its connection to QEMU. */
const QEMU_FD = 4

/** The programs passt of a machine, which wait for their QEMU. Unless QEMU has connected, disposing ends them. */
export class PasstPrograms implements AsyncDisposable {
  /** The ends for QEMU, connected sockets, by the position of the card. */
  readonly fds: ReadonlyMap<number, number>
  readonly #started: readonly CompanionProcess[]
  #isClosed = false

  private constructor(fds: ReadonlyMap<number, number>, started: readonly CompanionProcess[]) {
    this.fds = fds
    this.#started = started
  }

  /** The positions of the cards that need one. */
  static cardsOf({ interfaces }: Pick<Domain, 'interfaces'>): readonly number[] {
    return interfaces.flatMap(({ passt }, at) => (passt === undefined ? [] : [at]))
  }

  /**
   * Starts one for each card that needs it. It ends when QEMU does, because QEMU has the other end of its connection.
   * @throws QemuError QEMU_LACKS_FEATURE when it is not installed, QEMU_START_FAILED; StorageError
   */
  static async start(
    domain: Pick<Domain, 'interfaces'>,
    log: string,
    user: SystemUser | undefined,
  ): Promise<PasstPrograms> {
    const fds = new Map<number, number>()
    const started: CompanionProcess[] = []
    const programs = new PasstPrograms(fds, started)
    try {
      for (const at of PasstPrograms.cardsOf(domain)) {
        const card = domain.interfaces[at] as NetworkInterface
        const program = await requireCompanion(PASST)
        const [theirs, ours] = connectedPair()
        fds.set(at, ours)
        try {
          const argv = passtArguments(card, { fd: QEMU_FD, user: user?.name })
          started.push(await CompanionProcess.start(program, argv, { log, fds: [theirs] }))
        } finally {
          closeDescriptor(theirs)
        }
      }
      return programs
    } catch (error) {
      await programs[Symbol.asyncDispose]()
      throw error
    }
  }

  get pids(): readonly number[] {
    return this.#started.map(({ pid }) => pid)
  }

  /** What the first of them that has ended has written; `undefined`: all run. QEMU says nothing about that. @throws StorageError */
  async fault(): Promise<string | undefined> {
    for (const one of this.#started)
      if ((await identifyProcess(one.pid)) === undefined) return one.tail()
    return undefined
  }

  /** QEMU has inherited its ends: from now on its end is that of these programs. */
  connected(): void {
    for (const one of this.#started) one.connected()
    this.#close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    for (const one of this.#started) await one[Symbol.asyncDispose]()
    this.#close()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const fd of this.fds.values()) closeDescriptor(fd)
  }
}
