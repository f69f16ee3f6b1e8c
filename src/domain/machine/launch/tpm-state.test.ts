import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../../../../test/support/temp-dir.ts'
import { parseDomainXml } from '../../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../../qemu/domain-xml/read-domain.ts'
import { startTpm } from './tpm-state.ts'

test('startTpm() refuses to replace a directory that the XML names and that holds more than a TPM', async () => {
  await using dir = await tempDir()
  const named = dir.join('machines')
  const { domain } = readDomain(
    parseDomainXml(`<domain type='qemu'><name>a</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os>
<devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'><source type='dir' path='${named}'/></backend></tpm></devices></domain>`),
  )
  const plan = { domain, stateDir: dir.join('state'), log: dir.join('log'), user: undefined }
  for (const place of [named, `${named}.incoming`, `${named}.new`]) {
    await mkdir(place)
    await writeFile(join(place, 'tpm2-00.permall'), 'state')
    await writeFile(join(place, 'disk.img'), 'precious')
    await assert.rejects(startTpm({ ...plan, incoming: true }), {
      code: 'FILE_EXISTS',
      path: place,
    })
    assert.equal(await readFile(join(place, 'disk.img'), 'utf8'), 'precious')
    await rm(place, { recursive: true })
  }
  assert.deepEqual(await readdir(dir.path), [])
})
