import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Finding, Tally } from './campaign.ts'
import { MEMORY_LIMIT } from './guard.ts'
import type { LaneJob, LaneMessage } from './lane.ts'

/** A parser that takes longer than this for one input hangs. */
const HANG_MS = 5000

/** On a machine that is busy with other things it may take so many times as long. */
const BUSY = 6

/** What Node itself, the corpus and the inspector take. */
const OWN_MEMORY = 768 * 1024 ** 2

const CLOCK_TICK_MS = 10

/** What one campaign of a lane gave. */
export interface LaneResult {
  readonly tally: Tally
  readonly findings: readonly Finding[]
}

/**
 * Runs a campaign in a process of its own and watches it: an input that takes more than five seconds or a GiB of memory, or ends the process, is a
 * finding, and the campaign continues in a new process with other random numbers.
 */
export async function watchLane(
  job: Omit<LaneJob, 'directory'>,
  { hangMs = HANG_MS }: { readonly hangMs?: number } = {},
): Promise<LaneResult> {
  const findings: Finding[] = []
  const tallies: Tally[] = []
  const endMs = performance.now() + (job.seconds ?? Infinity) * 1000
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    const seconds = job.seconds === undefined ? undefined : (endMs - performance.now()) / 1000
    const runs = job.runs === undefined ? undefined : job.runs - sum(tallies, 'runs')
    if ((seconds ?? 1) <= 0 || (runs ?? 1) <= 0) break
    const lane = new Lane({ ...job, seed: job.seed + turn * 7919, seconds, runs }, hangMs)
    const fault = await lane.ended()
    for (const finding of lane.findings)
      if (!findings.some(({ key }) => key === finding.key)) findings.push(finding)
    tallies.push({ ...lane.tally, runs: Math.max(lane.tally.runs, lane.runs()) })
    if (fault === undefined) break
    const key = fault.replaceAll(/\d+/g, 'N')
    const again = findings.some((finding) => finding.key === key)
    if (!again) findings.push({ parser: job.parser, fault, key, stack: '', input: lane.current() })
    lane.remove()
    if (again) break
  }
  return { tally: added(tallies), findings }
}

const MAX_TURNS = 20

class Lane {
  readonly findings: Finding[] = []
  tally: Tally = { runs: 0, accepted: 0, corpus: 0, covered: 0, coveredBySeeds: 0, elapsedMs: 0 }
  readonly #directory: string
  readonly #hangMs: number
  readonly #child: ChildProcess
  #errors = ''
  #isOver = false

  constructor(job: Omit<LaneJob, 'directory'>, hangMs: number) {
    this.#hangMs = hangMs
    this.#directory = mkdtempSync('/dev/shm/stasis-fuzz-')
    const argument = JSON.stringify({ ...job, directory: this.#directory })
    this.#child = fork(new URL('./lane.ts', import.meta.url), [argument], {
      execArgv: [
        '--disable-warning=ExperimentalWarning',
        `--max-old-space-size=${MEMORY_LIMIT / 1024 ** 2}`,
      ],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, STASIS_ALLOW: '' },
    })
    this.#child.stderr?.on('data', (text: Buffer) => {
      if (this.#errors.length < 20_000) this.#errors += text.toString()
    })
    this.#child.on('message', (message: LaneMessage) => {
      if (message.type === 'finding')
        this.findings.push({ ...message.finding, input: Buffer.from(message.input, 'base64') })
      else this.tally = message.tally
      if (message.type === 'end') this.#isOver = true
    })
  }

  /** Waits for its end; returns what ended it, if that was not the end of its work. */
  async ended(): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string>()
    this.#child.once('close', (code, signal) =>
      resolve(`the process ended (${signal ?? code}): ${lastLine(this.#errors)}`),
    )
    let end: string | undefined
    void promise.then((text) => (end = text))
    for (let busySince = performance.now(), cpuThen = 0, mark = 0; end === undefined;) {
      await Promise.race([promise, delay(100)])
      const now = this.#mark()
      const cpu = this.#processorMs()
      if (now !== mark || now === 0) {
        mark = now
        busySince = performance.now()
        cpuThen = cpu
      }
      const waited = performance.now() - busySince
      const limit = this.#hangMs
      const hangs = waited > limit * BUSY || (waited > limit && cpu - cpuThen > limit * 0.8)
      if (hangs && end === undefined && !this.#isOver)
        return this.#kill(`hangs for more than ${limit} ms`)
      const memory = this.#memory()
      if (memory > MEMORY_LIMIT + OWN_MEMORY)
        return this.#kill(`takes ${Math.round(memory / 1024 ** 2)} MiB of memory`)
    }
    if (this.#isOver) this.remove()
    return this.#isOver ? undefined : end
  }

  /** The input that it was given last. */
  current(): Uint8Array {
    try {
      const bytes = readFileSync(join(this.#directory, 'current'))
      return bytes.subarray(8, 8 + bytes.readUInt32LE(0))
    } catch {
      return new Uint8Array(0)
    }
  }

  /** How many inputs it was given. */
  runs(): number {
    try {
      return readFileSync(join(this.#directory, 'current')).readUInt32LE(4)
    } catch {
      return 0
    }
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #kill(fault: string): string {
    this.#child.kill('SIGKILL')
    return fault
  }

  /** Changes with each run; 0 before the first. */
  #mark(): number {
    try {
      return statSync(join(this.#directory, 'current')).mtimeMs
    } catch {
      return 0
    }
  }

  #processorMs(): number {
    const fields = this.#proc('stat').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * CLOCK_TICK_MS
  }

  #memory(): number {
    return Number(this.#proc('statm').split(' ')[1] ?? 0) * 4096
  }

  #proc(name: string): string {
    try {
      return readFileSync(`/proc/${this.#child.pid}/${name}`, 'latin1')
    } catch {
      return ''
    }
  }
}

function sum(tallies: readonly Tally[], of: keyof Tally): number {
  return tallies.reduce((total, tally) => total + tally[of], 0)
}

function added(tallies: readonly Tally[]): Tally {
  const most = (of: keyof Tally): number => Math.max(0, ...tallies.map((tally) => tally[of]))
  return {
    runs: sum(tallies, 'runs'),
    accepted: sum(tallies, 'accepted'),
    corpus: most('corpus'),
    covered: most('covered'),
    coveredBySeeds: most('coveredBySeeds'),
    elapsedMs: sum(tallies, 'elapsedMs'),
  }
}

function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => /Error|FATAL|fault/.test(line))
  return lines[0] ?? ''
}
