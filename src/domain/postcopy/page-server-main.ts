import { inspect } from 'node:util'
import { appendToLog } from '../../io/records/log-file.ts'
import { type RuntimePaths, runtimePaths } from '../store/runtime-paths.ts'
import type { PageServerCall } from './page-server-call.ts'

/** A successor runs the same program. */
const program: string = import.meta.filename

/** The log of a server that started before its domain was known; other processes write to their standard error. */
let log: string | undefined

/**
 * The program of the processes that `restore --mode lazy` leaves behind until all memory is loaded. Its one argument is a
 * `PageServerCall` in JSON. Users do not call it, and it loads nothing of the command line.
 */
void main()

async function main(): Promise<void> {
  const interrupted = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(name, () => interrupted.abort(new Error(`Received ${name}`)))
  const call = JSON.parse(process.argv[2] ?? '{}') as PageServerCall
  try {
    await (call.name === undefined
      ? takeOver(call, interrupted.signal)
      : run(call, pathsOf(call, call.name), interrupted.signal))
  } catch (error) {
    const text = `${inspect(error)}\n`
    if (log === undefined) process.stderr.write(text)
    else appendToLog(log, text)
    process.exitCode = 1
  }
}

/** A server that is to take over learns its domain when the restore is recorded. */
async function takeOver(call: PageServerCall, signal: AbortSignal): Promise<void> {
  const { id, inherited } = call
  if (inherited?.handOver === undefined) return
  const { servePages, waitUntilRecorded } = await import('./serve-pages.ts')
  const recorded = await waitUntilRecorded(inherited.handOver, signal)
  if (recorded === undefined) return
  const { name, channel } = recorded
  const paths = pathsOf(call, name)
  log = paths.pageServerLog
  await servePages(paths, { program, id, inherited, channel, signal })
}

async function run(
  { id, part, inherited }: PageServerCall,
  paths: RuntimePaths,
  signal: AbortSignal,
): Promise<void> {
  // Each part loads only what it needs: a guest waits for the server.
  if (part === 'server') {
    const { servePages } = await import('./serve-pages.ts')
    await servePages(paths, { program, id, inherited, signal })
  } else {
    const { superviseServers } = await import('./supervise-servers.ts')
    const { monitor: monitorFd, image: imageFd } = inherited ?? {}
    await superviseServers(paths, { program, id, monitorFd, imageFd, signal })
  }
}

function pathsOf({ runtimeDir }: PageServerCall, name: string): RuntimePaths {
  return runtimePaths({ stateDir: runtimeDir, runtimeDir }, name)
}
