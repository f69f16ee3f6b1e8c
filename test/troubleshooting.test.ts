import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { exitCodeOf } from '../src/cli/reports/exit-code.ts'
import {
  CancelledError,
  DomainError,
  DomainXmlError,
  ImageError,
  InternalError,
  QemuError,
  type StasisError,
  StorageError,
  UsageError,
} from '../src/errors.ts'

const root = join(import.meta.dirname, '..')

const CLASSES: Readonly<Record<string, (code: never) => StasisError>> = {
  UsageErrorCode: (code) => new UsageError(code, ''),
  DomainErrorCode: (code) => new DomainError(code, ''),
  DomainXmlErrorCode: (code) => new DomainXmlError(code, ''),
  ImageErrorCode: (code) => new ImageError(code, ''),
  QemuErrorCode: (code) => new QemuError(code, ''),
  StorageErrorCode: (code) => new StorageError(code, ''),
}

test('docs/troubleshooting.md has every error code once, below its exit code', async () => {
  const source = await readFile(join(root, 'src/errors.ts'), 'utf8')
  const errors: StasisError[] = [new CancelledError(''), new InternalError('')]
  for (const [, name = '', union = ''] of source.matchAll(
    /^export type (\w+ErrorCode) =((?:\s*\|? '\w+')+)$/gm,
  )) {
    const make = CLASSES[name]
    assert.ok(make !== undefined, `${name} is new: add it to this test`)
    for (const [, code] of union.matchAll(/'(\w+)'/g)) errors.push(make(code as never))
  }
  assert.ok(errors.length > 40, `${errors.length}`)
  const expected = errors.map((error) => `${error.code} ${exitCodeOf(error)}`)
  assert.deepEqual((await documented()).toSorted(), expected.toSorted())
})

/** Each code with the exit code of its heading, or of its own line. */
async function documented(): Promise<readonly string[]> {
  const text = await readFile(join(root, 'docs/troubleshooting.md'), 'utf8')
  const found: string[] = []
  let heading = ''
  for (const line of text.split('\n')) {
    if (line.startsWith('## ')) heading = line
    const [, code, own] = /^\| `([A-Z_]+)` \|(?: (\d+) \|)?/.exec(line) ?? []
    if (code === undefined) continue
    const [, exception] = new RegExp(`(\\d+) for ${code}\\b`).exec(heading) ?? []
    const [, usual] = /exit code (\d+)/.exec(heading) ?? []
    found.push(`${code} ${own ?? exception ?? usual}`)
  }
  return found
}
