import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { CounterLog } from '../counter-log.ts'
import { domainXml } from '../domain-xml.ts'
import { type CommandResult, startStasis } from '../stasis-command.ts'
import { type TempDir, tempDir } from '../temp-dir.ts'

/** A directory with the domain `tiny`, whose guest counts, and the commands on it. */
export interface FaultBed extends AsyncDisposable {
  readonly dir: TempDir
  readonly stateDir: string
  readonly log: CounterLog
  readonly run: (
    argv: readonly string[],
    env?: Readonly<Record<string, string>>,
  ) => Promise<CommandResult>
  /** `run`, and a failure is an error. */
  readonly must: (...argv: readonly string[]) => Promise<string>
  readonly state: () => Promise<string>
  /** Digest of a file; `undefined` when there is none. */
  readonly digest: (name: string) => string | undefined
  /** Files and processes that no command should have left. */
  readonly litter: () => readonly string[]
  /** Ends all its processes, as a power cut does. */
  readonly cutPower: () => Promise<void>
}

/** No operation on so small a guest takes this long, even on a busy machine. */
const MOST_MS = 180_000

export async function makeFaultBed(emulator: string): Promise<FaultBed> {
  const dir = await tempDir()
  const stateDir = dir.join('state')
  const serial = { type: 'file', path: dir.join('serial') } as const
  const log = new CounterLog(serial.path)
  const run: FaultBed['run'] = async (argv, env = {}) => {
    const { child, ended } = startStasis(stateDir, argv, env)
    const timer = setTimeout(() => child.kill('SIGKILL'), MOST_MS)
    const result = await ended
    clearTimeout(timer)
    return child.signalCode === null
      ? result
      : { ...result, stderr: `${result.stderr}\nno end within ${MOST_MS} ms` }
  }
  const must: FaultBed['must'] = async (...argv) => {
    const { exitCode, stdout, stderr } = await run(argv)
    if (exitCode !== 0) throw new Error(`${argv.join(' ')}: exit code ${exitCode}: ${stderr}`)
    return stdout
  }
  const xml = domainXml({ name: 'tiny', guest: 'tiny', emulator, serial })
  await writeFile(dir.join('tiny.xml'), xml)
  await writeFile(
    dir.join('other.xml'),
    xml.replace('</name>', '</name><description>other</description>'),
  )
  await mkdir(stateDir, { mode: 0o700 })
  await must('define', dir.join('tiny.xml'))
  return {
    dir,
    stateDir,
    log,
    run,
    must,
    state: async () => (await must('domstate', 'tiny')).trim(),
    digest: (name) => {
      const path = dir.join(name)
      return existsSync(path)
        ? createHash('sha256').update(readFileSync(path)).digest('hex')
        : undefined
    },
    litter: () => [...filesLeft(dir.path), ...strayProcesses(dir.path, stateDir)],
    cutPower: () => endAll(dir.path),
    async [Symbol.asyncDispose](): Promise<void> {
      await run(['destroy', 'tiny'])
      await endAll(dir.path)
      await rm(dir.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
}

/** All processes, except the QEMU of a domain that has a record. */
function strayProcesses(directory: string, stateDir: string): readonly string[] {
  return processesOf(directory).slice(existsSync(`${stateDir}/run/tiny/process.json`) ? 1 : 0)
}

/** Files with the names of unfinished ones, and what a domain that does not run has in the runtime directory. */
function filesLeft(directory: string): readonly string[] {
  const names = readdirSync(directory, { recursive: true }) as string[]
  const runs = processesOf(directory).length > 0
  return names.filter((name) => {
    if (/(^|\/)\.[^/]+$/.test(name) || name.includes('.partial')) return true
    if (!name.startsWith('state/run/')) return false
    return !runs || /\/(job\.json|job-abort|stream\.sock)$/.test(name)
  })
}

/** `PID COMMAND` of the processes whose command line names a directory, QEMU first. */
function processesOf(directory: string): readonly string[] {
  const found: string[] = []
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
      if (command.includes(directory)) found.push(`${pid} ${command.slice(0, 80)}`)
    } catch {
      // It has ended.
    }
  }
  return found.toSorted((a, b) => Number(b.includes('qemu')) - Number(a.includes('qemu')))
}

async function endAll(directory: string): Promise<void> {
  for (let left = processesOf(directory); left.length > 0; left = processesOf(directory)) {
    for (const line of left) kill(Number.parseInt(line, 10))
    await delay(10)
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
