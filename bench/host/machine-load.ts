import { readFileSync, readdirSync } from 'node:fs'

/** Clock ticks of `/proc`, per second. */
const TICKS = 100

/** What a machine did for others. */
export interface OtherLoad {
  readonly elapsedSeconds: number
  /** Processor seconds of processes that are not part of the benchmark. */
  readonly othersSeconds: number
  /** Processor seconds that the hypervisor took. */
  readonly stolenSeconds: number
}

interface Sample {
  readonly processes: ReadonlyMap<number, { readonly parent: number; readonly ticks: number }>
  readonly stolen: number
}

/** What a machine does, from now on, for processes that are not part of the benchmark. */
export class MachineLoad {
  readonly #directory: string
  readonly #start = sample()
  readonly #startMs = performance.now()

  /** What has this directory in its arguments or its environment is part of the benchmark. */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** Processor seconds since the start, and how long ago that was. */
  read(): OtherLoad {
    const { processes, stolen } = sample()
    let others = 0
    for (const [pid, { ticks }] of processes) {
      const used = ticks - (this.#start.processes.get(pid)?.ticks ?? 0)
      if (used > 0 && !this.#isOurs(pid)) others += used
    }
    // When a process ends, its parent is charged with its whole life.
    for (const [pid, { parent, ticks }] of this.#start.processes)
      if (!processes.has(pid) && parent > 1 && processes.has(parent) && !this.#isOurs(parent))
        others -= ticks
    return {
      elapsedSeconds: (performance.now() - this.#startMs) / 1000,
      othersSeconds: Math.max(0, others) / TICKS,
      stolenSeconds: (stolen - this.#start.stolen) / TICKS,
    }
  }

  #isOurs(pid: number): boolean {
    for (let one = pid; one > 1; one = parentOf(one)) {
      if (one === process.pid) return true
      const words = read(`/proc/${one}/cmdline`) + read(`/proc/${one}/environ`)
      // Beds of libvirt only run for one user at a time.
      if (words.includes(this.#directory) || words.includes('libvirtd')) return true
    }
    return isAncestor(pid)
  }
}

function sample(): Sample {
  const processes = new Map<number, { readonly parent: number; readonly ticks: number }>()
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    const fields = statOf(Number(name))
    // Kernel threads have no memory of their own; they work for whoever writes.
    if (fields.length === 0 || fields[20] === '0') continue
    // utime, stime, and those of children that have ended. The first process is charged with every QEMU of ours.
    const places = name === '1' ? [11, 12] : [11, 12, 13, 14]
    const ticks = places.reduce((sum, at) => sum + Number(fields[at]), 0)
    processes.set(Number(name), { parent: Number(fields[1]), ticks })
  }
  const cpu = read('/proc/stat').split('\n', 1)[0]?.split(/\s+/) ?? []
  return { processes, stolen: Number(cpu[8]) }
}

/** Whether the benchmark is a child, or a child of a child, of a process. */
function isAncestor(pid: number): boolean {
  for (let one = process.pid; one > 1; one = parentOf(one)) if (one === pid) return true
  return false
}

function parentOf(pid: number): number {
  return Number(statOf(pid)[1] ?? 0)
}

/** The fields of `/proc/PID/stat` behind the name of the program (Linux proc_pid_stat(5)); the state is field 0. */
function statOf(pid: number): readonly string[] {
  return read(`/proc/${pid}/stat`).split(') ').at(-1)?.trim().split(' ').filter(Boolean) ?? []
}

/** Empty if the process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
