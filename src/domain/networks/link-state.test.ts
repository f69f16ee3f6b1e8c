import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeMonitor, ok } from '../../../test/support/fake-monitor.ts'
import { smallXml } from '../../../test/support/test-store.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import { takeLinksDown, unconnected } from './link-state.ts'

test('takeLinksDown() takes down the links that are down in the XML', async () => {
  await using fake = await fakeMonitor((command) => ok(command))
  await using qmp = await QmpConnection.connect(fake.path)
  const card = (inside: string): string =>
    `<interface type='user'><model type='virtio'/>${inside}</interface>`
  const down = "<link state='down'/>"
  const devices = card('') + card(down) + card(`${down}<alias name='ua-nic'/>`)
  const { domain } = readDomain(parseDomainXml(smallXml({ name: 'web', devices })))
  await takeLinksDown(qmp, domain)
  await takeLinksDown(qmp, unconnected(domain))
  assert.deepEqual(
    fake.received.filter(({ execute }) => execute === 'set_link').map((one) => one.arguments),
    [
      { name: 'net1', up: false },
      { name: 'ua-nic', up: false },
    ],
  )
})
