import { join } from 'node:path'
import { closeDescriptor, connectedPair } from '../../io/system-calls.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import type { NetworkInterface } from '../domain-xml/model/devices/interface.ts'
import { type PasstMeeting, passtArguments, passtSocket } from '../command-line/devices/passt.ts'
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

  /** The positions of the cards that QEMU inherits a connection for. */
  static inheritedBy({ interfaces }: Pick<Domain, 'interfaces'>): readonly number[] {
    return interfaces.flatMap(({ type, passt }, at) =>
      type === 'user' && passt !== undefined ? [at] : [],
    )
  }

  /**
   * Starts one for each card that needs it, with its socket and log in `directory`. It ends when QEMU does, because QEMU has the other end of its connection.
   * @throws QemuError QEMU_LACKS_FEATURE when it is not installed, QEMU_START_FAILED; StorageError
   */
  static async start(
    { interfaces }: Pick<Domain, 'interfaces'>,
    directory: string,
    user: SystemUser | undefined,
  ): Promise<PasstPrograms> {
    const fds = new Map<number, number>()
    const started: CompanionProcess[] = []
    const programs = new PasstPrograms(fds, started)
    try {
      for (const [at, card] of interfaces.entries()) {
        if (card.passt === undefined) continue
        const run = { program: await requireCompanion(PASST), directory, user: user?.name }
        if (card.type !== 'user') {
          started.push(await listening(card, at, run))
          continue
        }
        const [theirs, ours] = connectedPair()
        fds.set(at, ours)
        try {
          started.push(await launch(card, { fd: QEMU_FD }, { ...run, fds: [theirs] }))
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

  /** The output of the first of them that has ended; `undefined`: all run. QEMU does not report that. @throws StorageError */
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

/** How to run a passt. */
interface Run {
  readonly program: string
  readonly directory: string
  readonly user: string | undefined
}

/** As root it makes its socket before it changes its user, and QEMU connects before it changes its own. */
async function listening(card: NetworkInterface, at: number, run: Run): Promise<CompanionProcess> {
  const socket = passtSocket(run.directory, at)
  const one = await launch(card, { socket }, { ...run, fds: [] })
  try {
    await one.untilListening(socket, 'connect a network card')
    return one
  } catch (error) {
    await one[Symbol.asyncDispose]()
    throw error
  }
}

function launch(
  card: NetworkInterface,
  meeting: PasstMeeting,
  { program, directory, user, fds }: Run & { readonly fds: readonly number[] },
): Promise<CompanionProcess> {
  const log = join(directory, 'passt.log')
  return CompanionProcess.start(program, passtArguments(card, meeting, user), { log, fds })
}
