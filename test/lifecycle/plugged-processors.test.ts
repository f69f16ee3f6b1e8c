import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkImage,
  defineDomain,
  destroyDomain,
  monitorCommand,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { qemus } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

const VCPUS = `<vcpu current='3'>4</vcpu><vcpus>
<vcpu id='0' enabled='yes' hotpluggable='no' order='1'/>
<vcpu id='1' enabled='yes' hotpluggable='yes' order='3'/>
<vcpu id='2' enabled='no' hotpluggable='yes'/>
<vcpu id='3' enabled='yes' hotpluggable='yes' order='2'/></vcpus>`

for (const { emulator, label } of qemus()) {
  test(`processors that were plugged in are in the image, on QEMU ${label}`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const serial = { type: 'file', path: dir.join('serial') } as const
    const xml = domainXml({ name: 'more', guest: 'tiny', emulator, serial })
    await using stack = new AsyncDisposableStack()
    stack.defer(async () => {
      await destroyDomain('more', { stateDir }).catch(() => undefined)
    })
    await defineDomain(xml.replace(/<vcpu.*<\/vcpu>/, VCPUS), { stateDir })
    await startDomain('more', { stateDir })
    const log = new CounterLog(serial.path)
    await log.advance(2)
    assert.deepEqual(await sockets(stateDir), [0, 1, 3])
    await saveDomain('more', dir.join('image'), { stateDir })
    const { findings } = await checkImage(dir.join('image'), { stateDir })
    assert.deepEqual(
      findings.filter(({ severity }) => severity === 'error'),
      [],
    )
    await restoreDomain(dir.join('image'), { stateDir })
    await log.advance(2)
    await log.assertUnbroken()
    assert.deepEqual(await sockets(stateDir), [0, 1, 3])
  })
}

async function sockets(stateDir: string): Promise<readonly number[]> {
  const reply = await monitorCommand('more', { execute: 'query-cpus-fast' }, { stateDir })
  assert.ok('return' in reply)
  const cpus = reply.return as readonly { readonly props: { readonly 'socket-id': number } }[]
  return cpus.map(({ props }) => props['socket-id']).toSorted((a, b) => a - b)
}
