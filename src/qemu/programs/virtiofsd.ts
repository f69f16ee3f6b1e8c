import { virtiofsSocket } from '../command-line/devices/shared-directories.ts'
import { CompanionProcess } from '../process/companion-process.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import { type Companion, requireCompanion } from './find-program.ts'

/** The program that shares directories by virtiofs. */
export const VIRTIOFSD: Companion = {
  name: 'virtiofsd',
  purpose: 'shares a directory with a guest',
  package: 'virtiofsd (in Debian 12 qemu-system-common)',
  directories: ['/usr/libexec', '/usr/lib/qemu', '/usr/lib'],
}

/** The programs that share directories with a guest by virtiofs. They end when QEMU does. */
export class SharingPrograms implements AsyncDisposable {
  readonly #started: readonly CompanionProcess[]

  private constructor(started: readonly CompanionProcess[]) {
    this.#started = started
  }

  /**
   * Starts a virtiofsd for each such directory, with its socket in `directory`.
   * @throws QemuError QEMU_LACKS_FEATURE when it is not installed, QEMU_START_FAILED with its own reason
   */
  static async start(
    { sharedDirectories }: Domain,
    directory: string,
    log: string,
  ): Promise<SharingPrograms> {
    const started: CompanionProcess[] = []
    const programs = new SharingPrograms(started)
    try {
      for (const [at, { source }] of sharedDirectories.entries()) {
        if (source.type !== 'virtiofs' || 'socket' in source.from) continue
        const program = await requireCompanion(VIRTIOFSD)
        const socket = virtiofsSocket(directory, at)
        const { directory: shared, options } = source.from
        // In this syntax a comma ends a value.
        const escaped = shared.replaceAll(/[\\,]/g, '\\$&')
        const argv = [`--socket-path=${socket}`, '-o', `source=${escaped}`, ...options]
        const one = await CompanionProcess.start(program, argv, { log, fds: [] })
        started.push(one)
        await one.untilListening(socket, 'share a directory')
      }
      return programs
    } catch (error) {
      await programs[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Their numbers. */
  get pids(): readonly number[] {
    return this.#started.map(({ pid }) => pid)
  }

  /** QEMU has connected to all of them. */
  connected(): void {
    for (const one of this.#started) one.connected()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#started) await one[Symbol.asyncDispose]()
  }
}
