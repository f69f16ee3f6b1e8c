import { readFileSync, readdirSync } from 'node:fs'
import { copyFile, rm } from 'node:fs/promises'
import { domainXml } from '../../test/support/domain-xml.ts'
import { CounterLog } from '../../test/support/counter-log.ts'
import { fillGuest } from '../fill-guest.ts'
import type { BenchSetting } from '../setting.ts'
import { type CommandCost, commandCost } from './command-cost.ts'

/** The tiny guest stays below it. */
const FILL_FROM = 64 * 1024 * 1024

/** A program that starts, saves and restores guests by commands: Stasis, or a virsh. */
export interface Commands {
  /** In the tables. */
  readonly label: string
  /** A whole command line. */
  readonly argv: (...args: readonly string[]) => readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Processor seconds so far of a daemon that works for the commands. */
  readonly daemonSeconds: () => number
}

/** One guest of such a program: it counts, and proves by its counter and the sum of its memory that it goes on where it was. */
export class BenchGuest {
  readonly name: string
  readonly commands: Commands
  readonly #setting: BenchSetting
  readonly #serial: string
  readonly #log: CounterLog

  constructor(commands: Commands, setting: BenchSetting, name: string, serial: string) {
    this.commands = commands
    this.name = name
    this.#setting = setting
    this.#serial = serial
    this.#log = new CounterLog(serial)
  }

  /** Its definition, for the emulator at a path. */
  xml(emulator: string): string {
    const serial = { type: 'file', path: this.#serial } as const
    const memoryMib = this.#setting.ramBytes / 2 ** 20
    return domainXml({ name: this.name, guest: 'tiny', emulator, memoryMib, serial })
  }

  /** Boots it and fills its memory. */
  async start(): Promise<void> {
    await rm(this.#serial, { force: true })
    this.run('start', this.name)
    await this.#log.advance(2)
    const { ramBytes, filledPath } = this.#setting
    fillGuest(qemuOf(this.name), ramBytes, filledPath, FILL_FROM)
  }

  /** Keeps what the guest has printed, beside an image of it. */
  async keepOutput(image: string): Promise<void> {
    await copyFile(this.#serial, `${image}.serial`)
  }

  /** Returns to what the guest had printed when an image was made. */
  async returnToOutput(image: string): Promise<void> {
    await copyFile(`${image}.serial`, this.#serial)
  }

  /** Asserts that it runs, and has lost and repeated nothing. */
  async assertGoesOn(): Promise<void> {
    await this.#log.advance(1)
    await this.#log.assertUnbroken()
  }

  /** Runs a command on it; the daemon's processor time is in the cost. */
  run(...args: readonly string[]): CommandCost {
    const before = this.commands.daemonSeconds()
    const cost = commandCost(this.commands.argv(...args), this.commands.env)
    const daemonMs = (this.commands.daemonSeconds() - before) * 1000
    return { ...cost, processorMs: cost.processorMs + daemonMs }
  }

  end(): void {
    this.run('destroy', this.name)
  }
}

/** The process of the QEMU of a guest, as this process sees it. */
function qemuOf(name: string): number {
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
