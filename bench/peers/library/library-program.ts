// Imports the library, says so, waits for the words of a save or a restore, and answers with what that cost: see library-act.ts.
import { parseArgs } from 'node:util'
import type * as Library from '../../../src/index.ts'
import type { CommandCost } from '../../host/command-cost.ts'
import { peakOf } from '../../host/processes.ts'

const { restoreDomain, saveDomain } = (await import(process.argv[2] ?? '')) as typeof Library

async function act(words: readonly string[]): Promise<{ readonly timing: object }> {
  const { positionals, values } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      mode: { type: 'string' },
      'parallel-compression': { type: 'string' },
      json: { type: 'boolean' },
    },
  })
  const [verb, first = '', second = ''] = positionals
  const stateDir = process.env['STASIS_STATE_DIR']
  if (verb === 'restore')
    return restoreDomain(first, { stateDir, mode: values.mode as Library.RestoreOptions['mode'] })
  const compression = values['parallel-compression'] as Library.SaveOptions['compression']
  return saveDomain(first, second, { stateDir, compression })
}

async function answer(words: readonly string[]): Promise<void> {
  const processorBefore = process.cpuUsage()
  const start = performance.now()
  const { timing } = await act(words)
  const wallMs = performance.now() - start
  const endedAt = Date.now()
  const { user, system } = process.cpuUsage(processorBefore)
  const cost: CommandCost = {
    ...{ wallMs, endedAt, processorMs: (user + system) / 1000 },
    // Not `maxRSS`, which begins with that of the process that started this one.
    peakBytes: peakOf(process.pid),
    stdout: JSON.stringify({ timing }),
  }
  process.send?.(cost)
}

process.once('message', (words: readonly string[]) => void answer(words))
process.send?.('ready')
