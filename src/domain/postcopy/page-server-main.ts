import { inspect } from 'node:util'
import { runtimePaths } from '../store/runtime-paths.ts'
import type { PageServerCall } from './page-server-call.ts'

/**
 * The program of the processes that `restore --mode lazy` leaves behind until all memory is loaded. Its one argument is a
 * `PageServerCall` in JSON. Users do not call it, and it loads nothing of the command line.
 */
void main()

async function main(): Promise<void> {
  const interrupted = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(name, () => interrupted.abort(new Error(`Received ${name}`)))
  try {
    await run(JSON.parse(process.argv[2] ?? '{}') as PageServerCall, interrupted.signal)
  } catch (error) {
    process.stderr.write(`${inspect(error)}\n`)
    process.exitCode = 1
  }
}

async function run(call: PageServerCall, signal: AbortSignal): Promise<void> {
  const { name, runtimeDir, id, part, inherited } = call
  // A successor runs the same program.
  const program = import.meta.filename
  const paths = runtimePaths({ stateDir: runtimeDir, runtimeDir }, name)
  // Each part loads only what it needs: a guest waits for the server.
  if (part === 'server') {
    const { servePages } = await import('./serve-pages.ts')
    await servePages(paths, { program, id, inherited, signal })
  } else {
    const { superviseServers } = await import('./supervise-servers.ts')
    await superviseServers(paths, {
      program,
      id,
      monitorFd: inherited?.monitor,
      imageFd: inherited?.image,
      signal,
    })
  }
}
