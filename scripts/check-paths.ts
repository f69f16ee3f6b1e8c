/**
 * Checks that every path of this repository that a document or a comment names exists: `node scripts/check-paths.ts [ROOT]`.
 * Prints `file:line sentence` for each that does not; the exit code is 1 if there is one.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { type NamedPath, pathsInComments, pathsInDocument } from './named-paths.ts'

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'))
const find = (pattern: string): readonly string[] =>
  globSync(pattern, { cwd: root, exclude: ['**/node_modules/**', '.cache/**', 'dist/**'] }).sort()
const sources = find('{src,test,bench,demo,scripts}/**/*.ts')
const names = new Set(sources.map((file) => basename(file)))

function exists({ text, places }: NamedPath): boolean {
  return places.length === 0
    ? names.has(text)
    : places.some((place) => existsSync(join(root, place)))
}

let failed = false
function check(file: string, paths: readonly NamedPath[]): void {
  for (const path of paths.filter((each) => !exists(each))) {
    console.error(`${file}:${path.line} names ${path.text}, which does not exist`)
    failed = true
  }
}

for (const file of find('**/*.md'))
  check(file, pathsInDocument(file, readFileSync(join(root, file), 'utf8')))
for (const file of sources) check(file, pathsInComments(readFileSync(join(root, file), 'utf8')))
process.exitCode = failed ? 1 : 0
