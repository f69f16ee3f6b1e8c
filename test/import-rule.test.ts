import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { circlesOf } from '../scripts/import-rule/circles.ts'
import { faultsOf } from '../scripts/import-rule/faults.ts'
import { importsOf } from '../scripts/import-rule/source-text.ts'
import { unusedExportsOf } from '../scripts/import-rule/unused-exports.ts'

/** The advice on one source text; asserts that there is at most one fault. */
function adviceOn(file: string, text: string): string | undefined {
  const faults = faultsOf(file, text)
  assert.ok(faults.length <= 1, JSON.stringify(faults))
  return faults[0]?.advice
}

describe('faultsOf()', () => {
  const wrong: [file: string, text: string, advice: RegExp][] = [
    ['src/io/a.ts', `import { b } from '../domain/b.ts'`, /io\/ imports nothing of ours/],
    [
      'src/image/a.ts',
      `import type { B } from '../domain/b.ts'`,
      /image\/ imports upwards from domain\//,
    ],
    [
      'src/qemu/a.ts',
      `export * from '../transfer/b.ts'`,
      /qemu\/ imports sideways from transfer\//,
    ],
    [
      'src/qmp/a.ts',
      `import { b } from '../io/b.ts'`,
      /qmp\/ imports nothing of ours but errors.ts/,
    ],
    ['src/io/a.ts', `import { b } from '../index.ts'`, /no room imports src\/index.ts/],
    ['src/errors.ts', `import { b } from './io/b.ts'`, /importable from everywhere/],
    ['src/io/a.ts', `const b = await import('../cli/b.ts')`, /imports nothing of ours/],
    ['src/transfer/a.ts', `new URL('../qemu/b.ts', import.meta.url)`, /sideways/],
    ['src/cli/a.ts', `import { tempDir } from '../../test/support/temp-dir.ts'`, /outside src\//],
    ['src/utils/a.ts', ``, /utils\/ is not a room/],
    ['src/domain/a.ts', ``, /domain\/ has no files of its own/],
    ['src/domain/common/a.ts', ``, /domain\/common\/ is not a room/],
    [
      'src/domain/store/a.ts',
      `import type { B } from '../save/b.ts'`,
      /domain\/store imports upwards from domain\/save/,
    ],
    [
      'src/domain/save/a.ts',
      `import { b } from '../postcopy/b.ts'`,
      /domain\/save imports sideways from domain\/postcopy/,
    ],
    [
      'src/transfer/a.ts',
      `new URL('./receive/b.ts', import.meta.url)`,
      /transfer\/ imports upwards from transfer\/receive/,
    ],
    ['src/cli/verb.ts', `import { b } from './verbs/save/b.ts'`, /upwards from cli\/verbs/],
    ['src/cli/verbs/a.ts', ``, /cli\/verbs\/ has no files of its own/],
    ['src/qemu/command-line/other/a.ts', ``, /qemu\/command-line\/other\/ is not a room/],
    [
      'src/qemu/command-line/buses/a.ts',
      `import { b } from '../storage/b.ts'`,
      /command-line\/buses imports upwards from qemu\/command-line\/storage/,
    ],
    [
      'src/qemu/domain-xml/model/board/a.ts',
      `import { b } from '../../../command-line/buses/b.ts'`,
      /qemu\/domain-xml imports upwards from qemu\/command-line/,
    ],
    [
      'src/domain/store/a.ts',
      `import { spawn } from 'node:child_process'`,
      /belongs to src\/qemu\//,
    ],
    [
      'src/io/a.ts',
      `import { spawn } from 'node:child_process'`,
      /src\/io\/processes\/filter-process.ts/,
    ],
    ['src/image/a.ts', `import { Worker } from 'worker_threads'`, /belongs to src\/transfer\//],
    ['src/qemu/a.ts', `import koffi from 'koffi'`, /belongs to src\/io\//],
    ['src/qemu/a.ts', `import { createRequire } from 'node:module'`, /belongs to src\/io\//],
    ['src/wire/a.ts', `import { join } from 'node:path'`, /no builtin but node:buffer/],
    ['src/wire/a.ts', `import { crc32c } from '@node-rs/crc32'`, /imports no package/],
    ['src/qmp/a.ts', `import { readFile } from 'node:fs/promises'`, /no builtin but node:net/],
    [
      'src/qemu/a.ts',
      `import { readFile, rm as remove } from 'node:fs/promises'`,
      /instead of rm of/,
    ],
    ['src/qemu/a.ts', `import { mkdirSync } from 'node:fs'`, /mkdirSync/],
    [
      'src/domain/save/a.ts',
      `import { writeFile } from 'node:fs/promises'`,
      /only src\/io\/ and src\/domain\/store\/ open and change files: call io\/ instead of writeFile/,
    ],
    ['src/domain/progress/a.ts', `import { openSync } from 'node:fs'`, /instead of openSync/],
    ['src/qemu/a.ts', `import * as fs from 'node:fs'`, /by name/],
    ['src/qemu/a.ts', `import fs from 'node:fs'`, /by name/],
    ['src/domain/store/a.ts', `process.exit(1)`, /process.exit belongs to src\/cli\//],
    ['src/domain/store/a.ts', `process\n  .stdout.write('x')`, /process.stdout/],
  ]
  for (const [file, text, advice] of wrong) {
    test(`reports a fault for ${text} in ${file}`, () => {
      assert.match(adviceOn(file, text) ?? '', advice)
    })
  }

  const right: [file: string, text: string][] = [
    ['src/io/a.ts', `import { InternalError } from '../errors.ts'\nimport { b } from './b.ts'`],
    ['src/image/a.ts', `import { b } from '../io/b.ts'`],
    ['src/io/a.ts', `import type * as Crc32 from '@node-rs/crc32'`],
    ['src/cli/a.ts', `import { b } from '../domain/b.ts'\nprocess.exitCode = 1`],
    ['src/index.ts', `export { b } from './domain/store/b.ts'`],
    ['src/domain/save/a.ts', `import { b } from '../store/b.ts'\nimport { c } from './c.ts'`],
    ['src/cli/verbs/save/a.ts', `import type { Verb } from '../../verb.ts'`],
    ['src/qemu/command-line/buses/a.test.ts', `import { build } from '../build.ts'`],
    ['src/domain/postcopy/page-server-main.ts', `process.exitCode = 1`],
    ['src/io/a.ts', `import { open } from 'node:fs/promises'`],
    ['src/domain/store/a.ts', `import { open } from 'node:fs/promises'`],
    ['src/domain/save/a.ts', `import { readFile, statfs } from 'node:fs/promises'`],
    ['src/io/processes/filter-process.ts', `import { spawn } from 'node:child_process'`],
    ['src/qemu/a.ts', `import { readFile, constants } from 'node:fs'`],
    [
      'src/io/a.ts',
      `// import { b } from '../domain/b.ts'\n/* process.exit */ const t = 'process.exit'`,
    ],
    [
      'src/io/a.test.ts',
      `import { spawn } from 'node:child_process'\nimport { t } from '../../test/support/t.ts'`,
    ],
    ['test/a.ts', `import { b } from '../src/domain/b.ts'\nprocess.exit()`],
  ]
  for (const [file, text] of right) {
    test(`accepts ${text} in ${file}`, () => assert.equal(adviceOn(file, text), undefined))
  }
})

test('importsOf() gives the line and the names when imports span lines', () => {
  const text = `export const a: number = 1\n\nimport b, {\n  type C,\n  d as e,\n} from './b.ts'\nimport './f.ts'\n`
  assert.deepEqual(importsOf(text), [
    { specifier: './b.ts', names: ['C', 'd', 'default'], isUrl: false, line: 3 },
    { specifier: './f.ts', names: [], isUrl: false, line: 7 },
  ])
})

test('importsOf() distinguishes the URL of a program from an import', () => {
  const text = `const c = new URL('./b.ts', import.meta.url)\nconst d = await import('./d.ts')\n`
  assert.deepEqual(importsOf(text), [
    { specifier: './b.ts', names: ['*'], isUrl: true, line: 1 },
    { specifier: './d.ts', names: ['*'], isUrl: false, line: 2 },
  ])
})

describe('circlesOf()', () => {
  const circleOf = (...files: (readonly [string, string])[]): string[] =>
    circlesOf(new Map(files)).map(({ advice }) => advice)
  const b = ['src/io/b.ts', `import { c } from './c.ts'`] as const

  test('finds a circle through type imports and programs', () => {
    const a = ['src/io/a.ts', `import type { B } from './b.ts'`] as const
    const c = ['src/io/c.ts', `new URL('./a.ts', import.meta.url)`] as const
    const [advice, ...more] = circleOf(a, b, c)
    assert.match(
      advice ?? '',
      /src\/io\/a\.ts -> src\/io\/b\.ts -> src\/io\/c\.ts -> src\/io\/a\.ts/,
    )
    assert.deepEqual(more, [])
  })

  test('finds no circle when two files import a third, or a test imports the file it tests', () => {
    const a = ['src/io/a.ts', `import { b } from './b.ts'\nimport { c } from './c.ts'`] as const
    const c = ['src/io/c.test.ts', `import { a } from './a.ts'`] as const
    assert.deepEqual(circleOf(a, b, c, ['src/io/c.ts', '']), [])
  })
})

describe('unusedExportsOf()', () => {
  const faults = (text: string, ...others: (readonly [string, string])[]): string[] =>
    unusedExportsOf(new Map([['src/io/a.ts', text], ...others])).map(({ advice }) => advice)
  const test1 = ['src/io/a.test.ts', `import { f } from './a.ts'`] as const

  test('reports an export that only a test uses, and one that no file uses', () => {
    assert.match(faults('export function f() {}', test1)[0] ?? '', /only tests use f/)
    assert.match(faults('export const f = 1\nf()')[0] ?? '', /no other file uses f/)
    assert.match(faults('export interface F {}')[0] ?? '', /no other file uses F/)
  })

  test('accepts imports, import(), and a test of an export that the file itself uses', () => {
    const user = (text: string) => ['src/io/b.ts', text] as const
    assert.deepEqual(faults('export class f {}', user(`import { f } from './a.ts'`)), [])
    assert.deepEqual(faults('export const f = 1', user(`await import('./a.ts')`)), [])
    assert.deepEqual(faults('export function f() {}\nf()', test1), [])
    assert.deepEqual(faults('export interface F {}\nfunction g(f: F) {}'), [])
  })
})

test('check-imports.ts prints file:line and fails when a tree has a fault', () => {
  const root = mkdtempSync(join(tmpdir(), 'stasis-import-rule-'))
  try {
    const write = (file: string, text: string) => {
      mkdirSync(dirname(join(root, file)), { recursive: true })
      writeFileSync(join(root, file), text)
    }
    write('src/errors.ts', `export const e: number = 1\n`)
    write('src/image/x.ts', `export const x: number = 1\n`)
    write('src/io/good.ts', `import { e } from '../errors.ts'\n`)
    write(
      'src/wire/bad.ts',
      `import { e } from '../errors.ts'\nimport { x } from '../image/x.ts'\n`,
    )
    const script = join(import.meta.dirname, '../scripts/check-imports.ts')
    const { status, stderr } = spawnSync(process.execPath, [script, root], { encoding: 'utf8' })
    assert.equal(status, 1)
    assert.match(
      stderr,
      /^src\/wire\/bad\.ts:2 wire\/ imports nothing of ours but errors\.ts: .+\n$/,
    )
  } finally {
    rmSync(root, { recursive: true })
  }
})
