/**
 * Checks the rules of ARCHITECTURE.md over src/: `node scripts/check-imports.ts [ROOT]`. Imports run downwards and in no circle,
 * only some rooms have effects, and the program uses what it exports.
 * Prints `file:line sentence` for each fault; the exit code is 1 if there is one.
 */
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { circlesOf } from './import-rule/circles.ts'
import { faultsOf } from './import-rule/faults.ts'
import { unusedExportsOf } from './import-rule/unused-exports.ts'

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'))
const files = globSync('{src,test,bench,demo,scripts}/**/*.ts', {
  cwd: root,
  exclude: ['**/node_modules/**'],
}).sort()
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const faults = [
  ...[...texts].flatMap(([file, text]) => faultsOf(file, text)),
  ...circlesOf(texts),
  ...unusedExportsOf(texts),
]
for (const { file, line, advice } of faults) console.error(`${file}:${line} ${advice}`)
process.exitCode = faults.length === 0 ? 0 : 1
