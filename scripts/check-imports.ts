/**
 * Checks the import rule of ARCHITECTURE.md over src/: `node scripts/check-imports.ts [ROOT]`.
 * Prints `file:line sentence` for each fault; exit code 1 when there is one.
 */
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { faultsOf } from './import-rule/faults.ts'

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'))
const faults = globSync('src/**/*.ts', { cwd: root })
  .sort()
  .flatMap((file) => faultsOf(file, readFileSync(join(root, file), 'utf8')))
for (const { file, line, advice } of faults) console.error(`${file}:${line} ${advice}`)
process.exitCode = faults.length === 0 ? 0 : 1
