import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { QmpConnection } from '../../../src/qmp/connection.ts'
import type { Span } from './guest-progress.ts'

/** Notes when a guest is stopped and resumed, by QEMU's clock. */
export interface StopTimes extends AsyncDisposable {
  /** The longest stop; one that has not ended ends at `endMs`. `undefined` if there was none. */
  longest(endMs: number): Promise<Span | undefined>
}

/** Listens at a monitor that nothing else uses. */
export async function stopsAtMonitor(socket: string): Promise<StopTimes> {
  const monitor = await QmpConnection.connect(socket)
  return { ...stopsOf(monitor), [Symbol.asyncDispose]: () => monitor.close() }
}

/** Listens at an open monitor. */
export function stopsOf(monitor: QmpConnection): StopTimes {
  const events = monitor.listen('STOP', 'RESUME')
  return {
    async longest(endMs) {
      const stops: Span[] = []
      let fromMs: number | undefined
      for (;;) {
        // A save has ended QEMU.
        const event = await events.next({ timeoutMs: 200 }).catch(() => undefined)
        if (event === undefined) return longestOf([...stops, ...open(fromMs, endMs)])
        if (event.name === 'STOP') fromMs = event.timeMs
        else if (fromMs !== undefined) {
          stops.push({ fromMs, toMs: event.timeMs })
          fromMs = undefined
        }
      }
    },
    [Symbol.asyncDispose]: async () => events[Symbol.dispose](),
  }
}

/** Listens with `virsh qemu-monitor-event --loop --timestamp`. */
export async function stopsByCommand(command: readonly string[]): Promise<StopTimes> {
  const [program = '', ...args] = command
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString('latin1')))
  await sleep(500)
  return {
    async longest(endMs) {
      await sleep(300)
      const stops: Span[] = []
      let fromMs: number | undefined
      for (const line of output.split('\n')) {
        const [, date, time, zone, name] =
          /^(\S+) (\S+?)([+-]\d{4}): event (STOP|RESUME)/.exec(line) ?? []
        if (date === undefined || zone === undefined) continue
        const timeMs = Date.parse(`${date}T${time}${zone.replace(/(\d\d)$/, ':$1')}`)
        if (name === 'STOP') fromMs = timeMs
        else if (fromMs !== undefined) {
          stops.push({ fromMs, toMs: timeMs })
          fromMs = undefined
        }
      }
      return longestOf([...stops, ...open(fromMs, endMs)])
    },
    [Symbol.asyncDispose]: async () => void child.kill('SIGKILL'),
  }
}

function open(fromMs: number | undefined, toMs: number): readonly Span[] {
  return fromMs === undefined ? [] : [{ fromMs, toMs }]
}

function longestOf(stops: readonly Span[]): Span | undefined {
  return stops.toSorted((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs))[0]
}
