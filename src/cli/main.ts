import { availableParallelism } from 'node:os'
import { errorObject, errorText } from './reports/error.ts'
import { exitCodeOf } from './reports/exit-code.ts'
import { interruptionSignal } from './terminal/interruption.ts'
import { Output } from './terminal/output.ts'
import { runProgram } from './program.ts'

// Compression and direct I/O run on libuv's pool, which reads this at its first use: one thread for each core, and some more that wait for the disk.
process.env['UV_THREADPOOL_SIZE'] ??= String(availableParallelism() + 6)

const argv = process.argv.slice(2)
const json = argv.includes('--json')
const output = new Output(
  () => process.stdout,
  () => process.stderr,
)

void main()

async function main(): Promise<void> {
  try {
    const answer = await runProgram(argv, { output, signal: interruptionSignal(output) })
    if (answer !== undefined && json) output.json(answer.json)
    else if (answer !== undefined && answer.text !== '') output.result(answer.text)
  } catch (error) {
    const debug = process.env['STASIS_DEBUG'] !== undefined && process.env['STASIS_DEBUG'] !== ''
    output.note(json ? JSON.stringify(errorObject(error)) : errorText(error, { debug }))
    process.exitCode = exitCodeOf(error)
  }
}
