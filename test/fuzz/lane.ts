import { mkdirSync, openSync, readFileSync, readdirSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Finding, Campaign, type Tally } from './campaign.ts'
import { Guard } from './guard.ts'
import { PARSERS } from './parser-table.ts'
import { TOYS } from './toys.ts'

/** What a lane is asked to do: the argument of this program, as JSON. */
export interface LaneJob {
  readonly parser: string
  readonly seed: number
  /** A directory in memory for this lane: its files, and `current`: the length of the present input, the number of the run, the input. */
  readonly directory: string
  /** Inputs of earlier runs; new ones are added. */
  readonly corpusDirectory: string
  readonly runs?: number | undefined
  readonly seconds?: number | undefined
  /** Runs only this input. */
  readonly input?: string | undefined
}

/** What a lane tells: its progress, and each finding when it happens. */
export type LaneMessage =
  | { readonly type: 'progress' | 'end'; readonly tally: Tally }
  | { readonly type: 'finding'; readonly finding: Omit<Finding, 'input'>; readonly input: string }

const MAX_CORPUS = 2000

async function main(job: LaneJob): Promise<void> {
  const parser = [...PARSERS, ...TOYS].find(({ name }) => name === job.parser)
  if (parser === undefined) throw new Error(`there is no parser ${job.parser}`)
  const guard = new Guard()
  await guard.install()
  const directory = join(job.directory, 'files')
  mkdirSync(directory, { recursive: true })
  mkdirSync(job.corpusDirectory, { recursive: true })
  const current = openSync(join(job.directory, 'current'), 'w')
  const kept = readdirSync(job.corpusDirectory)
  const only = job.input === undefined ? undefined : readFileSync(job.input)
  let told = 0
  let runs = 0
  const campaign = new Campaign(only === undefined ? parser : { ...parser, seeds: () => [only] }, {
    seed: job.seed,
    bench: { directory },
    guard,
    corpus:
      only === undefined ? kept.map((name) => readFileSync(join(job.corpusDirectory, name))) : [],
    runs: only === undefined ? job.runs : 1,
    deadlineMs: job.seconds === undefined ? undefined : performance.now() + job.seconds * 1000,
    onRun: (input) => {
      runs += 1
      const length = Buffer.alloc(8)
      length.writeUInt32LE(input.length)
      length.writeUInt32LE(runs, 4)
      writeSync(current, Buffer.concat([length, input]), 0, length.length + input.length, 0)
    },
    onKept: (input) => {
      if (kept.push('') <= MAX_CORPUS)
        writeFileSync(join(job.corpusDirectory, `${job.seed}-${kept.length}`), input)
    },
    onFinding: ({ input, ...finding }) =>
      send({ type: 'finding', finding, input: Buffer.from(input).toString('base64') }),
    onProgress: (tally) => {
      if (performance.now() - told < 500) return
      told = performance.now()
      send({ type: 'progress', tally })
    },
  })
  send({ type: 'end', tally: await campaign.run() })
  process.disconnect()
}

function send(message: LaneMessage): void {
  process.send?.(message)
}

await main(JSON.parse(process.argv[2] ?? '') as LaneJob)
