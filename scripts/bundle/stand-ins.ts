import { join } from 'node:path'
import type { Plugin } from 'esbuild'

/** What takes the place of a module in the bundles of the verbs that only look. A stand-in itself may import what it stands for. */
export const STAND_INS: readonly Plugin[] = [
  standIn(/^node:fs\/promises$/, 'synchronous-files.ts'),
  standIn(/^node:net$/, 'monitor-socket.ts'),
  standIn(/^commander$/, 'plain-command-line.ts'),
  standIn(/\/save-intent\.ts$/, 'killed-saves.ts'),
]

function standIn(name: RegExp, file: string): Plugin {
  const path = join(import.meta.dirname, 'stand-ins', file)
  return {
    name: file,
    setup(build) {
      build.onResolve({ filter: name }, ({ importer }) =>
        importer === path ? undefined : { path },
      )
    },
  }
}
