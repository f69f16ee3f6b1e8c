/** Format, lint, imports, paths and types, as a test beside the others. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

test('the static checks find nothing (scripts/check --static)', async () => {
  const argv = [join(import.meta.dirname, '../check'), '--static']
  await promisify(execFile)('sh', argv, { maxBuffer: 2 ** 26 }).catch(
    ({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }) =>
      assert.fail(`${stdout}${stderr}`),
  )
})
