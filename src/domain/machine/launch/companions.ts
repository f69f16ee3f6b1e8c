import { join } from 'node:path'
import { QemuError, StasisError } from '../../../errors.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import type { SystemUser } from '../../../qemu/process/system-user.ts'
import { needsReservations } from '../../../qemu/command-line/storage/disk-nodes.ts'
import type { BoundProcess } from '../../../qemu/process/bound-process.ts'
import { startReservations } from '../../../qemu/programs/pr-helper.ts'
import { PasstPrograms } from '../../../qemu/programs/passt.ts'
import { SharingPrograms } from '../../../qemu/programs/virtiofsd.ts'
import type { CommandLineOptions } from '../../../qemu/command-line/options.ts'
import type { InheritedDescriptors } from './inherited-descriptors.ts'
import { type LaunchedTpm, startTpm, tpmDirectory } from './tpm-state.ts'

/** What starting the programs beside a QEMU needs to know. */
export interface CompanionPlan {
  readonly domain: Domain
  /** The directory of its sockets and logs. */
  readonly directory: string
  readonly stateDir: string
  /** Whether the machine comes from an image. */
  readonly incoming: boolean
  readonly user: SystemUser | undefined
  readonly onWarning?: ((text: string) => void) | undefined
}

/** The descriptors of a QEMU that lead to the programs beside it. */
export type CompanionFds = Required<Pick<CommandLineOptions, 'tpmFd' | 'passtFds'>> & {
  /** Keeps the program for reservations running. */
  readonly reservationsFd: number | undefined
}

/** Gives numbers in QEMU to the connections that `Companions.start` makes. */
export function reserveCompanions(
  domain: Domain,
  stateDir: string,
  inherited: InheritedDescriptors,
): CompanionFds {
  const hasTpm = tpmDirectory(domain, stateDir) !== undefined
  const tpmFd = hasTpm ? inherited.reserve() : undefined
  const cards = PasstPrograms.inheritedBy(domain)
  const reservationsFd = domain.disks.some(needsReservations) ? inherited.reserve() : undefined
  const passtFds = new Map(cards.map((at) => [at, inherited.reserve()]))
  return { tpmFd, passtFds, reservationsFd }
}

/** The programs beside a QEMU: the emulator of its TPM, what shares directories, passt. They end when QEMU does. Unless it has connected, disposing ends them. */
export class Companions implements AsyncDisposable {
  readonly #started = new AsyncDisposableStack()
  #tpm: LaunchedTpm | undefined
  #sharing: SharingPrograms | undefined
  #passt: PasstPrograms | undefined
  #reservations: BoundProcess | undefined

  /** @throws QemuError QEMU_LACKS_FEATURE, QEMU_START_FAILED, QEMU_BUSY; StorageError */
  async start(
    plan: CompanionPlan,
    fds: CompanionFds,
    inherited: InheritedDescriptors,
  ): Promise<void> {
    const { domain, directory, user } = plan
    this.#tpm = await startTpm({ ...plan, log: join(directory, 'swtpm.log') })
    if (this.#tpm !== undefined) {
      this.#started.use(this.#tpm.emulator)
      if (fds.tpmFd !== undefined) inherited.bring(fds.tpmFd, this.#tpm.emulator.fd)
    }
    const log = join(directory, 'virtiofsd.log')
    this.#sharing = this.#started.use(await SharingPrograms.start(domain, directory, log))
    const prLog = join(directory, 'pr-helper.log')
    this.#reservations = await startReservations(domain, directory, prLog)
    if (this.#reservations !== undefined) {
      this.#started.use(this.#reservations)
      if (fds.reservationsFd !== undefined)
        inherited.bring(fds.reservationsFd, this.#reservations.fd)
    }
    this.#passt = this.#started.use(await PasstPrograms.start(domain, directory, user))
    for (const [at, ours] of this.#passt.fds) {
      const inQemu = fds.passtFds?.get(at)
      if (inQemu !== undefined) inherited.bring(inQemu, ours)
    }
  }

  get pids(): readonly number[] {
    const tpm = this.#tpm === undefined ? [] : [this.#tpm.emulator.pid]
    const reservations = this.#reservations === undefined ? [] : [this.#reservations.pid]
    return [...tpm, ...reservations, ...(this.#sharing?.pids ?? []), ...(this.#passt?.pids ?? [])]
  }

  /** QEMU has connected to all of them: from now on its end is theirs. @throws QemuError QEMU_START_FAILED when passt has ended */
  async connected(): Promise<void> {
    const fault = await this.#passt?.fault()
    if (fault !== undefined)
      throw new QemuError('QEMU_START_FAILED', `passt ended: ${fault}`, {
        operation: 'connect a network card',
      })
    this.#tpm?.emulator.connected()
    this.#sharing?.connected()
    this.#passt?.connected()
    this.#reservations?.[Symbol.dispose]()
  }

  /** The TPM that came with a saved machine is the domain's from now on. @throws StorageError */
  async keepArrived(): Promise<void> {
    await this.#tpm?.keep()
  }

  /** The machine is not complete: what came with it is removed. */
  async discardArrived(): Promise<void> {
    await this.#tpm?.discard()
  }

  /** The error of a start, with the output of the TPM's emulator: QEMU only says that its connection broke. */
  explain(error: unknown): unknown {
    const said = this.#tpm?.emulator.tail() ?? ''
    if (said === '' || !StasisError.is(error, 'QEMU_START_FAILED')) return error
    return error.with({ message: `${error.message}. swtpm: ${said}` })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started[Symbol.asyncDispose]()
  }
}
