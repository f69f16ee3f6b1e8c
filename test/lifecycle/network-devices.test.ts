import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { cacheDir } from '../support/cache-dir.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { NetworkNamespace, noNamespaces } from '../support/network-namespace.ts'
import { isLongRun, newestQemu, oldestQemu } from '../support/qemus.ts'
import { makeQemuUser } from '../support/system-user.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

/** Open vSwitch and passt, by `scripts/network-programs`. */
const programs = join(cacheDir, 'network-programs')
const noPrograms = noNamespaces || (!existsSync(programs) && 'run `sh scripts/network-programs`')

/** The passt of Debian 13, with its libraries. */
const newerPasst = join(cacheDir, 'passt-13')
const noNewerPasst =
  noNamespaces || (!existsSync(newerPasst) && 'run `sh scripts/network-programs`')

const shortRun = isLongRun() ? false : 'the long run (npm run test:all) does this'

/** A domain `tiny` in a network namespace that has a device `v0` with a peer, and a default route. */
interface Bed extends AsyncDisposable {
  readonly dir: TempDir
  readonly image: string
  readonly log: CounterLog
  readonly host: NetworkNamespace
  /** Runs a command of Stasis that must succeed. Returns its outputs. */
  readonly good: (...args: readonly string[]) => Promise<string>
}

async function bed(emulator: string, card: string, more: string = ''): Promise<Bed> {
  const dir = await tempDir()
  const serial = { type: 'file', path: dir.join('serial') } as const
  const xml = domainXml({ name: 'tiny', guest: 'tiny', emulator, serial })
    .replace(/<interface[^]*?<\/interface>/, card)
    .replace('<vcpu', `${more}<vcpu`)
  await writeFile(dir.join('tiny.xml'), xml)
  await wrapOpenVswitch(dir)
  const host = await NetworkNamespace.make({
    STASIS_STATE_DIR: dir.join('state'),
    PATH: `${dir.join('bin')}:${programs}/usr/bin:${process.env['PATH']}`,
  })
  await host.must('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  await host.must('ip', 'address', 'add', '10.9.9.2/24', 'dev', 'v1')
  for (const device of ['v0', 'v1']) await host.must('ip', 'link', 'set', device, 'up')
  await host.must('ip', 'route', 'add', 'default', 'via', '10.9.9.1')
  return {
    ...{ dir, host, image: dir.join('image'), log: new CounterLog(serial.path) },
    good: async (...args) => {
      const { exitCode, stdout, stderr } = await host.stasis(...args)
      assert.equal(exitCode, 0, stderr)
      return stdout + stderr
    },
    async [Symbol.asyncDispose]() {
      await host.stasis('destroy', 'tiny')
      await host[Symbol.asyncDispose]()
      await dir[Symbol.asyncDispose]()
    },
  }
}

/** Its programs look for each other in the directories of the system. */
async function wrapOpenVswitch(dir: TempDir): Promise<void> {
  await mkdir(dir.join('bin'))
  const env = `OVS_RUNDIR=/run OVS_LOGDIR=/run LD_LIBRARY_PATH=${programs}/usr/lib/x86_64-linux-gnu`
  const wrapped = {
    'ovs-vsctl': 'usr/bin/ovs-vsctl',
    'ovs-appctl': 'usr/bin/ovs-appctl',
    'ovsdb-tool': 'usr/bin/ovsdb-tool',
    'ovsdb-server': 'usr/sbin/ovsdb-server',
    'ovs-vswitchd': 'usr/lib/openvswitch-switch/ovs-vswitchd',
  }
  for (const [name, path] of Object.entries(wrapped)) {
    await writeFile(dir.join(`bin/${name}`), `#!/bin/sh\n${env} exec ${programs}/${path} "$@"\n`)
    await chmod(dir.join(`bin/${name}`), 0o755)
  }
}

/** Starts Open vSwitch with a bridge `ovs0` that needs no kernel module. */
async function startOpenVswitch({ dir, host }: Bed): Promise<AsyncDisposable> {
  const schema = join(programs, 'usr/share/openvswitch/vswitch.ovsschema')
  await host.must('ovsdb-tool', 'create', dir.join('conf.db'), schema)
  const socket = '--remote=punix:/run/db.sock'
  const common = ['--detach', '--no-chdir', '--log-file', '--pidfile']
  await host.must('ovsdb-server', dir.join('conf.db'), socket, ...common)
  await host.must('ovs-vsctl', '--no-wait', 'init')
  await host.must('ovs-vswitchd', 'unix:/run/db.sock', ...common)
  await host.must(
    'ovs-vsctl',
    'add-br',
    'ovs0',
    '--',
    'set',
    'Bridge',
    'ovs0',
    'datapath_type=netdev',
  )
  return {
    async [Symbol.asyncDispose]() {
      for (const name of ['ovs-vswitchd', 'ovsdb-server'])
        await host.run('sh', '-c', `kill "$(cat /run/${name}.pid)"`)
    },
  }
}

/** Waits until a command answers nothing. */
async function untilEmpty(look: () => Promise<string>): Promise<void> {
  for (let times = 0; times < 200 && (await look()) !== ''; times++) await delay(20)
  assert.equal(await look(), '')
}

const MAC = '52:54:00:12:34:56'

function card(type: string, inside: string, model: string = 'virtio'): string {
  return `<interface type='${type}'><mac address='${MAC}'/>${inside}<model type='${model}'/></interface>`
}

const macvtaps = ({ host }: Bed): Promise<string> =>
  host.must('ip', '-o', '-d', 'link', 'show', 'type', 'macvtap')

const onV0 = card('direct', "<source dev='v0' mode='bridge'/>")

for (const { emulator, label } of oldestQemu()) {
  describe(`devices of the host for network cards of QEMU ${label}`, { skip: noNamespaces }, () => {
    test('a macvtap has the address of the card, and disappears with the guest', async () => {
      using _ = makeQemuUser()
      await using own = await bed(emulator, onV0)
      const { good, log, image, dir } = own
      assert.doesNotMatch(await good('define', dir.join('tiny.xml')), /cannot start/)
      await good('start', 'tiny')
      await log.advance(2)
      const made = new RegExp(`stasis\\d+@v0: .*UP.* ${MAC} .*macvtap +mode bridge`)
      assert.match(await macvtaps(own), made)
      assert.match(await good('domiflist', 'tiny'), /^ stasis\d{9} +direct +v0 +virtio/m)
      await good('save', 'tiny', image)
      assert.match(await good('image-check', image), /can be restored/)
      await good('restore', image)
      await log.advance(2)
      // A restored guest announces itself.
      assert.match(await good('domstats', 'tiny', '--interface'), /net\.0\.tx\.pkts=[1-9]/)
      await good('destroy', 'tiny')
      await untilEmpty(() => macvtaps(own))
      await log.assertUnbroken()
    })

    test('no macvtap is left by a QEMU or a Stasis that is killed', async () => {
      await using own = await bed(emulator, onV0)
      const { good, host, dir } = own
      await good('define', dir.join('tiny.xml'))
      await good('start', 'tiny')
      process.kill(Number(/^Id: *(\d+)/m.exec(await good('dominfo', 'tiny'))?.[1]), 'SIGKILL')
      await untilEmpty(() => macvtaps(own))

      const ip = dir.join('bin/ip')
      await writeFile(ip, '#!/bin/sh\n/usr/sbin/ip "$@"\n[ "$2" != add ] || kill -9 $PPID\n')
      await chmod(ip, 0o755)
      assert.equal((await host.stasis('start', 'tiny')).exitCode, -1)
      await untilEmpty(() => macvtaps(own))
      await rm(ip)
      await good('start', 'tiny')
    })

    test(
      'a macvtap in passthrough mode changes the address of its device only for a while',
      { skip: shortRun },
      async () => {
        const inside =
          "<source dev='v0' mode='passthrough'/><target dev='mine'/><driver queues='2'/>"
        await using own = await bed(emulator, card('direct', inside))
        const { good, host, dir } = own
        const address = (device: string): Promise<string> =>
          host.must('cat', `/sys/class/net/${device}/address`)
        const before = await address('v0')
        await good('define', dir.join('tiny.xml'))
        await good('start', 'tiny')
        assert.deepEqual([await address('v0'), await address('mine')], [`${MAC}\n`, `${MAC}\n`])
        await good('destroy', 'tiny')
        await untilEmpty(() => macvtaps(own))
        assert.equal(await address('v0'), before)
      },
    )

    test('a tap device or macvtap that exists is used as it is, and stays', async () => {
      using _ = makeQemuUser()
      const inside = "<target dev='prepared' managed='no'/>"
      await using own = await bed(emulator, card('ethernet', inside))
      const { good, host, log, image, dir } = own
      assert.match(
        await good('define', dir.join('tiny.xml')),
        /it cannot start now: .*: the tap device prepared is missing\. Create it/,
      )
      await host.must('ip', 'tuntap', 'add', 'prepared', 'mode', 'tap', 'vnet_hdr')
      const look = (): Promise<string> => host.must('ip', '-o', 'link', 'show', 'prepared')
      const before = await look()
      await good('start', 'tiny')
      await log.advance(2)
      assert.doesNotMatch(await look(), /state UP/)
      await good('save', 'tiny', image)
      assert.equal(await look(), before)
      await host.must('ip', 'link', 'delete', 'prepared')
      const macvtap = ['link', 'v0', 'name', 'prepared', 'address', MAC, 'type', 'macvtap']
      await host.must('ip', 'link', 'add', ...macvtap)
      await good('restore', image)
      await log.advance(2)
      await good('destroy', 'tiny')
      assert.match(await macvtaps(own), /prepared@v0/)
      await log.assertUnbroken()
    })

    test('a network of libvirt is one of macvtaps, and vhost is used only where the host has it', async () => {
      const network = card('network', "<source network='lab'/>")
      await using own = await bed(emulator, network)
      const { good, host, log, dir } = own
      const lab = `<network><name>lab</name><forward mode='private'><interface dev='v0'/></forward></network>`
      await host.must(
        'sh',
        '-c',
        `mkdir -p /run/libvirt/network; echo "${lab}" >/run/libvirt/network/lab.xml`,
      )
      await good('define', dir.join('tiny.xml'))
      await good('start', 'tiny')
      await log.advance(2)
      assert.match(await macvtaps(own), new RegExp(`@v0: .* ${MAC} .*mode private`))
      assert.match(await good('domiflist', 'tiny'), /^ stasis\d{9} +network +lab +virtio/m)
      await good('destroy', 'tiny')
      const xml = await readFile(dir.join('tiny.xml'), 'utf8')
      const nowhere = "<driver name='vhost'/><backend vhost='/dev/nosuch'/>"
      await writeFile(dir.join('vhost.xml'), xml.replace('</interface>', `${nowhere}</interface>`))
      await good('define', dir.join('vhost.xml'))
      const refused = await host.stasis('start', 'tiny')
      assert.match(
        refused.stderr,
        /^error: .*: \/dev\/nosuch cannot be opened\n.*\nhint: .*<driver name='qemu'/,
      )
      await untilEmpty(() => macvtaps(own))
    })

    test('scripts set up a tap device and run at its end, if they are allowed', async () => {
      await using dir = await tempDir()
      const [up, down, said] = [dir.join('up'), dir.join('down'), dir.join('said')]
      for (const script of [up, down])
        await writeFile(script, `#!/bin/sh\necho ${script} "$@" >>${said}\n`, { mode: 0o755 })
      const inside = `<script path='${up}'/><target dev='mine'/><downscript path='${down}'/>`
      await using own = await bed(emulator, card('ethernet', inside))
      const { good, host } = own
      const xml = own.dir.join('tiny.xml')
      const refused = await host.stasis('define', xml)
      assert.match(
        refused.stderr,
        /a network script is a program .*\/up\nhint: Allow it with --allow script:.*\/up/,
      )
      await good('define', xml, '--allow', 'script:*')
      await good('start', 'tiny')
      assert.equal(await readFile(said, 'utf8'), `${up} mine\n`)
      await good('destroy', 'tiny')
      const all = `${up} mine\n${down} mine\n`
      await untilEmpty(async () => ((await readFile(said, 'utf8')) === all ? '' : 'not yet'))
    })
  })

  describe(`programs of the host for network cards of QEMU ${label}`, { skip: noPrograms }, () => {
    test('a card is a port of Open vSwitch as long as its guest runs', async () => {
      using _ = makeQemuUser()
      const port = `<virtualport type='openvswitch'><parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f' profileid='bob'/></virtualport>`
      const vlan = `<vlan trunk='yes'><tag id='42'/><tag id='48' nativeMode='untagged'/></vlan>`
      await using own = await bed(emulator, card('bridge', `<source bridge='ovs0'/>${vlan}${port}`))
      const { good, host, log, image, dir } = own
      assert.match(
        await good('define', dir.join('tiny.xml')),
        /it cannot start now: .*: Open vSwitch does not answer: .*\. Start Open vSwitch, or use/,
      )
      await using __ = await startOpenVswitch(own)
      const ports = (): Promise<string> => host.must('ovs-vsctl', 'list-ports', 'ovs0')
      const get = (table: string, name: string, column: string): Promise<string> =>
        host.must('ovs-vsctl', 'get', table, name, column)
      await good('start', 'tiny')
      await log.advance(2)
      const name = (await ports()).trim()
      assert.match(await good('domiflist', 'tiny'), new RegExp(`^ ${name} +bridge +ovs0 `, 'm'))
      assert.match(
        await get('Interface', name, 'external_ids'),
        /^{attached-mac="52:54:00:12:34:56", iface-id="09b11c53-[-0-9a-f]*", iface-status=active, port-profile=bob, vm-id="[-0-9a-f]{36}"}\n$/,
      )
      assert.equal(await get('Port', name, 'trunks'), '[42, 48]\n')
      assert.equal(await get('Port', name, 'tag'), '48\n')
      assert.equal(await get('Port', name, 'vlan_mode'), 'native-untagged\n')
      await good('save', 'tiny', image)
      await untilEmpty(ports)
      await good('restore', image)
      await log.advance(2)
      // A restored guest announces itself.
      assert.match(await host.must('ovs-appctl', 'fdb/show', 'ovs0'), new RegExp(`48 +${MAC}`))
      process.kill(Number(/^Id: *(\d+)/m.exec(await good('dominfo', 'tiny'))?.[1]), 'SIGKILL')
      await untilEmpty(ports)
      await log.assertUnbroken()

      // A bridge that a caller names may be one of Open vSwitch as well.
      const xml = await readFile(dir.join('tiny.xml'), 'utf8')
      const other = card('network', "<source network='office'/>")
      await writeFile(dir.join('other.xml'), xml.replace(/<interface[^]*?<\/interface>/, other))
      await good('define', dir.join('other.xml'), '--network', 'office=bridge:ovs0')
      await good('start', 'tiny')
      assert.match(await get('Interface', (await ports()).trim(), 'external_ids'), /iface-id=/)
    })

    test('passt connects a guest, forwards ports, and ends with it', async () => {
      using _ = makeQemuUser()
      const forward = `<portForward proto='tcp' address='127.0.0.1'><range start='2222' to='22'/></portForward>`
      const passt = (): string => card('user', `${forward}<backend type='passt'/>`)
      await using own = await bed(emulator, passt())
      const { good, host, log, image, dir } = own
      await good('define', dir.join('tiny.xml'))
      const listening = (): Promise<string> => host.must('ss', '-Hltn', 'sport', '=', ':2222')
      for (const act of [
        ['start', 'tiny'],
        ['restore', image],
      ]) {
        assert.doesNotMatch(await good(...act), /passt/)
        await log.advance(2)
        assert.match(await listening(), /127\.0\.0\.1:2222/)
        await good('save', 'tiny', image)
        await untilEmpty(listening)
      }
      await good('restore', image)
      process.kill(Number(/^Id: *(\d+)/m.exec(await good('dominfo', 'tiny'))?.[1]), 'SIGKILL')
      await untilEmpty(listening)

      await host.must('ip', 'route', 'delete', 'default')
      const offline = await host.stasis('start', 'tiny')
      assert.match(offline.stderr, /^error: passt ended: .*External interface not usable/)
      await log.assertUnbroken()
    })
  })
}

for (const { emulator, label } of newestQemu()) {
  const name = `passt drives a card of QEMU ${label} through the memory of the guest`
  test(name, { skip: noNewerPasst }, async () => {
    using _ = makeQemuUser()
    const inside = `<portForward proto='tcp' address='127.0.0.1'><range start='2222' to='22'/></portForward><backend type='passt'/>`
    const memory = "<memoryBacking><access mode='shared'/></memoryBacking>"
    await using own = await bed(emulator, card('vhostuser', inside), memory)
    const { good, host, log, image, dir } = own
    const lib = `${newerPasst}/usr/lib/x86_64-linux-gnu`
    const start = `${newerPasst}/usr/lib64/ld-linux-x86-64.so.2 --library-path ${lib}`
    const script = `#!/bin/sh\nexec ${start} ${newerPasst}/usr/bin/passt "$@"\n`
    await writeFile(dir.join('bin/passt'), script, { mode: 0o755 })
    await good('define', dir.join('tiny.xml'))
    const listening = (): Promise<string> => host.must('ss', '-Hltn', 'sport', '=', ':2222')
    await good('start', 'tiny')
    await log.advance(2)
    assert.match(await listening(), /127\.0\.0\.1:2222/)
    await good('save', 'tiny', image)
    await untilEmpty(listening)
    await good('restore', image)
    await log.advance(2)
    assert.match(await listening(), /127\.0\.0\.1:2222/)
    await good('destroy', 'tiny')
    await untilEmpty(listening)
    await log.assertUnbroken()
  })
}
