import assert from 'node:assert/strict'
import { test } from 'node:test'
import { smallXml } from '../../../../test/support/test-store.ts'
import { parseDomainXml } from '../../domain-xml/parse.ts'
import { readDomain } from '../../domain-xml/read-domain.ts'
import { passtArguments } from './passt.ts'

test('passtArguments() names addresses, and ports as passt(1) wants them', () => {
  const devices = `<interface type='user'><source dev='eth42'/><backend type='passt' logFile='/log'/>
    <ip address='172.17.2.0' prefix='24'/><ip address='2001:db8::feed' family='ipv6'/>
    <portForward proto='tcp' address='2001:db8::1'><range start='22' to='2022'/><range start='1000' end='1002'/><range start='1001' exclude='yes'/></portForward>
    <portForward proto='udp' address='1.2.3.4' dev='eth0'><range start='5000' end='5001' to='6000'/></portForward>
    <portForward proto='tcp' dev='eth1'><range start='25' exclude='yes'/></portForward>
    <portForward proto='udp'/></interface>`
  const { domain } = readDomain(parseDomainXml(smallXml({ name: 'web', devices })))
  const [card] = domain.interfaces
  assert.ok(card !== undefined)
  assert.deepEqual(passtArguments(card, { fd: 4 }, 'other'), [
    ...['--foreground', '--fd', '4', '--runas', 'other'],
    ...['--interface', 'eth42', '--log-file', '/log'],
    ...['--address', '172.17.2.0', '--netmask', '24', '--address', '2001:db8::feed'],
    ...['--tcp-ports', '2001:db8::1/22:2022', '--tcp-ports', '2001:db8::1/1000:1000'],
    ...['--tcp-ports', '2001:db8::1/1002:1002'],
    ...['--udp-ports', '1.2.3.4%eth0/5000:6000', '--udp-ports', '1.2.3.4%eth0/5001:6001'],
    ...['--tcp-ports', '%eth1/~25', '--udp-ports', 'all'],
  ])
  assert.deepEqual(
    passtArguments({ ...card, type: 'vhostuser' }, { socket: '/s' }, undefined).slice(0, 5),
    ['--foreground', '--one-off', '--socket', '/s', '--vhost-user'],
  )
})
