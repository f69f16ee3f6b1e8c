import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CounterLog } from '../../../test/support/counter-log.ts'
import { guestArgv } from '../../../test/support/guests.ts'
import { fillGuest } from '../../content/fill-guest.ts'
import { onProcessors } from '../../host/on-processors.ts'
import { processorSecondsOf } from '../../host/processes.ts'
import { QmpConnection } from '../../../src/qmp/connection.ts'
import type { BenchSetting } from '../../setting.ts'

/** A QEMU without a program that manages it, with the tiny guest. */
export class BareMachine implements AsyncDisposable {
  readonly qmp: QmpConnection
  readonly pid: number
  readonly #child: ChildProcess
  readonly #log: CounterLog

  private constructor(child: ChildProcess, qmp: QmpConnection, serial: string) {
    this.#child = child
    this.pid = child.pid ?? 0
    this.qmp = qmp
    this.#log = new CounterLog(serial)
  }

  /** Starts it without running the guest. With `incoming` it waits for a migration. The guest adds its output to the file `serial`. */
  static async start(
    setting: BenchSetting,
    options: { readonly serial: string; readonly incoming: boolean },
  ): Promise<BareMachine> {
    const { emulator, directory, ramBytes } = setting
    const socket = join(directory, `qmp-${process.hrtime.bigint()}`)
    const [program = emulator, ...argv] = onProcessors(setting, [
      emulator,
      ...['-machine', 'q35,accel=tcg,memory-backend=pc.ram', '-m', `${ramBytes / 2 ** 20}M`],
      ...['-object', `memory-backend-ram,id=pc.ram,size=${ramBytes}`],
      ...['-display', 'none', '-nodefaults', '-S', '-qmp', `unix:${socket},server=on,wait=off`],
      ...['-chardev', `file,id=serial,path=${options.serial},append=on`],
      ...['-serial', 'chardev:serial'],
      ...guestArgv('tiny'),
      ...(options.incoming ? ['-incoming', 'defer'] : []),
    ])
    const child = spawn(program, argv, { stdio: ['ignore', 'ignore', 'inherit'] })
    return new BareMachine(child, await connect(socket, child), options.serial)
  }

  /** Runs the guest and fills its memory. */
  async runAndFill(setting: BenchSetting): Promise<void> {
    await this.qmp.execute('cont')
    await this.#log.advance(2)
    await fillGuest(this.pid, setting)
  }

  /** Asserts that the guest runs, and has lost and repeated nothing. */
  async assertGoesOn(): Promise<void> {
    await this.#log.advance(1)
    await this.#log.assertUnbroken()
  }

  /** Processor seconds that QEMU has used. */
  processorSeconds(): number {
    return processorSecondsOf(this.pid)
  }

  /** Waits for the end of a migration. */
  async migrated(): Promise<void> {
    for (;;) {
      const { status } = await this.qmp.execute('query-migrate')
      if (status === 'completed') return
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
