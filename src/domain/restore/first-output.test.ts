import assert from 'node:assert/strict'
import { appendFile, truncate, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { type TempDir, tempDir } from '../../../test/support/temp-dir.ts'
import { smallXml } from '../../../test/support/test-store.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { FirstOutput } from './first-output.ts'

function domain(serial: string): Domain {
  return readDomain(parseDomainXml(smallXml({ name: 'web', devices: serial }))).domain
}

function fileDomain(dir: TempDir): Domain {
  return domain(`<serial type='file'><source path='${dir.join('out')}'/></serial>`)
}

test('FirstOutput.at() returns when the file grows, also after QEMU has emptied it', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('out'), 'of an earlier run')
  using output = new FirstOutput()
  output.begin(fileDomain(dir))
  let written = false
  const at = output.at(undefined).then((ms) => {
    assert.ok(written)
    return ms
  })
  await truncate(dir.join('out'))
  await delay(30)
  written = true
  const before = performance.now()
  await appendFile(dir.join('out'), 'hello')
  assert.ok((await at) >= before)
})

test('FirstOutput.begin() also takes the log of a port', async () => {
  await using dir = await tempDir()
  using output = new FirstOutput()
  output.begin(domain(`<serial type='pty'><log file='${dir.join('log')}'/></serial>`))
  await writeFile(dir.join('log'), 'hello')
  await output.at(undefined)
})

test('FirstOutput.begin() refuses a domain whose output goes to no file', () => {
  using output = new FirstOutput()
  assert.throws(() => output.begin(domain("<serial type='pty'/>")), { code: 'BAD_COMBINATION' })
})

test('FirstOutput.at() throws CANCELLED when its signal is aborted, before or during the wait', async () => {
  await using dir = await tempDir()
  using output = new FirstOutput()
  output.begin(fileDomain(dir))
  await assert.rejects(output.at(AbortSignal.abort()), { code: 'CANCELLED' })
  await assert.rejects(output.at(AbortSignal.timeout(20)), { code: 'CANCELLED' })
})
