import { basename, dirname } from 'node:path'
import type { PageServerPart } from './page-server-process.ts'
import { runtimePaths } from './runtime-paths.ts'

/** Is one of the two processes of a page server, for the domain with that runtime directory. @throws StasisError */
export async function runPageServer(
  directory: string,
  part: PageServerPart,
  options: { readonly recover: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const runtimeDir = dirname(directory)
  const paths = runtimePaths({ stateDir: runtimeDir, runtimeDir }, basename(directory))
  // Each loads only what it needs: a guest waits for the server, which waits for the supervisor.
  if (part === 'server') await (await import('./serve-pages.ts')).servePages(paths, options)
  else await (await import('./supervise-fill.ts')).superviseFill(paths, options)
}
