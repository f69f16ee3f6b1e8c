import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseDomainXml } from '../../domain-xml/parse.ts'
import { readDomain } from '../../domain-xml/read-domain.ts'
import { build, made, values } from '../../../../test/support/command-line.ts'

suite('buildCommandLine()', () => {
  test('connects network cards to the user network, to taps and to bridges', () => {
    const devices = `<interface type='user'><ip family='ipv4' address='10.9.0.0' prefix='24'/>
        <portForward proto='tcp' address='127.0.0.1'><range start='2222' to='22'/><range start='8080' end='8081'/></portForward></interface>
      <interface type='ethernet'><target dev='tap7' managed='no'/><model type='virtio'/><driver name='vhost' queues='4'/></interface>
      <interface type='bridge'><source bridge='br0'/></interface>`
    const argv = build({ devices })
    assert.deepEqual(
      values(argv, '-netdev').map((text) => JSON.parse(text) as unknown),
      [
        {
          type: 'user',
          net: '10.9.0.0/24',
          hostfwd: [
            { str: 'tcp:127.0.0.1:2222-:22' },
            { str: 'tcp:127.0.0.1:8080-:8080' },
            { str: 'tcp:127.0.0.1:8081-:8081' },
          ],
          id: 'hostnet0',
        },
        {
          type: 'tap',
          ifname: 'tap7',
          script: 'no',
          downscript: 'no',
          vhost: true,
          queues: 4,
          id: 'hostnet1',
        },
        { type: 'bridge', br: 'br0', id: 'hostnet2' },
      ],
    )
    const card = made(argv, 'virtio-net-pci')[0]
    assert.deepEqual([card?.['mq'], card?.['vectors']], [true, 10])
  })

  test('omits an option ROM only where the XML does, because it is a RAM block', () => {
    const card = (rom: string): unknown =>
      made(
        build({ devices: `<interface type='user'><model type='e1000'/>${rom}</interface>` }),
        'e1000',
      )[0]
    const has = (rom: string): unknown => (card(rom) as Record<string, unknown>)['romfile']
    assert.equal(has(''), undefined)
    assert.equal(has(`<rom enabled='no'/>`), '')
    assert.equal(has(`<rom file='/r'/>`), '/r')
  })

  test('connects cards to networks between QEMUs, and forwards the ports that are not excluded', () => {
    const devices = `
      <interface type='server'><source port='5558'/><model type='e1000'/></interface>
      <interface type='client'><source address='10.0.0.1' port='5558'/><model type='e1000'/></interface>
      <interface type='mcast'><source address='230.0.0.1' port='5558'/><model type='e1000'/></interface>
      <interface type='udp'><source address='10.0.0.1' port='1'><local address='10.0.0.2' port='2'/></source><model type='e1000'/></interface>
      <interface type='user'><portForward proto='tcp'><range start='80' end='83' to='8080'/><range start='81' end='82' exclude='yes'/></portForward><model type='e1000'/></interface>
      <interface type='null'><model type='e1000'/></interface>`
    const cards = values(build({ devices }), '-netdev').map((text) => {
      const { id: _, ...rest } = JSON.parse(text) as Record<string, unknown>
      return rest
    })
    assert.deepEqual(cards, [
      { type: 'socket', listen: ':5558' },
      { type: 'socket', connect: '10.0.0.1:5558' },
      { type: 'socket', mcast: '230.0.0.1:5558' },
      { type: 'socket', udp: '10.0.0.1:1', localaddr: '10.0.0.2:2' },
      { type: 'user', hostfwd: [{ str: 'tcp::80-:8080' }, { str: 'tcp::83-:8083' }] },
      { type: 'hubport', hubid: 5 },
    ])
  })

  test('connects cards to passt and to programs that drive them', () => {
    const devices = `
      <interface type='user'><backend type='passt'/><model type='e1000'/></interface>
      <interface type='vhostuser'><source type='unix' path='/a' mode='server'/><model type='virtio'/><driver queues='4'/></interface>
      <interface type='vhostuser'><source type='unix' path='/b' mode='client'><reconnect enabled='yes' timeout='10'/></source></interface>
      <interface type='vhostuser'><backend type='passt'/></interface>`
    const memory = `<memoryBacking><access mode='shared'/></memoryBacking>`
    const passtFds = new Map([[0, 7]])
    const argv = build({ devices, top: memory }, { passtFds })
    assert.deepEqual(values(argv, '-netdev'), [
      '{"type":"stream","addr":{"type":"fd","str":"7"},"server":false,"id":"hostnet0"}',
      '{"type":"vhost-user","chardev":"charnet1","queues":4,"id":"hostnet1"}',
      '{"type":"vhost-user","chardev":"charnet2","id":"hostnet2"}',
      '{"type":"vhost-user","chardev":"charnet3","id":"hostnet3"}',
    ])
    assert.deepEqual(
      values(argv, '-chardev').filter((one) => one.includes('net')),
      [
        'socket,id=charnet1,path=/a,server=on',
        'socket,id=charnet2,path=/b,reconnect=10',
        'socket,id=charnet3,path=/run/passt3.sock',
      ],
    )
    const old = { qemuVersion: { major: 7, minor: 1, micro: 0 }, passtFds }
    assert.throws(() => build({ devices, top: memory }, old), { code: 'QEMU_LACKS_FEATURE' })
    assert.throws(() => build({ devices }, { passtFds }), {
      message: /passt needs the guest's mem/,
    })
  })

  const hostCard = (more = ''): string =>
    `<interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:01'/><source><address type='pci' bus='3' slot='7' function='1'/>${more}</source><teaming type='transient' persistent='ua-b'/></interface>`

  test('gives the guest a network card of the host, and lets another take its place', () => {
    const spare = `<interface type='user'><model type='virtio'/><teaming type='persistent'/><alias name='ua-b'/></interface>`
    const parts = { devices: `${hostCard()}${spare}` }
    const argv = build(parts)
    const [card] = made(argv, 'vfio-pci')
    assert.deepEqual(
      [card?.['host'], card?.['id'], card?.['failover_pair_id'], card?.['bus']],
      ['0000:03:07.1', 'hostcard0', 'ua-b', 'pci.3'],
    )
    assert.equal(made(argv, 'virtio-net-pci')[0]?.['failover'], true)
    assert.equal(values(argv, '-netdev').length, 1)
  })

  test('never puts another card in the place of one of the host', () => {
    const read = (): unknown =>
      readDomain(
        parseDomainXml(
          `<domain type='qemu'><name>a</name><memory>1</memory><os><type>hvm</type></os><devices>${hostCard('<odd/>')}</devices></domain>`,
        ),
        { ignoreUnsupported: true },
      )
    assert.throws(read, { code: 'XML_UNSUPPORTED', message: /source\/odd/ })
  })

  test('connects cards to hardware', () => {
    const devices = `<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/><driver queues='2'/></interface>`
    const argv = build({ devices })
    assert.deepEqual(values(argv, '-netdev'), [
      '{"type":"vhost-vdpa","vhostdev":"/dev/vhost-vdpa-0","queues":2,"id":"hostnet0"}',
    ])
    assert.equal(made(argv, 'virtio-net-pci')[0]?.['mq'], true)
  })

  test("refuses ports that QEMU's own user network cannot forward", () => {
    for (const forward of [
      "<portForward proto='tcp'/>",
      "<portForward proto='udp' dev='e'><range start='8'/></portForward>",
    ])
      assert.throws(() => build({ devices: `<interface type='user'>${forward}</interface>` }), {
        code: 'XML_UNSUPPORTED',
        hint: /use <backend type='passt'\/>/,
      })
  })

  test('gives inherited tap devices to their cards', () => {
    const devices = `
      <interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>
      <interface type='bridge'><source bridge='br0'/><model type='virtio'/><driver name='vhost' queues='2'/></interface>`
    const taps = new Map([
      [0, { fds: [5], vhostFds: [] }],
      [1, { fds: [6, 7], vhostFds: [8, 9] }],
    ])
    assert.deepEqual(values(build({ devices }, { taps, spareUserNetworks: 1 }), '-netdev'), [
      '{"type":"tap","fd":"5","id":"hostnet0"}',
      '{"type":"tap","fds":"6:7","vhost":true,"vhostfds":"8:9","id":"hostnet1"}',
      '{"type":"user","restrict":true,"id":"sparenet0"}',
    ])
  })
})
