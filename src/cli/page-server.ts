import { inspect } from 'node:util'
import type { PageServerCall } from '../domain/page-server-process.ts'
import { runPageServer } from '../domain/run-page-server.ts'

/**
 * The door of the processes that `restore --mode lazy` leaves behind until all memory is there; their one argument is a
 * `PageServerCall` in JSON. Nobody calls it by hand, and it loads nothing of the other doors.
 */
const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(name, () => interrupted.abort(new Error(`Received ${name}`)))
try {
  await runPageServer(JSON.parse(process.argv[2] ?? '{}') as PageServerCall, interrupted.signal)
} catch (error) {
  process.stderr.write(`${inspect(error)}\n`)
  process.exitCode = 1
}
