import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import { LATE_REQUIRE, atFirstUse } from './at-first-use.ts'
import { ENTRY, LOOKING, STATE, programsIn } from './programs.ts'
import { STAND_INS } from './stand-ins.ts'
import { xmlEntities } from './xml-entities.ts'

/** A file that was changed in the tick in which this one was made might look older. */
const TICK_SECONDS = 1

/**
 * Makes one CommonJS file of each program in `directory`, named as its source: Node starts one such file in half the time that
 * hundreds of modules take (notes/node/start-up.md). Programs that run them meanwhile have the old files or the new ones.
 * `directory/made` is at least as old as the sources were when they were read.
 */
export async function bundlePrograms(root: string, directory: string): Promise<void> {
  const beganSeconds = Date.now() / 1000 - TICK_SECONDS
  const programs = programsIn(root)
  const names = new Set(programs.map((program) => basename(program)))
  if (names.size < programs.length)
    throw new Error(`two programs have the same name: ${programs.join(', ')}`)
  const late = atFirstUse(root)
  const shared = { ...COMMON, absWorkingDir: root, outdir: directory, plugins: [late, xmlEntities] }
  const made = await Promise.all([
    build({
      ...shared,
      entryPoints: [ENTRY],
      target: 'node18',
      banner: { js: `#!/usr/bin/env node\n${COMMON.banner.js}` },
    }),
    build({
      ...shared,
      entryPoints: [LOOKING, STATE],
      plugins: [...STAND_INS, late, xmlEntities],
    }),
    build({ ...shared, entryPoints: [...programs] }),
  ])
  mkdirSync(directory, { recursive: true })
  for (const { path, contents } of made.flatMap(({ outputFiles }) => outputFiles))
    replace(path, contents)
  const stamp = join(directory, 'made')
  writeFileSync(stamp, '')
  utimesSync(stamp, beganSeconds, beganSeconds)
}

const COMMON = {
  write: false,
  bundle: true,
  // Without the project's `paths`, which are for types.
  tsconfigRaw: { compilerOptions: { strict: true, verbatimModuleSyntax: true } },
  platform: 'node',
  target: 'node24',
  // A function that is called at once: it runs as a CommonJS module and as a script (`src/io/code-cache.ts`).
  format: 'iife',
  entryNames: '[name]',
  outExtension: { '.js': '.cjs' },
  // Names stay, for stack traces and for errors that take their name from their class.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 200,
  sourcemap: 'linked',
  sourcesContent: false,
  charset: 'ascii',
  define: {
    'import.meta.url': 'importMeta.url',
    'import.meta.filename': '__filename',
    'import.meta.dirname': '__dirname',
    // `performance` takes a millisecond to load. Only differences of its times are used.
    'performance.now': 'monotonicMs',
  },
  banner: {
    // Strict, as modules are: only the first statement can say so.
    js: "'use strict'; const importMeta = { get url() { return require('node:url').pathToFileURL(__filename).href } }; const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6; ((require) => {",
  },
  footer: { js: `})(${LATE_REQUIRE}(require));` },
  logLevel: 'warning',
} as const satisfies BuildOptions

function replace(path: string, contents: Uint8Array): void {
  const partial = `${path}.${process.pid}`
  writeFileSync(partial, contents, { mode: basename(path) === 'entry.cjs' ? 0o755 : 0o644 })
  renameSync(partial, path)
}
