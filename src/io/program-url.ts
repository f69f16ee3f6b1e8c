import { extname } from 'node:path'

/**
 * The file to run for a program of ours. Pass `new URL('./x.ts', import.meta.url)`, so that the import check and the bundler see
 * it. The ending becomes that of this file: `.ts` in the sources, `.js` in the library, `.cjs` in the bundles of the command line.
 */
export function programUrl(source: URL): URL {
  return new URL(source.href.replace(/\.ts$/, extname(import.meta.url)))
}
