import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../../test/support/temp-dir.ts'
import type { CheckedHost } from '../health-check.ts'
import { CONFIGURATION } from './configuration.ts'

test('the check of the configuration finds mistakes, and hooks that would not be run', async () => {
  await using dir = await tempDir()
  const [config, hook] = [dir.join('c.toml'), dir.join('hook')]
  const before = process.env['STASIS_CONFIG']
  process.env['STASIS_CONFIG'] = config
  const look = async () => (await CONFIGURATION.look({} as CheckedHost))[0]
  try {
    await writeFile(config, `[hooks]\ndirectories = []\nprograms = ["${hook}"]\n`)
    assert.equal((await look())?.cause?.code, 'FILE_NOT_FOUND')
    await writeFile(hook, '#!/bin/sh\n', { mode: 0o755 })
    const { verdict, text } = (await look()) ?? {}
    assert.deepEqual([verdict, text], ['ok', `read ${config}; hooks: ${hook}`])
    await chmod(hook, 0o777)
    assert.equal((await look())?.cause?.code, 'UNSAFE_FILE')
    await writeFile(config, 'allow = ["nonsense"]\n')
    const wrong = await look()
    assert.deepEqual([wrong?.verdict, wrong?.cause?.code], ['error', 'BAD_ARGUMENT'])
  } finally {
    if (before === undefined) delete process.env['STASIS_CONFIG']
    else process.env['STASIS_CONFIG'] = before
  }
})
