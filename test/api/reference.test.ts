import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { promisify } from 'node:util'
import * as image from '../../src/api/image.ts'
import * as index from '../../src/index.ts'
import { tempDir } from '../support/temp-dir.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const pages = new Map<string, string>()

before(async () => {
  for await (const path of glob('**/*.md', { cwd: join(root, 'docs/api') }))
    pages.set(path, await readFile(join(root, 'docs/api', path), 'utf8'))
})

test('docs/api is what the doc comments say now, and none is missing', async () => {
  await using dir = await tempDir()
  const script = join(root, 'scripts/api-reference.ts')
  const args = ['--disable-warning=ExperimentalWarning', script, dir.path]
  await run(process.execPath, args).catch((error: { stdout?: string; stderr?: string }) =>
    assert.fail(`${error.stdout}${error.stderr}`),
  )
  const built = new Set<string>()
  for await (const path of glob('**/*.md', { cwd: dir.path })) {
    built.add(path)
    const text = await readFile(dir.join(path), 'utf8')
    assert.ok(pages.get(path) === text, `docs/api/${path} is not current: run \`npm run docs\``)
  }
  assert.deepEqual(built, new Set(pages.keys()))
})

/** What the examples take for granted: every function by its name, some modules of Node, and an object of each kind. */
const GIVEN = `
import { spawn } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import * as index from 'stasis'
import type { Domain, Operation, SaveProgress, SaveResult } from 'stasis'
import * as image from 'stasis/image'
import { QmpConnection } from 'stasis/qmp'
export const modules = { spawn, readFile, rm, index, image, QmpConnection }
const { ${Object.keys(index).join(', ')} } = index
const { ${Object.keys(image).join(', ')} } = image
interface Given {
  readonly stasis: index.Stasis
  readonly web: Domain
  readonly saving: Operation<SaveResult, SaveProgress>
  readonly qmp: QmpConnection
  readonly error: unknown
}
`

test('every example in the reference compiles under strict', async () => {
  const examples = [...pages.values()].flatMap((text) =>
    [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code),
  )
  assert.ok(examples.length > 90, `there are ${examples.length} examples`)
  // In a block of its own, an example may declare what is given.
  const bodies = examples.map(
    (code) =>
      `export async function _({ stasis, web, saving, qmp, error }: Given): Promise<void> {{\n${code}}}\n`,
  )
  const text = bodies.map((body, number) => body.replace('_', `example${number}`)).join('')
  const inside = await mkdtemp(join(root, '.examples-'))
  try {
    await writeFile(join(inside, 'examples.ts'), `${GIVEN}${text}`)
    const compilerOptions = {
      ...{ isolatedDeclarations: false, declaration: false },
      ...{ noUnusedLocals: false, noUnusedParameters: false },
    }
    const config = { extends: '../tsconfig.json', compilerOptions, files: ['examples.ts'] }
    await writeFile(join(inside, 'tsconfig.json'), JSON.stringify(config))
    const tsc = join(root, 'node_modules/.bin/tsc')
    const { status, stdout } = spawnSync(tsc, ['--project', inside], { encoding: 'utf8' })
    const lines = `${GIVEN}${text}`.split('\n')
    const where = (line: string): string => `${line}\n    ${lines[Number(line) - 1]}`
    assert.equal(status, 0, stdout.replaceAll(/(?<=examples\.ts\()\d+(?=,)/g, where))
  } finally {
    await rm(inside, { recursive: true })
  }
})
