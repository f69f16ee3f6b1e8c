import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { QmpConnection } from '../src/qmp/connection.ts'
import { fillGuest } from './fill-guest.ts'

/** A QEMU with nothing but RAM, whose CPU never runs. Both sides of a comparison use the same machine. */
export class BenchMachine implements AsyncDisposable {
  readonly qmp: QmpConnection
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, qmp: QmpConnection) {
    this.#child = child
    this.qmp = qmp
  }

  /** `memory`: arguments of the `pc.ram` backend, such as `memory-backend-file,mem-path=…`. */
  static async start(options: {
    readonly emulator: string
    readonly directory: string
    readonly ramBytes: number
    readonly memory: string
    readonly incoming: boolean
    readonly inherit?: readonly number[]
  }): Promise<BenchMachine> {
    const socket = join(options.directory, `qmp-${process.hrtime.bigint()}`)
    const child = spawn(
      options.emulator,
      [
        ...[
          '-machine',
          'q35,accel=tcg,memory-backend=pc.ram',
          '-m',
          `${options.ramBytes / 2 ** 20}M`,
        ],
        ...['-object', `${options.memory},id=pc.ram,size=${options.ramBytes}`],
        ...['-display', 'none', '-nodefaults', '-S', '-qmp', `unix:${socket},server=on,wait=off`],
        ...(options.incoming ? ['-incoming', 'defer'] : []),
      ],
      { stdio: ['ignore', 'ignore', 'inherit', ...(options.inherit ?? [])] },
    )
    const qmp = await connect(socket, child)
    return new BenchMachine(child, qmp)
  }

  /** Writes the content of a file into the guest's RAM, which is a `memory-backend-ram`, as a guest would have. */
  fill(path: string, ramBytes: number): void {
    fillGuest(this.#child.pid ?? 0, ramBytes, path)
  }

  /** Processor seconds that QEMU has used. */
  processorSeconds(): number {
    const fields =
      readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / 100
  }

  /** Waits for the end of a migration; returns its status. */
  async migrated(): Promise<string> {
    for (;;) {
      const { status } = await this.qmp.execute('query-migrate')
      if (status === 'completed') return status
      if (status === 'failed' || status === 'cancelled') throw new Error(`migration ${status}`)
      await sleep(5)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.qmp.close()
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL')
      await once(this.#child, 'exit')
    }
  }
}

async function connect(socket: string, child: ChildProcess): Promise<QmpConnection> {
  for (;;) {
    if (child.exitCode !== null) throw new Error('QEMU did not start')
    try {
      return await QmpConnection.connect(socket)
    } catch {
      await sleep(10)
    }
  }
}
