import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const XML = `<domain type='qemu'><name>büro</name><uuid>4D1C1A0E6A6B4B6E9A5302F0B5B0C1AB</uuid><memory unit='MiB'>16</memory>
<description>Büro für Zoë</description><os><type arch='x86_64' machine='pc'>hvm</type></os></domain>`

test('define reads XML in the encodings that libvirt reads, and names the one that does not fit', async () => {
  await using dir = await tempDir()
  const declared = (encoding: string): string =>
    `<?xml version='1.0' encoding='${encoding}'?>\n${XML}`
  const file = dir.join('a.xml')
  for (const bytes of [
    Buffer.from(declared('ISO-8859-1'), 'latin1'),
    Buffer.from(`\ufeff${declared('UTF-16')}`, 'utf16le'),
    Buffer.from(`\ufeff${XML}`),
    Buffer.from(XML),
  ]) {
    await writeFile(file, bytes)
    const state = dir.join(`state-${bytes.length}-${bytes[0]}`)
    const defined = await stasis(state, 'define', file)
    assert.equal(defined.exitCode, 0, defined.stderr)
    const { stdout } = await stasis(state, 'dumpxml', 'büro')
    assert.match(stdout, /^<domain type='qemu'>\n/)
    assert.match(stdout, /<description>Büro für Zoë<\/description>/)
    assert.match(stdout, /<uuid>4d1c1a0e-6a6b-4b6e-9a53-02f0b5b0c1ab<\/uuid>/)
  }
  await writeFile(file, Buffer.from(XML, 'latin1'))
  const refused = await stasis(dir.join('state'), 'define', file)
  assert.match(
    refused.stderr,
    /malformed: it is not text in UTF-8, the encoding of XML that declares none\n/,
  )
  assert.match(refused.stderr, /hint: Convert the file to UTF-8, or declare its encoding/)
})
