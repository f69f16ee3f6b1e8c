import { basename, dirname } from 'node:path'
import type { PageServerPart } from './page-server-process.ts'
import { runtimePaths } from './runtime-paths.ts'
import { servePages } from './serve-pages.ts'
import { superviseFill } from './supervise-fill.ts'

/** Is one of the two processes of a page server, for the domain with that runtime directory. @throws StasisError */
export async function runPageServer(
  directory: string,
  part: PageServerPart,
  options: { readonly recover: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const runtimeDir = dirname(directory)
  const paths = runtimePaths({ stateDir: runtimeDir, runtimeDir }, basename(directory))
  await (part === 'server' ? servePages(paths, options) : superviseFill(paths, options))
}
