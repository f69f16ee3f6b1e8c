import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkout } from '../commands/stasis-commands.ts'

const run = promisify(execFile)

/** Makes the library of this checkout as its package has it, in a folder, unless it is there. Returns the module to import. */
export async function buildLibrary(folder: string): Promise<string> {
  const library = join(folder, 'dist/index.js')
  if (existsSync(library)) return library
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"type":"module"}\n')
  // Its dependencies are found from there.
  await symlink(join(checkout, 'node_modules'), join(folder, 'node_modules'))
  const compiler = join(checkout, 'node_modules/.bin/tsc')
  const project = join(checkout, 'tsconfig.build.json')
  await run(compiler, ['--project', project, '--outDir', join(folder, 'dist')])
  return library
}
