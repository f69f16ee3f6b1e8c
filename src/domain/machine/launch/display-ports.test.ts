import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import { isServer } from '../../../qemu/domain-xml/model/screen-and-sound/graphics.ts'
import { parseDomainXml } from '../../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../../qemu/domain-xml/read-domain.ts'
import { choosePorts, portsAreFree } from './display-ports.ts'

const xmlWith = (graphics: string): string =>
  `<domain type='qemu'><name>a</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os><devices>${graphics}</devices></domain>`

function choose(graphics: string): ReturnType<typeof choosePorts> {
  const xml = xmlWith(graphics)
  return choosePorts(readDomain(parseDomainXml(xml)).domain, xml)
}

function portOf({ graphics }: Domain): number | undefined {
  return graphics.find(isServer)?.port
}

const AUTO = `<graphics type='spice' autoport='yes' listen='127.0.0.9'><listen type='address' address='127.0.0.9'/></graphics>`

test('choosePorts() chooses a free port and writes it into the XML', async () => {
  const server = createServer().listen(5900, '127.0.0.9')
  await once(server, 'listening')
  try {
    const { domain, xml, chosen } = await choose(AUTO)
    assert.equal(chosen, true)
    const port = portOf(domain) ?? 0
    assert.ok(port > 5900)
    assert.match(xml, new RegExp(`autoport=['"]yes['"][^>]* port=['"]${port}['"]`))
    // The next start chooses again.
    assert.equal(portOf(readDomain(parseDomainXml(xml)).domain), undefined)
    assert.equal(await portsAreFree(domain), true)
    const taken = createServer().listen(port, '127.0.0.9')
    await once(taken, 'listening')
    assert.equal(await portsAreFree(domain), false)
    taken.close()
  } finally {
    server.close()
  }
})

test('choosePorts() gives each display a port of its own', async () => {
  const vnc = AUTO.replace('spice', 'vnc')
  const { domain, xml } = await choose(`${AUTO}${vnc}`)
  const ports = domain.graphics.filter(isServer).map(({ port }) => port)
  assert.equal(new Set(ports).size, 2)
  for (const port of ports) assert.match(xml, new RegExp(`port=['"]${port}['"]`))
})

test('choosePorts() leaves ports that the XML has, and displays without any', async () => {
  const given = [
    `<graphics type='spice' port='5999'><listen type='address'/></graphics>`,
    `<graphics type='spice' autoport='yes'><listen type='none'/></graphics>`,
    `<graphics type='vnc' port='5999'><listen type='address'/></graphics>`,
  ]
  for (const graphics of given) {
    const { xml, chosen } = await choose(graphics)
    assert.equal(chosen, false)
    assert.equal(xml, xmlWith(graphics))
  }
})
