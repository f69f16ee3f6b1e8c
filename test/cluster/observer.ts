import { readFileSync, readdirSync } from 'node:fs'

/** Counts the QEMUs of each guest over all nodes, ten times a second, as long as its scope lasts. */
export class Observer implements Disposable {
  readonly #timer: NodeJS.Timeout
  readonly #most = new Map<string, number>()
  readonly #folder: string
  #samples = 0
  readonly #doubles: string[] = []

  /** Of a bed, by its folder. */
  constructor(folder: string) {
    this.#folder = folder
    this.#timer = setInterval(() => this.#sample(), 100)
  }

  /** How often it has looked. */
  get samples(): number {
    return this.#samples
  }

  /** The largest number of QEMUs that a guest had at once. */
  most(guest: string): number {
    return this.#most.get(guest) ?? 0
  }

  /** When and where a guest had two. */
  get doubles(): readonly string[] {
    return this.#doubles
  }

  #sample(): void {
    this.#samples++
    const found = new Map<string, number[]>()
    for (const { guest, pid } of runningGuests(this.#folder))
      found.set(guest, [...(found.get(guest) ?? []), pid])
    for (const [guest, pids] of found) {
      this.#most.set(guest, Math.max(this.most(guest), pids.length))
      if (pids.length > 1)
        this.#doubles.push(`${new Date().toISOString()} ${guest}: ${pids.join(' ')}`)
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

/** Every QEMU of this machine whose guest has its disk in a folder, in whatever namespace. */
export function runningGuests(
  folder: string,
): readonly { readonly guest: string; readonly pid: number }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const line = commandLine(pid)
      if (!line.includes(`${folder}/`)) return []
      const [, guest] = /\0-name\0guest=([^,\0]+)/.exec(line) ?? []
      return guest === undefined ? [] : [{ guest, pid: Number(pid) }]
    })
}

function commandLine(pid: string): string {
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
    return /^[^\0]*qemu/.test(text) ? text : ''
  } catch {
    return ''
  }
}
