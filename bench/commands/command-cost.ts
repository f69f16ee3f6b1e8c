import { spawnSync } from 'node:child_process'

/** What a whole command cost, from its start to its end. */
export interface CommandCost {
  readonly wallMs: number
  /** User and system time of the command and of all processes that it waited for. */
  readonly processorMs: number
  /** The most memory that one of these processes had. */
  readonly peakBytes: number
}

/** Runs a command in a process of its own, which measures it, so that peaks of other commands do not count. */
export function commandCost(command: readonly string[], env: NodeJS.ProcessEnv): CommandCost {
  const { stdout, status, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', import.meta.filename, ...command],
    { env, encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
  return JSON.parse(stdout) as CommandCost
}

if (process.argv[1] === import.meta.filename) {
  const { costOf, peakOfChildren } = await import('../child-cost.ts')
  const cost = costOf(process.argv.slice(2))
  console.log(JSON.stringify({ ...cost, peakBytes: peakOfChildren() }))
}
