import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** Until a program that waits for an event has asked for it. */
const REGISTERED_MS = 500

/** Waits beside a command for the stop of the guest. */
export class StopEvent implements Disposable {
  readonly #child: ReturnType<typeof spawn>
  #output = ''

  private constructor(command: readonly string[]) {
    const [program = '', ...args] = command
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    this.#child.stdout?.on('data', (data: Buffer) => (this.#output += data.toString('latin1')))
  }

  /** `command` prints a line with a time, such as `virsh qemu-monitor-event --timestamp`. */
  static async watch(command: readonly string[]): Promise<StopEvent> {
    const event = new StopEvent(command)
    await sleep(REGISTERED_MS)
    return event
  }

  /** Milliseconds since 1970; `undefined` if the guest did not stop. */
  get stoppedAt(): number | undefined {
    const [date, time] = this.#output.split(' ')
    const at = Date.parse(`${date}T${time?.replace(/(\+\d\d)(\d\d):$/, '$1:$2')}`)
    return Number.isNaN(at) ? undefined : at
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }
}
