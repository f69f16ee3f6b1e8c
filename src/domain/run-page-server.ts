import { basename, dirname } from 'node:path'
import type { PageServerCall } from './page-server-process.ts'
import { runtimePaths } from './runtime-paths.ts'

/** Is one of the two processes of a page server. @throws StasisError */
export async function runPageServer(call: PageServerCall, signal: AbortSignal): Promise<void> {
  const { directory, id, part, inherited } = call
  const runtimeDir = dirname(directory)
  const paths = runtimePaths({ stateDir: runtimeDir, runtimeDir }, basename(directory))
  // Each loads only what it needs: a guest waits for the server.
  if (part === 'server')
    await (await import('./serve-pages.ts')).servePages(paths, { id, inherited, signal })
  else {
    const { superviseFill } = await import('./supervise-fill.ts')
    await superviseFill(paths, { id, monitorFd: inherited?.monitor, signal })
  }
}
