import { readFileSync, readdirSync } from 'node:fs'
import { copyFile, rm, writeFile } from 'node:fs/promises'
import { CounterLog } from '../../../test/support/counter-log.ts'
import { domainXml } from '../../../test/support/domain-xml.ts'
import { fillGuest } from '../../content/fill-guest.ts'
import { type CommandCost, commandCost } from '../../host/command-cost.ts'
import { ProcessWatch, processorSecondsOf } from '../../host/processes.ts'
import type { BenchSetting } from '../../setting.ts'
import { StopEvent } from './stop-event.ts'

/** A program that starts, saves and restores guests by commands: Stasis, or a virsh. */
export interface Commands {
  /** In the tables. */
  readonly label: string
  /** A whole command line. */
  readonly argv: (...args: readonly string[]) => readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** The process that works for the commands. */
  readonly daemon: number | undefined
  /** The command that waits for the stop of a guest, for a program that does not report how long the guest was stopped. */
  readonly stopEvent: ((name: string) => readonly string[]) | undefined
  /** Saves and restores in another way than by a command. */
  readonly act?: ((...args: readonly string[]) => Promise<CommandCost>) | undefined
}

/** The memory of such a guest. */
export interface GuestMemory {
  /** Whether it is in huge pages that the host has set aside. */
  readonly hugePages: boolean
}

/** What a command cost, with its daemon and with QEMU. */
export interface GuestCost extends CommandCost {
  readonly qemuSeconds: number
  /** From the stop of the guest until the end of the command. */
  readonly downtimeSeconds?: number
  /** From the start of the command until the guest printed. */
  readonly outputMs?: number
}

/** One guest of such a program: it counts, and proves by its counter and the sum of its memory that it goes on where it was. */
export class BenchGuest {
  readonly name: string
  readonly commands: Commands
  readonly #setting: BenchSetting
  readonly #memory: GuestMemory
  readonly #serial: string
  readonly #log: CounterLog

  constructor(
    commands: Commands,
    setting: BenchSetting,
    identity: { readonly name: string; readonly serial: string },
    memory: GuestMemory = { hugePages: false },
  ) {
    const { name, serial } = identity
    this.commands = commands
    this.name = name
    this.#memory = memory
    this.#setting = setting
    this.#serial = serial
    this.#log = new CounterLog(serial)
  }

  /** Its definition, for the emulator at a path. */
  xml(emulator: string): string {
    const serial = { type: 'file', path: this.#serial } as const
    const memoryMib = this.#setting.ramBytes / 2 ** 20
    const xml = domainXml({ name: this.name, guest: 'tiny', emulator, memoryMib, serial })
    const backing = '<memoryBacking><hugepages/></memoryBacking>'
    return this.#memory.hugePages ? xml.replace('<vcpu', `${backing}\n  <vcpu`) : xml
  }

  /** Boots it and fills its memory. */
  async start(): Promise<void> {
    await this.boot()
    await this.#log.advance(1)
    await fillGuest(qemuOf(this.name), this.#setting)
  }

  /** Starts it with empty memory, until it prints. */
  async boot(): Promise<GuestCost> {
    await rm(this.#serial, { force: true })
    await writeFile(this.#serial, '')
    return this.#untilOutput('start', this.name)
  }

  async end(): Promise<void> {
    await this.#run('destroy', this.name)
  }

  /** Runs a command that ends QEMU, and keeps what the guest has printed beside the image. */
  async save(image: string, ...args: readonly string[]): Promise<GuestCost> {
    const { stopEvent } = this.commands
    using stop = stopEvent && (await StopEvent.watch(stopEvent(this.name)))
    const cost = await this.#runOrEnd('save', this.name, image, ...args)
    await copyFile(this.#serial, `${image}.serial`)
    const stoppedAt = stop?.stoppedAt
    return {
      ...cost,
      ...(stoppedAt === undefined ? {} : { downtimeSeconds: (cost.endedAt - stoppedAt) / 1000 }),
    }
  }

  /** Runs a command that brings QEMU back; the guest must go on where it was in the image. Ends it. */
  async restore(image: string, ...args: readonly string[]): Promise<GuestCost> {
    const { cost } = await this.restoreAnd(image, args, () => Promise.resolve())
    return cost
  }

  /** The same, with something that is done to its QEMU as soon as it has printed. */
  async restoreAnd<Result>(
    image: string,
    args: readonly string[],
    act: (qemu: number) => Promise<Result>,
  ): Promise<{ readonly cost: GuestCost; readonly result: Result }> {
    await copyFile(`${image}.serial`, this.#serial)
    try {
      const cost = await this.#untilOutput('restore', image, ...args)
      const result = await act(qemuOf(this.name))
      await this.#log.assertUnbroken()
      await this.end()
      return { cost, result }
    } catch (error) {
      await this.#endAnyway()
      throw error
    }
  }

  async #untilOutput(...args: readonly string[]): Promise<GuestCost> {
    const cost = await this.#run(...args)
    const qemuSeconds = processorSecondsOf(qemuOf(this.name))
    await this.#log.advance(1)
    return { ...cost, qemuSeconds, outputMs: cost.wallMs + Date.now() - cost.endedAt }
  }

  /** A command that fails leaves no guest behind. */
  async #runOrEnd(...args: readonly string[]): Promise<GuestCost> {
    try {
      return await this.#run(...args)
    } catch (error) {
      await this.#endAnyway()
      throw error
    }
  }

  async #endAnyway(): Promise<void> {
    await this.end().catch(() => undefined)
  }

  async #run(...args: readonly string[]): Promise<GuestCost> {
    const { daemon, argv, env, act } = this.commands
    const qemu = args[0] === 'save' ? qemuOf(this.name) : undefined
    const daemonSeconds = () => (daemon === undefined ? 0 : processorSecondsOf(daemon, true))
    const before = daemonSeconds()
    using watch = new ProcessWatch(qemu, daemon)
    const isAct = args[0] === 'save' || args[0] === 'restore'
    const cost =
      isAct && act !== undefined ? await act(...args) : await commandCost(argv(...args), env)
    return {
      ...cost,
      processorMs: cost.processorMs + (daemonSeconds() - before) * 1000,
      qemuSeconds: watch.qemuSeconds,
      peakBytes: daemon === undefined ? cost.peakBytes : watch.peakBytes,
    }
  }
}

/** The process of the QEMU of a guest, as this process sees it. */
export function qemuOf(name: string): number {
  for (const pid of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      if (argv.some((one) => one === `guest=${name}` || one.startsWith(`guest=${name},`)))
        return Number(pid)
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`there is no QEMU of ${name}`)
}
