import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { attribute, child, children } from './access.ts'
import { parseXml } from './parse-xml.ts'
import { placeVolumes } from './storage-volumes.ts'

test('placeVolumes() names the files of volumes, in a running pool first', async () => {
  await using dir = await tempDir()
  const [running, defined] = [dir.join('running'), dir.join('defined')]
  for (const folder of [running, defined]) await mkdir(folder)
  const pool = (type: string, path: string): string =>
    `<pool type='${type}'><name>p</name><target><path>${path}</path></target></pool>`
  await writeFile(`${defined}/default.xml`, pool('dir', '/var/lib/libvirt/images'))
  await writeFile(`${running}/default.xml`, `<poolstate>${pool('dir', '/srv/images')}</poolstate>`)
  await writeFile(`${defined}/vg0.xml`, pool('logical', '/dev/vg0'))
  await writeFile(`${defined}/far.xml`, pool('iscsi', '/dev/disk/by-path'))
  await writeFile(`${defined}/broken.xml`, '<pool')
  const placed = (source: string): string => {
    const text = `<domain><devices><disk type='volume'>${source}</disk></devices></domain>`
    const root = parseXml(text).documentElement
    assert.ok(root)
    placeVolumes(root, [running, defined])
    const [disk] = children(child(root, 'devices') ?? root, 'disk')
    const found = child(disk, 'source')
    const path = attribute(found, 'file') ?? attribute(found, 'dev') ?? attribute(found, 'volume')
    return `${attribute(disk, 'type')} ${path}`
  }
  const volume = (name: string, at = 'a.qcow2'): string =>
    placed(`<source pool='${name}' volume='${at}' index='1'/>`)
  assert.equal(volume('default'), 'file /srv/images/a.qcow2')
  assert.equal(volume('vg0', 'guest'), 'block /dev/vg0/guest')
  for (const name of ['far', 'broken', 'absent', '../defined/default'])
    assert.equal(volume(name), 'volume a.qcow2')
  for (const name of ['../a', '..']) assert.equal(volume('default', name), `volume ${name}`)
  assert.equal(placed(''), 'file undefined')
})
