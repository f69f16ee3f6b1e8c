import assert from 'node:assert/strict'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { domainXml } from '../../../test/support/domain-xml.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { makeVariableStore } from './uefi.ts'

/** A domain whose variable store is `path`, with more attributes of `<nvram>`. */
function uefiDomain(path: string, template: string, more = ''): Domain {
  const serial = { type: 'pty' } as const
  const xml = domainXml({ name: 'uefi', guest: 'tiny', emulator: '/bin/true', serial })
  const firmware = `<loader readonly='yes' type='pflash'>/code.fd</loader><nvram template='${template}'${more}>${path}</nvram>`
  return readDomain(parseDomainXml(xml.replace('</os>', `${firmware}</os>`))).domain
}

test('makeVariableStore() copies the template once when the store is missing', async () => {
  await using dir = await tempDir()
  const [path, template] = [dir.join('own.fd'), dir.join('vars.fd')]
  await writeFile(template, 'first')
  await makeVariableStore(uefiDomain(path, template))
  await writeFile(template, 'second')
  await makeVariableStore(uefiDomain(path, template))
  assert.equal(await readFile(path, 'utf8'), 'first')
})

test('makeVariableStore() creates no file when the template has another format', async () => {
  await using dir = await tempDir()
  const template = dir.join('vars.qcow2')
  await writeFile(template, 'x')
  const domain = uefiDomain(dir.join('own.fd'), template, ` templateFormat='qcow2' format='raw'`)
  await assert.rejects(makeVariableStore(domain), { code: 'XML_UNSUPPORTED' })
  assert.deepEqual(await readdir(dir.path), ['vars.qcow2'])
})

test('makeVariableStore() makes a store anew, and a failed launch gets the older one back', async () => {
  await using dir = await tempDir()
  const [path, template] = [dir.join('own.fd'), dir.join('vars.fd')]
  await writeFile(template, 'first')
  const made = await makeVariableStore(uefiDomain(path, template))
  await made.undo()
  assert.deepEqual(await readdir(dir.path), ['vars.fd'])
  await writeFile(path, 'the older one')
  const reset = await makeVariableStore(uefiDomain(path, template), { reset: true })
  assert.equal(await readFile(path, 'utf8'), 'first')
  await reset.undo()
  assert.equal(await readFile(path, 'utf8'), 'the older one')
  const bios = readDomain(
    parseDomainXml(
      domainXml({ name: 'x', guest: 'tiny', emulator: '/bin/true', serial: { type: 'pty' } }),
    ),
  ).domain
  await assert.rejects(makeVariableStore(bios, { reset: true }), {
    code: 'BAD_ARGUMENT',
    message: /no UEFI variable store that can be reset/,
  })
})
