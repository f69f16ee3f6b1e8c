/** Makes the bundles of the command line and of the programs that it starts: `node scripts/bundle-programs.ts DIRECTORY`. */
import { join, resolve } from 'node:path'
import { bundlePrograms } from './bundle/bundle.ts'

const [directory] = process.argv.slice(2)
if (directory === undefined)
  throw new Error('say where to: node scripts/bundle-programs.ts DIRECTORY')
try {
  await bundlePrograms(join(import.meta.dirname, '..'), resolve(directory))
} catch (error) {
  // esbuild has printed what is wrong with the sources.
  if (!(error instanceof Error && 'errors' in error)) throw error
  process.exitCode = 1
}
