import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What a whole command cost, from its start to its end. */
export interface CommandCost {
  readonly wallMs: number
  /** Milliseconds since 1970. */
  readonly endedAt: number
  /** User and system time of the command and of all processes that it waited for. */
  readonly processorMs: number
  /** The most memory that one of these processes had. */
  readonly peakBytes: number
  readonly stdout: string
}

/** Runs a command in a process of its own, which measures it, so that peaks of other commands do not count. */
export async function commandCost(
  command: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<CommandCost> {
  const argv = ['--disable-warning=ExperimentalWarning', import.meta.filename, ...command]
  const { stdout } = await run(process.execPath, argv, { env, maxBuffer: 64 * 1024 * 1024 })
  return JSON.parse(stdout) as CommandCost
}

if (process.argv[1] === import.meta.filename) {
  const { costOf, peakOfChildren } = await import('./child-cost.ts')
  const cost = costOf(process.argv.slice(2))
  console.log(JSON.stringify({ ...cost, peakBytes: peakOfChildren() }))
}
