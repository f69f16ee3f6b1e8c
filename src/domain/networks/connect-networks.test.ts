import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { smallXml, testStore } from '../../../test/support/test-store.ts'
import type { DomainXmlError } from '../../errors.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { rememberNetworks } from '../store/host/known-networks.ts'
import { connectNetworks, recordUserNetworks } from './connect-networks.ts'
import { parseNetworkOption, parseNetworkTarget } from './network-target.ts'

function cards(...sources: readonly string[]): Domain {
  const devices = sources
    .map(
      (one) =>
        `<interface ${one}<mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>`,
    )
    .join('\n')
  return readDomain(parseDomainXml(smallXml({ name: 'web', devices }))).domain
}

/** Finds programs only in a directory, until it is disposed. */
function withPath(directory: string): Disposable {
  const before = process.env['PATH']
  process.env['PATH'] = directory
  return { [Symbol.dispose]: () => void (process.env['PATH'] = before) }
}

const NETWORK = "type='network'><source network='stasis-n'/>"
const BRIDGE = "type='bridge'><source bridge='lo'/>"
const SWITCH = "type='bridge'><source bridge='lo'/><virtualport type='openvswitch'/>"
const DIRECT = "type='direct'><source dev='eth9' mode='bridge'/>"

test('connectNetworks() connects cards as the caller says, and keeps the guest half', async () => {
  await using store = await testStore()
  const domain = cards(NETWORK, BRIDGE, DIRECT, "type='user'>")
  const networks = { 'stasis-n': 'tap:lo', eth9: 'user' } as const
  const { interfaces } = await connectNetworks(domain, store.directories, { networks })
  assert.deepEqual(
    interfaces.map(({ type, targetDevice, bridge }) => [type, targetDevice, bridge]),
    [
      ['ethernet', 'lo', undefined],
      ['bridge', undefined, 'lo'],
      ['user', undefined, undefined],
      ['user', undefined, undefined],
    ],
  )
  assert.ok(interfaces.every(({ mac, model }) => mac === '52:54:00:00:00:01' && model === 'virtio'))
})

test('connectNetworks() names each card without a network, with the option that helps', async () => {
  await using store = await testStore()
  const domain = cards(NETWORK, SWITCH, DIRECT, BRIDGE)
  await assert.rejects(connectNetworks(domain, store.directories, {}), (error: DomainXmlError) => {
    assert.equal(error.code, 'XML_UNSUPPORTED')
    assert.equal(error.message, '3 network cards have no network on this host')
    assert.deepEqual(
      error.problems.map(({ code, hint }) => [code, /--network \S+=/.exec(hint ?? '')?.[0]]),
      [
        ['NETWORK_MISSING', '--network stasis-n='],
        ['NETWORK_MISSING', '--network lo='],
        ['NETWORK_MISSING', '--network eth9='],
      ],
    )
    return true
  })
  const warnings: string[] = []
  const { interfaces } = await connectNetworks(domain, store.directories, {
    allowLinkDown: true,
    onWarning: (text) => warnings.push(text),
  })
  assert.deepEqual(
    interfaces.map(({ type, linkUp }) => [type, linkUp]),
    [
      ['null', false],
      ['null', false],
      ['null', false],
      ['bridge', true],
    ],
  )
  assert.equal(warnings.length, 3)
})

test('connectNetworks() does not leave out a packet filter or VLAN tags by itself', async () => {
  await using store = await testStore()
  for (const barrier of ["<filterref filter='clean-traffic'/>", "<vlan><tag id='4'/></vlan>"]) {
    const domain = cards(BRIDGE + barrier)
    await assert.rejects(connectNetworks(domain, store.directories, {}), {
      message: /does not put .* between a guest and "lo"/,
    })
    const networks = { lo: 'tap:lo' } as const
    const { interfaces } = await connectNetworks(domain, store.directories, { networks })
    assert.equal(interfaces[0]?.type, 'ethernet')
  }
})

test('connectNetworks() reports in one list what this host lacks for devices and programs', async () => {
  await using store = await testStore()
  const prepared = "type='ethernet'><target dev='nosuch' managed='no'/>"
  const all = "type='user'><backend type='passt'/><portForward proto='tcp'/>"
  using _ = withPath('/nonexistent')
  const error = await connectNetworks(cards(SWITCH, prepared, all), store.directories, {}).then(
    () => assert.fail('they were connected'),
    (one: DomainXmlError) => one,
  )
  const root = process.geteuid?.() === 0
  const lacks = root ? /: ovs-vsctl, which adds ports to Open vSwitch, is not ins/ : /: only root/
  assert.match(error.problems[0]?.message ?? '', lacks)
  assert.deepEqual(
    error.problems.slice(1).map(({ message, hint }) => [message.replace(/^.*?: /, ''), hint]),
    [
      ['the tap device nosuch is missing', 'Create it'],
      [
        "passt, which connects a guest to the host's network without privileges, is not installed",
        'Install the package passt',
      ],
    ],
  )
})

test("connectNetworks() puts QEMU's own user network in place of passt where that is missing", async () => {
  await using store = await testStore()
  const document = parseDomainXml(
    smallXml({
      name: 'web',
      devices: "<interface type='user'><backend type='passt'/></interface>",
    }),
  )
  const { domain } = readDomain(document)
  const warnings: string[] = []
  const connect = async (): Promise<Domain> =>
    connectNetworks(domain, store.directories, { onWarning: (text) => warnings.push(text) })
  {
    using _ = withPath('/nonexistent')
    const connected = await connect()
    assert.equal(connected.interfaces[0]?.passt, undefined)
    assert.match(
      warnings.join(),
      /^passt is not installed: QEMU's own user network takes its place$/,
    )
    // The image will have a part for that network.
    recordUserNetworks(document, connected)
    assert.doesNotMatch(formatDomainXml(document), /passt/)
  }
  await using dir = await tempDir()
  await writeFile(dir.join('passt'), '', { mode: 0o755 })
  using _ = withPath(dir.path)
  const { interfaces } = await connect()
  assert.ok(interfaces[0]?.passt !== undefined)
  assert.equal(warnings.length, 1)
})

test('rememberNetworks() makes a network known until it is forgotten', async () => {
  await using store = await testStore()
  const types = async (): Promise<unknown> => {
    const options = { allowLinkDown: true }
    const { interfaces } = await connectNetworks(cards(NETWORK), store.directories, options)
    return interfaces[0]?.type
  }
  assert.equal(await types(), 'null')
  await rememberNetworks(store.directories, { 'stasis-n': 'user' })
  assert.equal(await types(), 'user')
  await rememberNetworks(store.directories, { 'stasis-n': 'forget' })
  assert.equal(await types(), 'null')
})

test('parseNetworkOption() reads names and targets, and refuses others', () => {
  assert.deepEqual(parseNetworkOption('default=bridge:br0'), {
    name: 'default',
    target: 'bridge:br0',
  })
  assert.deepEqual(parseNetworkOption('a=b=forget'), { name: 'a=b', target: 'forget' })
  assert.deepEqual(parseNetworkTarget('tap:t0'), { kind: 'tap', device: 't0' })
  for (const bad of [
    'default',
    '=user',
    'a=',
    'a=bridge:',
    'a=bridge:a/b',
    'a=tap:aaaaaaaaaaaaaaaa',
    'a=wifi',
  ])
    assert.throws(() => parseNetworkOption(bad), { code: 'BAD_ARGUMENT' })
})
