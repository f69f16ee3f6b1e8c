import { readFileSync, readdirSync } from 'node:fs'

/** Clock ticks of `/proc`, per second. */
const TICKS = 100

/** Processor seconds of a process so far; with those of its children that have ended if asked for. */
export function processorSecondsOf(pid: number, withChildren = false): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? []
  const places = withChildren ? [11, 12, 13, 14] : [11, 12]
  return places.reduce((sum, at) => sum + Number(fields[at]), 0) / TICKS
}

/** The most memory that a process had so far (`VmHWM`, Linux proc_pid_status(5)). */
export function peakOf(pid: number): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
  return Number(kib ?? 0) * 1024
}

/** Watches processes that end before their figures could be read. */
export class ProcessWatch implements Disposable {
  readonly #timer: NodeJS.Timeout
  #qemuSeconds = 0
  #peakBytes = 0

  /** `qemu`: its processor time is read. `daemon`: the peak of it and of its children, without QEMU. */
  constructor(qemu: number | undefined, daemon: number | undefined) {
    const start = qemu === undefined ? 0 : processorSecondsOf(qemu)
    this.#timer = setInterval(() => {
      try {
        if (qemu !== undefined) this.#qemuSeconds = processorSecondsOf(qemu) - start
        if (daemon === undefined) return
        const peaks = [daemon, ...childrenOf(daemon)].map(peakOf)
        this.#peakBytes = Math.max(this.#peakBytes, ...peaks)
      } catch {
        // One has ended.
      }
    }, 50)
  }

  /** Of QEMU, since the start of the watch. */
  get qemuSeconds(): number {
    return this.#qemuSeconds
  }

  get peakBytes(): number {
    return this.#peakBytes
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' '))
    .filter((child) => child.trim() !== '' && !isQemu(Number(child)))
    .map(Number)
}

function isQemu(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'latin1').startsWith('qemu-system')
}
