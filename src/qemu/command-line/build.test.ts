import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { normaliseDomain } from '../domain-xml/normalise.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import { parseDomainXml } from '../domain-xml/parse.ts'
import { readDomain } from '../domain-xml/read-domain.ts'
import { buildCommandLine } from './build.ts'
import { clockEnvironment } from './clock.ts'
import { filesToMake } from './firmware.ts'
import { memoryBackends } from './memory.ts'
import type { CommandLineOptions } from './options.ts'

interface Parts {
  readonly type?: string
  readonly machine?: string
  readonly top?: string
  readonly os?: string
  readonly devices?: string
}

function domain(parts: Parts = {}): Domain {
  const text = `<domain type='${parts.type ?? 'qemu'}'><name>a,b</name><memory unit='MiB'>64</memory>${parts.top ?? ''}
<os><type arch='x86_64' machine='${parts.machine ?? 'pc-q35-7.2'}'>hvm</type>${parts.os ?? ''}</os>
<devices>${parts.devices ?? ''}</devices></domain>`
  return readDomain(normaliseDomain(parseDomainXml(text))).domain
}

const usual: CommandLineOptions = {
  qemuVersion: { major: 7, minor: 2, micro: 0 },
  monitors: [],
  incoming: false,
}

function build(parts: Parts, options: Partial<CommandLineOptions> = {}): readonly string[] {
  return buildCommandLine(domain(parts), { ...usual, ...options })
}

/** The values of an option. */
function values(argv: readonly string[], name: string): readonly string[] {
  return argv.filter((_, at) => argv[at - 1] === name)
}

/** The properties of the devices, objects or nodes of `driver` (or of that `qom-type`). */
function made(argv: readonly string[], driver: string): readonly Record<string, unknown>[] {
  return ['-device', '-object', '-blockdev', '-netdev']
    .flatMap((name) => values(argv, name))
    .map((text) => JSON.parse(text) as Record<string, unknown>)
    .filter((one) => [one['driver'], one['qom-type'], one['type']].includes(driver))
}

suite('buildCommandLine()', () => {
  test('boots from a shared directory, and says how many files may be open', () => {
    const share = (driver: string, more = ''): Parts => ({
      top: `<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>`,
      devices: `<filesystem type='mount'>${driver}<boot order='2'/><source dir='/d'/><target dir='t'/>${more}</filesystem>`,
    })
    const binary = `<binary><lock posix='off' flock='off'/><openfiles max='1000'/></binary>`
    const virtiofs = share(`<driver type='virtiofs'/>`, binary)
    assert.deepEqual(
      made(build(virtiofs), 'vhost-user-fs-pci').map(({ bootindex }) => bootindex),
      [2],
    )
    const [{ source } = { source: undefined }] = domain(virtiofs).sharedDirectories
    assert.deepEqual(source?.type === 'virtiofs' ? source.from : undefined, {
      directory: '/d',
      options: ['--rlimit-nofile=1000'],
    })
    assert.throws(() => build(share('')), { code: 'XML_INVALID', message: /virtiofs/ })
  })

  test('hands ACPI tables to the guest, and texts and files to its firmware', () => {
    const tables = `<acpi><table type='raw'>/a,b</table><table type='slic'>/s</table></acpi>`
    const entry = (attributes: string, content = ''): string =>
      `<sysinfo type='fwcfg'><entry ${attributes}>${content}</entry></sysinfo>`
    const acpi = '<features><acpi/></features>'
    const argv = build({
      os: tables,
      top:
        acpi +
        `<sysinfo type='smbios'/>` +
        entry(`name='opt/com.example/a'`, 'b, c') +
        entry(`name='opt/com.coreos/config' file='/ign'`),
    })
    assert.deepEqual(values(argv, '-acpitable'), ['file=/a,,b', 'sig=SLIC,file=/s'])
    assert.deepEqual(values(argv, '-fw_cfg'), [
      'name=opt/com.example/a,string=b,, c',
      'name=opt/com.coreos/config,file=/ign',
    ])
    const invalid = { code: 'XML_INVALID' }
    assert.throws(() => build({ os: tables }), invalid)
    for (const path of ['a', '/a:b'])
      assert.throws(() => build({ os: tables.replace('/s', path), top: acpi }), invalid, path)
    for (const [attributes, content] of [
      [`name='etc/a'`, 'b'],
      [`name='opt/ovmf/a'`, 'b'],
      [`name='opt/org.qemu/a'`, 'b'],
      [`name='opt/${'a'.repeat(60)}'`, 'b'],
      [`name='opt/a/b'`, ''],
      [`name='opt/a/b' file='/c'`, 'b'],
      [`name='opt/a/b' file='c'`, ''],
    ] as const)
      assert.throws(() => build({ top: entry(attributes, content) }), invalid, attributes)
  })
  test('starts paused, escapes commas and creates the monitors', () => {
    const argv = build({}, { monitors: [{ id: 'control', path: '/run/a,b/qmp' }] })
    assert.ok(argv.includes('-S'))
    assert.ok(!argv.includes('-no-shutdown'))
    assert.deepEqual(values(argv, '-name'), ['guest=a,,b,debug-threads=on'])
    assert.ok(argv.includes('socket,id=charcontrol,path=/run/a,,b/qmp,server=on,wait=off'))
    assert.deepEqual(values(argv, '-mon'), ['chardev=charcontrol,id=control,mode=control'])
  })

  test('selects the processor by mode and accelerator', () => {
    const cpu = (top: string, type = 'kvm', options: Partial<CommandLineOptions> = {}): unknown =>
      values(build({ top, type }, options), '-cpu')[0]
    assert.equal(cpu(`<cpu mode='host-passthrough'/>`), 'host,migratable=on')
    assert.equal(cpu(`<cpu mode='host-passthrough'/>`, 'qemu'), 'max,migratable=on')
    assert.equal(cpu(`<cpu mode='host-model'/>`), 'host')
    assert.equal(cpu(`<cpu mode='host-model'/>`, 'kvm', { accelerator: 'tcg' }), 'max')
    assert.equal(cpu(`<cpu mode='maximum'/>`), 'max')
    assert.equal(
      cpu(
        `<cpu mode='custom'><model vendor_id='GenuineIntel'>Skylake-Client</model><feature policy='disable' name='mpx'/>
        <feature policy='optional' name='x2apic'/><feature policy='force' name='pclmuldq'/><cache mode='passthrough'/></cpu>`,
      ),
      'Skylake-Client,vendor=GenuineIntel,mpx=off,pclmulqdq=on,host-cache-info=on,l3-cache=off',
    )
  })

  test('adds timers, Hyper-V and KVM features to the processor', () => {
    const top = `<features><acpi/><apic eoi='on'/><hyperv><relaxed state='on'/><spinlocks state='on' retries='8191'/><stimer state='on'><direct state='on'/></stimer>
      <vendor_id state='on' value='us'/>
      <tlbflush state='on'><direct state='on'/><extended state='on'/></tlbflush><ipi state='off'/></hyperv><kvm><hidden state='on'/><pv-ipi state='off'/></kvm><pmu state='off'/></features>
      <clock offset='utc'><timer name='kvmclock' present='no'/><timer name='hypervclock' present='yes'/><timer name='tsc' frequency='3000000000'/></clock>`
    assert.equal(
      values(build({ top }), '-cpu')[0],
      'qemu64,kvmclock=off,hv-time=on,tsc-frequency=3000000000,kvm-pv-eoi=on,hv-relaxed=on,hv-spinlocks=0x1fff,hv-stimer=on,' +
        'hv-stimer-direct=on,hv-vendor-id=us,hv-tlbflush=on,hv-tlbflush-direct=on,hv-tlbflush-ext=on,kvm=off,kvm-pv-ipi=off,pmu=off',
    )
    const sly = `<features><hyperv><vendor_id state='on' value='x,kvm=off'/></hyperv></features>`
    assert.throws(() => build({ top: sly }), { code: 'XML_INVALID' })
  })

  test('turns ACPI off unless the XML has it, as libvirt does', () => {
    assert.match(values(build({}), '-machine')[0] ?? '', /,acpi=off$/)
    const top = '<features><acpi/></features>'
    assert.match(values(build({ top }), '-machine')[0] ?? '', /,acpi=on$/)
  })

  test('puts RAM into the given files, always under the id that images name', () => {
    const ram = (top: string, options: Partial<CommandLineOptions> = {}): unknown =>
      values(build({ top }, options), '-object').map((text) => JSON.parse(text) as unknown)[0]
    const size = 64 * 1024 * 1024
    const plain = { 'x-use-canonical-path-for-ramblock-id': false }
    assert.deepEqual(ram(''), { 'qom-type': 'memory-backend-ram', id: 'pc.ram', size })
    assert.deepEqual(ram(`<memoryBacking><access mode='shared'/></memoryBacking>`), {
      'qom-type': 'memory-backend-memfd',
      id: 'pc.ram',
      share: true,
      ...plain,
      size,
    })
    const huge = `<memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking>`
    assert.deepEqual(ram(huge), {
      'qom-type': 'memory-backend-memfd',
      id: 'pc.ram',
      hugetlb: true,
      hugetlbsize: 2 * 1024 * 1024,
      share: false,
      ...plain,
      prealloc: true,
      size,
    })
    const file = { path: '/ram', share: false, offset: 4096, readonly: true }
    const memoryFiles = new Map([['pc.ram', file]])
    const ten = { major: 10, minor: 0, micro: 2 }
    assert.deepEqual(ram('', { memoryFiles, qemuVersion: ten }), {
      'qom-type': 'memory-backend-file',
      id: 'pc.ram',
      'mem-path': '/ram',
      share: false,
      offset: 4096,
      readonly: true,
      rom: 'off',
      ...plain,
      size,
    })
    assert.throws(() => ram('', { memoryFiles }), {
      code: 'QEMU_LACKS_FEATURE',
      message: /QEMU 7\.2\.0 .*QEMU 8\.1/,
    })
  })

  test('gives NUMA cells RAM of their own, except on machine types that divide one block', () => {
    const top = `<vcpu>2</vcpu><cpu><numa><cell cpus='0' memory='32' unit='MiB'/><cell cpus='1' memory='32' unit='MiB'/></numa></cpu>`
    assert.deepEqual(
      memoryBackends(domain({ top })).map((one) => one.id),
      ['ram-node0', 'ram-node1'],
    )
    const old = { top, machine: 'pc-i440fx-5.0' }
    assert.deepEqual(
      memoryBackends(domain(old)).map((one) => one.id),
      ['pc.ram'],
    )
    assert.deepEqual(values(build(old), '-numa'), [
      'node,nodeid=0,cpus=0,mem=32',
      'node,nodeid=1,cpus=1,mem=32',
    ])
    const twice = top.replace("cpus='1'", "cpus='0'")
    assert.throws(() => build({ top: twice }), { code: 'XML_INVALID', message: /two cells/ })
  })

  test('refuses a topology that does not multiply to the number of processors', () => {
    const topology = `<topology sockets='2' cores='2' threads='2'/>`
    const top = (vcpus: number): string => `<vcpu current='1'>${vcpus}</vcpu><cpu>${topology}</cpu>`
    assert.deepEqual(values(build({ top: top(8) }), '-smp'), [
      '1,maxcpus=8,sockets=2,cores=2,threads=2',
    ])
    assert.throws(() => build({ top: top(4) }), { code: 'XML_INVALID', message: /describes 8/ })
  })

  test('maps the reactions to the end of the guest', () => {
    const action = (poweroff: string, reboot: string, crash: string, devices = ''): unknown =>
      values(
        build({
          top: `<on_poweroff>${poweroff}</on_poweroff><on_reboot>${reboot}</on_reboot><on_crash>${crash}</on_crash>`,
          devices,
        }),
        '-action',
      )[0]
    const panic = `<panic model='isa'/>`
    assert.equal(action('destroy', 'restart', 'destroy'), undefined)
    assert.equal(action('destroy', 'destroy', 'restart'), 'reboot=shutdown')
    assert.equal(
      action('preserve', 'preserve', 'preserve', panic),
      'reboot=shutdown,shutdown=pause,panic=pause',
    )
    assert.throws(() => action('destroy', 'restart', 'restart', panic), { code: 'XML_UNSUPPORTED' })
    assert.throws(() => action('destroy', 'preserve', 'destroy'), { code: 'XML_UNSUPPORTED' })
  })

  test('takes the boot order from <os> for the first device of each kind, or from the devices', () => {
    const disk = (dev: string, boot = '', kind = 'disk'): string =>
      `<disk device='${kind}'><source file='/${dev}'/><target dev='${dev}' bus='sata'/>${boot}</disk>`
    const card = `<interface type='user'/>`
    const indexes = (parts: Parts): unknown =>
      [
        ...made(build(parts), 'ide-hd'),
        ...made(build(parts), 'ide-cd'),
        ...made(build(parts), 'rtl8139'),
      ].map((one) => one['bootindex'])
    const devices = disk('sda') + disk('sdb') + disk('sdc', '', 'cdrom') + card
    const os = `<boot dev='cdrom'/><boot dev='network'/><boot dev='hd'/>`
    assert.deepEqual(indexes({ os, devices }), [3, undefined, 1, 2])
    const own = disk('sda', "<boot order='2'/>") + disk('sdb', "<boot order='1'/>")
    assert.deepEqual(indexes({ devices: own }), [2, 1])
    assert.throws(() => build({ devices: own.replace("'2'", "'1'") }), { code: 'XML_INVALID' })
    assert.throws(() => build({ os, devices: own }), { code: 'XML_INVALID' })
  })

  test('translates cache modes', () => {
    const disk = (driver: string): string =>
      `<disk><driver ${driver}/><source file='/x'/><target dev='vda'/></disk>`
    const argv = build({ devices: disk(`cache='none' io='native'`) })
    assert.equal(made(argv, 'virtio-blk-pci')[0]?.['write-cache'], 'on')
    assert.deepEqual(made(argv, 'raw')[0]?.['cache'], { direct: true, 'no-flush': false })
    assert.equal(made(argv, 'file')[0]?.['aio'], 'native')
    const through = build({ devices: disk(`cache='writethrough'`) })
    assert.equal(made(through, 'virtio-blk-pci')[0]?.['write-cache'], 'off')
    assert.throws(() => build({ devices: disk(`io='native'`) }), { code: 'XML_INVALID' })
  })

  test('builds a chain of images from the bottom and makes lower layers read-only', () => {
    const devices = `<disk><driver type='qcow2'/><source file='/top'/><target dev='vda'/>
      <backingStore type='file'><format type='qcow2'/><source file='/base'/><backingStore/></backingStore></disk>`
    const nodes = made(build({ devices }), 'qcow2')
    assert.deepEqual(
      nodes.map((one) => [one['node-name'], one['read-only'], one['backing']]),
      [
        ['libvirt-1-b-format', true, null],
        ['libvirt-1-format', false, 'libvirt-1-b-format'],
      ],
    )
  })

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

  test('creates serial ports on files, sockets and terminals', () => {
    const devices = `<serial type='file'><source path='/a,b' append='on'/><log file='/l' append='off'/></serial>
      <serial type='unix'><source path='/s' mode='connect'><reconnect enabled='yes' timeout='2'/></source></serial>
      <serial type='tcp'><source mode='bind' host='::1' service='4555'/></serial><serial type='unix'/>`
    const chardevs = (options: Partial<CommandLineOptions>): readonly string[] =>
      values(build({ devices }, options), '-chardev')
    assert.deepEqual(chardevs({ socketDirectory: '/run' }), [
      'file,id=charserial0,path=/a,,b,append=on,logfile=/l,logappend=off',
      'socket,id=charserial1,path=/s,reconnect=2',
      'socket,id=charserial2,host=::1,port=4555,server=on,wait=off',
      'socket,id=charserial3,path=/run/serial3.sock,server=on,wait=off',
    ])
    const new_ = { socketDirectory: '/run', qemuVersion: { major: 9, minor: 2, micro: 0 } }
    assert.equal(chardevs(new_)[1], 'socket,id=charserial1,path=/s,reconnect-ms=2000')
    assert.throws(() => chardevs({}), { code: 'XML_INVALID', message: /serial\[4\].*no path/ })
  })

  test('serves VNC on any free port of this host unless the XML has a port', () => {
    const vnc = (attributes: string): unknown =>
      values(build({ devices: `<graphics type='vnc' ${attributes}/>` }), '-vnc')[0]
    const audio = ',audiodev=audio1'
    assert.equal(vnc(''), `127.0.0.1:0,to=59635${audio}`)
    assert.equal(vnc(`port='5901' listen='::'`), `[::]:1${audio}`)
    assert.equal(vnc(`socket='/a,b'`), `vnc=unix:/a,,b${audio}`)
    assert.equal(vnc(`port='5901' passwd='secret'`), `127.0.0.1:1,password=on${audio}`)
    assert.throws(() => vnc(`port='80'`), { code: 'XML_INVALID' })
  })

  test('serves SPICE with the options of the XML, and its password only by QMP', () => {
    const spice = (attributes: string, inner = ''): unknown =>
      values(
        build({ devices: `<graphics type='spice' ${attributes}>${inner}</graphics>` }),
        '-spice',
      )[0]
    assert.equal(
      spice(`port='5901' passwd='secret'`, `<image compression='off'/><mouse mode='client'/>`),
      'port=5901,addr=127.0.0.1,agent-mouse=on,image-compression=off,seamless-migration=on',
    )
    assert.equal(
      spice(`socket='/a,b'`, `<clipboard copypaste='no'/><filetransfer enable='no'/>`),
      'unix=on,addr=/a,,b,disable-ticketing=on,disable-copy-paste=on,disable-agent-file-xfer=on,seamless-migration=on',
    )
    assert.equal(
      spice(`port='5901' tlsPort='5902'`, `<channel name='main' mode='secure'/>`),
      'port=5901,tls-port=5902,addr=127.0.0.1,disable-ticketing=on,x509-dir=/etc/pki/libvirt-spice,tls-channel=main,seamless-migration=on',
    )
    assert.throws(() => spice(`port='5901' defaultMode='secure'`), { code: 'XML_INVALID' })
  })

  test('shows the guest on displays of the host', () => {
    const display = (graphics: string): readonly string[] =>
      values(build({ devices: graphics }), '-display')
    assert.deepEqual(display(`<graphics type='egl-headless'><gl rendernode='/r'/></graphics>`), [
      'egl-headless,rendernode=/r',
    ])
    assert.deepEqual(display(`<graphics type='sdl' display=':0'/>`), ['sdl'])
    assert.deepEqual(display(`<graphics type='dbus' p2p='yes'/>`), ['dbus,p2p=on'])
    const two = `<graphics type='egl-headless'/><graphics type='sdl'/>`
    assert.throws(() => display(two), { code: 'XML_INVALID' })
  })

  test('passes redirected USB devices, smart cards and a filter', () => {
    const devices = `<redirdev bus='usb' type='tcp'><source mode='connect' host='a' service='1'/><boot order='2'/></redirdev>
      <redirfilter><usbdev class='0x08' version='1.1' allow='yes'/><usbdev allow='no'/></redirfilter>
      <smartcard mode='host-certificates'><certificate>a</certificate><certificate>b</certificate><certificate>c</certificate></smartcard>`
    const argv = build({ devices })
    const [redirection] = made(argv, 'usb-redir')
    assert.equal(redirection?.['filter'], '0x08:-1:-1:0x0110:1|-1:-1:-1:-1:0')
    assert.equal(redirection?.['bootindex'], 2)
    const [card] = made(argv, 'ccid-card-emulated')
    assert.deepEqual(
      [card?.['cert3'], card?.['db'], card?.['bus']],
      ['c', '/etc/pki/nssdb', 'ccid0.0'],
    )
    assert.equal(made(argv, 'usb-ccid').length, 1)
  })

  test('connects ports to the host in every way', () => {
    const chardev = (type: string, source: string): unknown =>
      values(build({ devices: `<serial type='${type}'>${source}</serial>` }), '-chardev')[0]
    const ends = `<source mode='bind' service='1'/><source mode='connect' host='h' service='2'/>`
    assert.equal(chardev('udp', ends), 'udp,id=charserial0,host=h,port=2,localaddr=,localport=1')
    assert.equal(
      chardev('dev', `<source path='/dev/ttyS0'/>`),
      'serial,id=charserial0,path=/dev/ttyS0',
    )
    assert.equal(chardev('pipe', `<source path='/p'/>`), 'pipe,id=charserial0,path=/p')
    assert.equal(chardev('spiceport', `<source channel='n'/>`), 'spiceport,id=charserial0,name=n')
    const parallel = `<parallel type='dev'><source path='/dev/parport0'/></parallel>`
    assert.deepEqual(values(build({ devices: parallel }), '-chardev'), [
      'parallel,id=charparallel0,path=/dev/parport0',
    ])
    const forward = `<channel type='pipe'><source path='/p'/><target type='guestfwd' address='10.0.2.1' port='46'/></channel>`
    assert.deepEqual(made(build({ devices: forward }), 'user')[0]?.['guestfwd'], [
      { str: 'tcp:10.0.2.1:46-chardev:charguestfwd0' },
    ])
    const missing = `<channel type='pipe'><source path='/p'/><target type='guestfwd' address='x' port='46'/></channel>`
    assert.throws(() => build({ devices: missing }), { code: 'XML_INVALID' })
  })

  test('sends each sound card to its backend', () => {
    const devices = `<audio id='1' type='none'/><audio id='2' type='pulseaudio' serverName='s'><output latency='9'/></audio>
      <sound model='sb16'><audio id='2'/></sound><sound model='pcspk'/><sound model='virtio' streams='4'/>`
    const argv = build({ devices })
    assert.deepEqual(values(argv, '-audiodev'), [
      '{"id":"audio1","driver":"none"}',
      '{"id":"audio2","driver":"pa","server":"s","out":{"latency":9}}',
    ])
    assert.equal(made(argv, 'sb16')[0]?.['audiodev'], 'audio2')
    assert.equal(made(argv, 'virtio-sound-pci')[0]?.['streams'], 4)
    assert.match(values(argv, '-machine')[0] ?? '', /,pcspk-audiodev=audio1/)
  })

  test('sets the clock by the given current time', () => {
    const rtc = (clock: string): unknown =>
      values(build({ top: clock }, { now: new Date('2026-01-02T03:04:05Z') }), '-rtc')[0]
    assert.equal(rtc(`<clock offset='variable' adjustment='-3600'/>`), 'base=2026-01-02T02:04:05')
    assert.equal(rtc(`<clock offset='absolute' start='86400'/>`), 'base=1970-01-02T00:00:00')
    const zone = `<clock offset='timezone' timezone='Europe/Berlin'/>`
    assert.equal(rtc(zone), 'base=localtime')
    assert.deepEqual(clockEnvironment(domain({ top: zone })), { TZ: 'Europe/Berlin' })
  })

  test('creates the flash memories of a UEFI firmware and reports the file to copy', () => {
    const os = `<loader readonly='yes' type='pflash'>/code.fd</loader><nvram template='/vars.fd'>/own.fd</nvram>`
    const top = '<features><acpi/></features>'
    const argv = build({ os, top })
    assert.match(
      values(argv, '-machine')[0] ?? '',
      /,pflash0=libvirt-pflash0-format,pflash1=libvirt-pflash1-format/,
    )
    assert.deepEqual(
      made(argv, 'raw').map((one) => one['read-only']),
      [true, false],
    )
    assert.deepEqual(filesToMake(domain({ os, top })), [{ path: '/own.fd', template: '/vars.fd' }])
  })

  test("gives a disk's product, removability and SCSI device id QEMU's names", () => {
    const disk = (bus: string, rest: string, target = ''): string =>
      `<disk><source file='/x'/><target dev='sda' bus='${bus}' ${target}/>${rest}</disk>`
    const first = (driver: string, devices: string): Record<string, unknown> | undefined =>
      made(build({ devices }), driver)[0]
    const sata = first('ide-hd', disk('sata', '<product>p</product>'))
    assert.deepEqual([sata?.['model'], sata?.['product']], ['p', undefined])
    const virtio = `<controller type='scsi' index='0' model='virtio-scsi'/>`
    const narrow = `<controller type='scsi' index='0' model='lsilogic'/>`
    const scsi = first('scsi-hd', virtio + disk('scsi', '<product>p</product>', "removable='on'"))
    assert.deepEqual(
      [scsi?.['model'], scsi?.['product'], scsi?.['removable'], scsi?.['device_id']],
      [undefined, 'p', true, 'drive-scsi0-0-0-0'],
    )
    const lsi = first('scsi-hd', narrow + disk('scsi', ''))
    assert.deepEqual([lsi?.['device_id'], lsi?.['id']], ['drive-scsi0-0-0', 'scsi0-0-0'])
    const named = first('scsi-hd', virtio + disk('scsi', "<alias name='ua-my'/>"))
    assert.equal(named?.['device_id'], 'drive-ua-my')
    assert.equal(
      first('ide-hd', disk('sata', '<serial>a b</serial>'))?.['serial'],
      String.raw`a\ b`,
    )
  })

  test("opens the host's own drive as such, so that an eject reaches it", () => {
    const devices = `<disk type='block' device='cdrom'><source dev='/dev/sr0'/><target dev='sda' bus='sata'/></disk>
      <disk type='block' device='cdrom'><source dev='/dev/vg/iso'/><target dev='sdb' bus='sata'/></disk>`
    const argv = build({ devices }, { opticalDrives: new Set(['/dev/sr0']) })
    assert.equal(made(argv, 'host_cdrom')[0]?.['filename'], '/dev/sr0')
    assert.equal(made(argv, 'host_device')[0]?.['filename'], '/dev/vg/iso')
  })

  test('shows the menu for a time only where there is a menu', () => {
    const boot = (menu: string): unknown => values(build({ os: menu }), '-boot')[0]
    assert.equal(boot(`<bootmenu enable='yes' timeout='3'/>`), 'menu=on,splash-time=3,strict=on')
    assert.equal(boot(`<bootmenu enable='no' timeout='3'/>`), 'menu=off,strict=on')
  })

  test('reserves memory behind a bridge', () => {
    const devices = `<controller type='pci' index='1' model='dmi-to-pci-bridge'/>
      <controller type='pci' index='2' model='pci-bridge'><target memReserve='8196'/></controller>`
    assert.equal(made(build({ devices }), 'pci-bridge')[0]?.['mem-reserve'], 8196 * 1024)
  })

  test('makes one graphics card primary, and moves it to the front', () => {
    const video = (type: string, primary = ''): string =>
      `<video><model type='${type}' ${primary}/></video>`
    const primary = "primary='yes'"
    const argv = build({ devices: video('qxl') + video('qxl', primary) })
    assert.deepEqual(
      [...made(argv, 'qxl-vga'), ...made(argv, 'qxl')].map((one) => [one['id'], one['addr']]),
      [
        ['video0', '0x1'],
        ['video1', '0x1'],
      ],
    )
    const refused = { code: 'XML_INVALID' }
    const two = video('qxl', primary) + video('qxl', primary)
    assert.throws(() => build({ devices: two }), refused)
    assert.throws(() => build({ devices: video('qxl') + video('none') }), refused)
  })

  test("refuses another UUID in the SMBIOS tables than the domain's", () => {
    const sysinfo = (uuid: string): string =>
      `<uuid>11111111-2222-3333-4444-000000000072</uuid><sysinfo type='smbios'><system><entry name='uuid'>${uuid}</entry></system></sysinfo>`
    const smbios = (uuid: string): unknown =>
      values(build({ top: sysinfo(uuid), os: `<smbios mode='sysinfo'/>` }), '-smbios')[0]
    const own = '11111111-2222-3333-4444-000000000072'
    assert.equal(smbios(own), `type=1,uuid=${own}`)
    assert.throws(() => smbios('11111111-2222-3333-4444-000000000073'), { code: 'XML_INVALID' })
  })

  test('gives modules and devices memory of their own, behind that of the cells', () => {
    const target = (size: number, rest = ''): string =>
      `<target><size unit='MiB'>${size}</size>${rest}</target>`
    const devices = `<memory model='dimm'>${target(4)}</memory>
      <memory model='dimm'>${target(3)}<address type='dimm' slot='0' base='0x100000000'/></memory>
      <memory model='nvdimm' access='shared'><source><path>/nv</path></source>${target(2, "<label><size unit='KiB'>128</size></label>")}</memory>
      <memory model='virtio-mem'>${target(8, "<block unit='MiB'>2</block><requested unit='MiB'>4</requested>")}</memory>`
    const top = `<maxMemory unit='MiB' slots='4'>1024</maxMemory><vcpu>2</vcpu>`
    const argv = build({ top, devices })
    assert.deepEqual(values(argv, '-m'), ['size=47104k,slots=4,maxmem=1048576k'])
    assert.deepEqual(values(argv, '-numa'), ['node,nodeid=0,cpus=0-1,memdev=ram-node0'])
    assert.match(values(argv, '-machine')[0] ?? '', /,nvdimm=on/)
    assert.deepEqual(
      memoryBackends(domain({ top, devices })).map(
        ({ id, sizeBytes }) => `${id} ${sizeBytes / 1024 / 1024}`,
      ),
      ['ram-node0 46', 'memdimm1 4', 'memdimm0 4', 'memnvdimm2 2', 'memvirtiomem0 8'],
    )
    assert.deepEqual(
      made(argv, 'pc-dimm').map((one) => [one['id'], one['slot'], one['addr'], one['node']]),
      [
        ['dimm1', 1, undefined, 0],
        ['dimm0', 0, 4294967296, 0],
      ],
    )
    const file = made(argv, 'memory-backend-file')[0]
    assert.deepEqual([file?.['mem-path'], file?.['share'], file?.['prealloc']], ['/nv', true, true])
    assert.equal(made(argv, 'nvdimm')[0]?.['label-size'], 128 * 1024)
    const virtio = made(argv, 'virtio-mem-pci')[0]
    assert.deepEqual([virtio?.['block-size'], virtio?.['requested-size']], [2097152, 4194304])
    const refused = { code: 'XML_INVALID' }
    assert.throws(() => build({ top: top.replace("slots='4'", "slots='2'"), devices }), refused)
    assert.throws(() => build({ devices }), refused)
    const elsewhere = devices.replace('</size>', '</size><node>7</node>')
    assert.throws(() => build({ top, devices: elsewhere }), { ...refused, message: /cell 7/ })
  })

  test('binds memory to nodes of the host, and leaves out those that it does not have', () => {
    const cells = `<vcpu>2</vcpu><cpu><numa><cell cpus='0' memory='32' unit='MiB'/><cell cpus='1' memory='32' unit='MiB'/></numa></cpu>`
    const bound = (top: string, hostNodes?: ReadonlySet<number>): unknown =>
      values(build({ top }, { hostNodes }), '-object')
        .map((text) => JSON.parse(text) as Record<string, unknown>)
        .map((one) => [one['host-nodes'], one['policy']])
    const tune = (inner: string): string => `<numatune>${inner}</numatune>`
    const all = tune(`<memory mode='interleave' nodeset='0-1'/>`)
    assert.deepEqual(bound(all), [[[0, 1], 'interleave']])
    assert.deepEqual(bound(all, new Set([1])), [[[1], 'interleave']])
    assert.deepEqual(bound(all, new Set([2])), [[undefined, undefined]])
    assert.deepEqual(bound(tune(`<memory mode='restrictive' nodeset='0'/>`)), [
      [undefined, undefined],
    ])
    const single = `<memory nodeset='0'/><memnode cellid='1' mode='preferred' nodeset='3'/>`
    assert.deepEqual(bound(cells + tune(single)), [
      [[0], 'bind'],
      [[3], 'preferred'],
    ])
  })

  test('gives NUMA cells huge pages of their own sizes', () => {
    const cells = `<vcpu>2</vcpu><cpu><numa><cell cpus='0' memory='32' unit='MiB'/><cell cpus='1' memory='32' unit='MiB'/></numa></cpu>`
    const pages = (inner: string): string =>
      `${cells}<memoryBacking><hugepages>${inner}</hugepages></memoryBacking>`
    const sizes = (top: string): unknown =>
      values(build({ top }), '-object')
        .map((text) => JSON.parse(text) as Record<string, unknown>)
        .map((one) => one['hugetlbsize'])
    const large = `<page size='1' unit='GiB' nodeset='1'/>`
    assert.deepEqual(sizes(pages(`<page size='2' unit='MiB'/>${large}`)), [2097152, 1073741824])
    assert.deepEqual(sizes(pages(large)), [undefined, 1073741824])
    const missing = large.replace("'1'/>", "'2'/>")
    assert.throws(() => sizes(pages(missing)), { code: 'XML_INVALID', message: /cell 2/ })
  })

  test('creates parallel ports, crypto devices and one IOMMU, which comes before the devices', () => {
    const iommu = `<iommu model='intel'><driver intremap='on' eim='off' aw_bits='48'/></iommu>`
    const devices = `<parallel type='null'/><crypto model='virtio' type='qemu'><backend model='builtin' queues='2'/></crypto>${iommu}`
    const argv = build({ devices })
    assert.deepEqual(made(argv, 'isa-parallel'), [
      { driver: 'isa-parallel', chardev: 'charparallel0', id: 'parallel0' },
    ])
    assert.equal(made(argv, 'cryptodev-backend-builtin')[0]?.['queues'], 2)
    assert.equal(made(argv, 'virtio-crypto-pci')[0]?.['cryptodev'], 'objcrypto0')
    const first = JSON.parse(values(argv, '-device')[0] ?? '') as unknown
    const expected = { driver: 'intel-iommu', id: 'iommu0', intremap: 'on', eim: 'off' }
    assert.deepEqual(first, { ...expected, 'aw-bits': 48 })
    const refused = { code: 'XML_INVALID' }
    assert.throws(() => build({ devices: iommu + iommu }), refused)
    assert.throws(() => build({ devices: iommu, machine: 'pc-i440fx-7.2' }), refused)
  })

  test('creates input devices of the host, sources of random numbers and shared memory', () => {
    const argv = build({
      devices: `<input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>
<input type='evdev'><source dev='/dev/input/event2' grab='all' grabToggle='alt-alt' repeat='on'/></input>
<rng model='virtio'><backend model='egd' type='tcp'><source mode='connect' host='1.2.3.4' service='1234'/></backend></rng>
<shmem name='a' role='peer'/><shmem name='b'><model type='ivshmem-doorbell'/><server path='/s'/><msi vectors='4'/></shmem>
<pstore backend='acpi-erst'><path>/k</path><size unit='KiB'>8</size></pstore>
<vsock><cid auto='no' address='4'/></vsock><watchdog model='ib700' action='dump'/>`,
      machine: 'pc-i440fx-7.2',
    })
    assert.equal(made(argv, 'virtio-input-host-pci')[0]?.['evdev'], '/dev/input/event1')
    assert.deepEqual(made(argv, 'input-linux')[0], {
      ...{ 'qom-type': 'input-linux', id: 'input1', evdev: '/dev/input/event2' },
      ...{ repeat: true, grab_all: true, 'grab-toggle': 'alt-alt' },
    })
    assert.equal(made(argv, 'rng-egd')[0]?.['chardev'], 'charrng0')
    assert.ok(argv.includes('socket,id=charrng0,host=1.2.3.4,port=1234'))
    assert.equal(made(argv, 'ivshmem-plain')[0]?.['master'], 'off')
    assert.deepEqual(
      made(argv, 'memory-backend-file').map((one) => [one['mem-path'], one['size']]),
      [
        ['/dev/shm/a', 4 * 1024 * 1024],
        ['/k', 8192],
      ],
    )
    const doorbell = made(argv, 'ivshmem-doorbell')[0]
    assert.deepEqual([doorbell?.['vectors'], doorbell?.['ioeventfd']], [4, true])
    assert.equal(made(argv, 'acpi-erst')[0]?.['memdev'], 'mempstore0')
    assert.equal(made(argv, 'vhost-vsock-pci')[0]?.['guest-cid'], 4)
    assert.deepEqual(values(argv, '-watchdog-action'), ['pause'])
  })

  test('gives many processors an IOMMU, and a vsock its address from the UUID', () => {
    const argv = build({ top: `<vcpu>288</vcpu>` })
    assert.deepEqual(made(argv, 'intel-iommu'), [
      { driver: 'intel-iommu', id: 'iommu0', intremap: 'on', eim: 'on' },
    ])
    assert.match(values(argv, '-machine')[0] ?? '', /,kernel_irqchip=split,/)
    assert.deepEqual(made(build({ top: `<vcpu>255</vcpu>` }), 'intel-iommu'), [])
    const top = `<uuid>00000002-2222-3333-4444-000000000072</uuid>`
    const auto = build({ top, devices: `<vsock><cid auto='yes'/></vsock>` })
    assert.equal(made(auto, 'vhost-vsock-pci')[0]?.['guest-cid'], 5)
  })

  test('describes how fast memory is, and frees it behind QEMU where QEMU can', () => {
    const cache = `<cache level='1' associativity='full' policy='writeback'><size value='10' unit='KiB'/><line value='8' unit='B'/></cache>`
    const links = `<latency initiator='0' target='1' type='access' value='5'/><bandwidth initiator='0' target='1' cache='1' type='read' value='4' unit='MiB'/>`
    const cells = `<cell id='0' cpus='0' memory='32' unit='MiB'>${cache}</cell><cell id='1' memory='32' unit='MiB'/>`
    const top = `<cpu><numa>${cells}<interconnects>${links}</interconnects></numa></cpu><features><async-teardown enabled='yes'/></features>`
    const argv = build({ top })
    assert.match(values(argv, '-machine')[0] ?? '', /,hmat=on/)
    assert.deepEqual(values(argv, '-numa'), [
      'node,nodeid=0,cpus=0,initiator=0,memdev=ram-node0',
      'node,nodeid=1,initiator=0,memdev=ram-node1',
      'hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-latency,latency=5',
      'hmat-lb,initiator=0,target=1,hierarchy=first-level,data-type=read-bandwidth,bandwidth=4096K',
      'hmat-cache,node-id=0,size=10K,level=1,associativity=complex,policy=write-back,line=8',
    ])
    assert.deepEqual(values(argv, '-run-with'), [])
    const qemuVersion = { major: 10, minor: 0, micro: 0 }
    assert.deepEqual(values(build({ top }, { qemuVersion }), '-run-with'), ['async-teardown=on'])
  })

  test('refuses small devices that QEMU or the guest cannot have', () => {
    for (const devices of [
      `<shmem name='../x'/>`,
      `<shmem name='x'><size unit='KiB'>512</size></shmem>`,
      `<shmem name='x'><size unit='MiB'>3</size></shmem>`,
      `<shmem name='x'><address type='isa'/></shmem>`,
      `<vsock><cid auto='no' address='2'/></vsock>`,
      `<vsock/>`,
      `<iommu model='virtio'/>`,
      `<iommu model='virtio'><driver eim='on'/></iommu>`,
      `<input type='passthrough' bus='usb'><source evdev='/i'/></input>`,
      `<input type='evdev'/>`,
      `<rng model='virtio'><backend model='egd' type='unix'><source mode='connect'/></backend></rng>`,
    ])
      assert.throws(() => build({ devices }), { code: 'XML_INVALID' }, devices)
  })

  test('throws XML_INVALID for a domain that was not normalised', () => {
    const text = `<domain type='qemu'><name>x</name><uuid>11111111-2222-3333-4444-000000000072</uuid><memory>65536</memory>
<os><type machine='pc'>hvm</type></os><devices><rng model='virtio'><backend model='random'/></rng></devices></domain>`
    const raw = readDomain(parseDomainXml(text)).domain
    assert.throws(() => buildCommandLine(raw, usual), {
      code: 'XML_INVALID',
      message: /\/domain\/devices\/rng \(line 2\): the device has no address/,
    })
  })

  test('throws QEMU_LACKS_FEATURE for a QEMU without JSON devices', () => {
    assert.throws(() => build({}, { qemuVersion: { major: 6, minor: 1, micro: 0 } }), {
      code: 'QEMU_LACKS_FEATURE',
    })
  })

  test('connects cards to networks between QEMUs, and forwards the ports that are not excluded', () => {
    const devices = `
      <interface type='server'><source port='5558'/><model type='e1000'/></interface>
      <interface type='client'><source address='10.0.0.1' port='5558'/><model type='e1000'/></interface>
      <interface type='mcast'><source address='230.0.0.1' port='5558'/><model type='e1000'/></interface>
      <interface type='udp'><source address='10.0.0.1' port='1'><local address='10.0.0.2' port='2'/></source><model type='e1000'/></interface>
      <interface type='user'><backend type='passt'/><portForward proto='tcp'><range start='80' end='83' to='8080'/><range start='81' end='82' exclude='yes'/></portForward><model type='e1000'/></interface>
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
