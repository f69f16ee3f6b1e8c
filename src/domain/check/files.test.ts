import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { type TempDir, tempDir } from '../../../test/support/temp-dir.ts'
import { smallXml } from '../../../test/support/test-store.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { checkFiles } from './files.ts'

async function check(devices: string, os = ''): Promise<readonly string[]> {
  const xml = smallXml({ name: 'web', devices }).replace('</os>', `${os}</os>`)
  const findings = await checkFiles(readDomain(parseDomainXml(xml)).domain)
  return findings.map(({ severity, text }) => `${severity}: ${text}`)
}

function disk(dir: TempDir, name: string, more = ''): string {
  return `<disk type='file' device='disk'><driver type='qcow2'/><source file='${dir.join(name)}'/>${more}<target dev='vda' bus='virtio'/></disk>`
}

test('checkFiles() accepts files that exist, and counts them', async () => {
  await using dir = await tempDir()
  for (const name of ['disk', 'kernel', 'initrd']) await writeFile(dir.join(name), '')
  const os = `<kernel>${dir.join('kernel')}</kernel><initrd>${dir.join('initrd')}</initrd>`
  const serial = `<serial type='file'><source path='${dir.join('log')}'/></serial>`
  assert.deepEqual(await check(disk(dir, 'disk') + serial, os), [
    'ok: No file of the domain is missing (4 checked)',
  ])
})

test('checkFiles() reports every missing file with its purpose', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('disk'), '')
  const base = `<backingStore type='file'><format type='raw'/><source file='${dir.join('base')}'/><backingStore/></backingStore>`
  const serial = `<serial type='unix'><source mode='bind' path='${dir.join('gone', 'socket')}'/></serial>`
  assert.deepEqual(
    await check(disk(dir, 'disk', base) + serial, `<kernel>${dir.join('kernel')}</kernel>`),
    [
      `error: The backing file of the disk vda is missing: ${dir.join('base')}`,
      `error: The kernel is missing: ${dir.join('kernel')}`,
      `error: The directory of a serial port, console or channel is missing: ${dir.join('gone')}`,
    ],
  )
})

test('checkFiles() does not need the directory of a socket that QEMU connects to', async () => {
  const serial = `<serial type='unix'><source mode='connect' path='/nonexistent/socket'/></serial>`
  assert.deepEqual(await check(serial), ['ok: No file of the domain is missing (0 checked)'])
})

test('checkFiles() accepts a missing variable store only when its template exists', async () => {
  await using dir = await tempDir()
  await mkdir(dir.join('firmware'))
  for (const name of ['code', 'template']) await writeFile(dir.join(name), '')
  const os = (template: string): string =>
    `<loader readonly='yes' type='pflash'>${dir.join('code')}</loader><nvram template='${dir.join(template)}'>${dir.join('store')}</nvram>`
  assert.match((await check('', os('template'))).join(), /^ok/)
  assert.match((await check('', os('missing'))).join(), /UEFI variable store is missing/)
})

test('checkFiles() reports a link to a missing file as missing', async () => {
  await using dir = await tempDir()
  await symlink(dir.join('gone'), dir.join('disk'))
  assert.match((await check(disk(dir, 'disk'))).join(), /disk vda is missing/)
})
