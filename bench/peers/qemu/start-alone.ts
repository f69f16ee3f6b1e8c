import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { readRecord } from '../../../src/domain/store/runtime-record.ts'
import { runtimePaths } from '../../../src/domain/store/runtime-paths.ts'
import { connectWhenReady } from '../../../src/qemu/process/await-monitor.ts'
import type { Measurement } from '../../rounds/measurement.ts'

/** The command line of the QEMU of a running domain. */
export async function commandLineOf(stateDir: string, name: string): Promise<readonly string[]> {
  const paths = runtimePaths({ stateDir, runtimeDir: join(stateDir, 'run') }, name)
  return (await readRecord(paths))?.commandLine ?? []
}

/** Starts the same QEMU with empty memory, until its guest runs. */
export async function startAlone(
  directory: string,
  commandLine: readonly string[],
): Promise<Measurement> {
  const [program = '', ...argv] = commandLine
  const socket = join(directory, `alone-${process.hrtime.bigint()}`)
  const start = performance.now()
  const qmp = ['-qmp', `unix:${socket},server=on,wait=off`]
  const child = spawn(program, [...withEmptyMemory(argv), ...qmp], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  const { signal } = new AbortController()
  await using control = await connectWhenReady(socket, {
    ...{ signal, timeoutMs: 60_000 },
    processTail: () => '',
  })
  await control.execute('cont')
  const seconds = (performance.now() - start) / 1000
  child.kill('SIGKILL')
  await ended
  return { seconds }
}

/** Without waiting for a machine, and with memory of its own in place of a mapped file. */
function withEmptyMemory(argv: readonly string[]): readonly string[] {
  const incoming = argv.indexOf('-incoming')
  return argv
    .filter((_, index) => incoming === -1 || (index !== incoming && index !== incoming + 1))
    .map((argument) => {
      if (!argument.includes('"memory-backend-file"')) return argument
      const { id, size } = JSON.parse(argument) as { readonly id: string; readonly size: number }
      return JSON.stringify({ 'qom-type': 'memory-backend-ram', id, size })
    })
}
