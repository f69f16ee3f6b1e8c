import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { smallXml } from '../../../test/support/test-store.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { checkPorts } from './ports.ts'

test('checkPorts() finds fixed ports on which another program listens', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const check = async (devices: string): Promise<readonly string[]> => {
    const { domain } = readDomain(parseDomainXml(smallXml({ name: 'web', devices })))
    return (await checkPorts(domain)).map(({ severity, code }) => `${severity} ${code}`)
  }
  try {
    const taken = [
      `<graphics type='vnc' port='${port}'/>`,
      `<graphics type='vnc' port='1' websocket='${port}'/>`,
      `<serial type='tcp'><source mode='bind' host='0.0.0.0' service='${port}'/></serial>`,
      `<interface type='user'><portForward proto='tcp'><range start='${port}' to='22'/></portForward></interface>`,
    ]
    for (const devices of taken) assert.deepEqual(await check(devices), ['error PORTS'], devices)
    const free = [
      `<graphics type='vnc' port='${port}' autoport='yes'/>`,
      `<serial type='tcp'><source mode='connect' host='127.0.0.1' service='${port}'/></serial>`,
    ]
    for (const devices of free) assert.deepEqual(await check(devices), [], devices)
  } finally {
    server.close()
  }
})
