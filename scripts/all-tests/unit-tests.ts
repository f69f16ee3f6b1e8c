/** All unit tests in one process: to start one for each file takes longer than they do. */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '../..')
for (const path of globSync('src/**/*.test.ts', { cwd: root }).toSorted())
  await import(pathToFileURL(join(root, path)).href)
