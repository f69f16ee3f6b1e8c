import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { firmware } from '../../../test/support/normalised-domain.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import { normaliseDomain } from '../domain-xml/normalise.ts'
import type { NormaliseOptions } from '../domain-xml/normalise/options.ts'
import { parseDomainXml } from '../domain-xml/parse.ts'
import { readDomain } from '../domain-xml/read-domain.ts'
import { buildCommandLine } from './build.ts'

interface Machine {
  readonly type?: string
  readonly arch?: string
  readonly machine?: string
  readonly os?: string
  readonly inner?: string
  readonly devices?: string
}

function read(machine: Machine, options: NormaliseOptions = {}): Domain {
  const { type = 'qemu', arch = 'aarch64', machine: name = 'virt-7.2' } = machine
  const text = `<domain type='${type}'><name>a</name><memory unit='MiB'>64</memory>
<os><type arch='${arch}' machine='${name}'>hvm</type>${machine.os ?? ''}</os>${machine.inner ?? ''}
<devices>${machine.devices ?? ''}</devices></domain>`
  return readDomain(normaliseDomain(parseDomainXml(text), options)).domain
}

/** The values of the options of a command line, by their names. */
function build(machine: Machine, options: NormaliseOptions = {}): Map<string, readonly string[]> {
  const argv = buildCommandLine(read(machine, options), {
    qemuVersion: { major: 7, minor: 2, micro: 0 },
    monitors: [],
    incoming: false,
  })
  const found = new Map<string, readonly string[]>()
  argv.forEach((word, at) => {
    if (word.startsWith('-')) found.set(word, [...(found.get(word) ?? []), argv[at + 1] ?? ''])
  })
  return found
}

suite('buildCommandLine() for virt', () => {
  test('has the RAM, the interrupt controller and the processor that libvirt gives it', () => {
    const line = build({})
    assert.deepEqual(line.get('-machine'), [
      'virt-7.2,usb=off,gic-version=2,dump-guest-core=off,memory-backend=mach-virt.ram,acpi=off',
    ])
    assert.deepEqual(line.get('-cpu'), ['cortex-a15'])
    assert.deepEqual(line.get('-device'), undefined)
  })

  test('takes with KVM the newest interrupt controller and the processor of the host', () => {
    const line = build({ type: 'kvm' }, { gicVersions: [2, 3] })
    assert.match(line.get('-machine')?.[0] ?? '', /,gic-version=3,/)
    assert.deepEqual(line.get('-cpu'), ['host'])
  })

  test('boots a kernel with a device tree, and writes to the serial port of the machine', () => {
    const line = build({
      os: '<kernel>/k</kernel><dtb>/d</dtb>',
      devices: "<console type='file'><source path='/log'/></console>",
    })
    assert.deepEqual(line.get('-kernel'), ['/k'])
    assert.deepEqual(line.get('-dtb'), ['/d'])
    assert.deepEqual(line.get('-serial'), ['chardev:charserial0'])
  })

  test('puts virtio devices behind root ports, and USB devices on a controller of its own', () => {
    const devices = (
      build({
        devices: `<interface type='user'/><input type='tablet'/><video/><tpm><backend type='external'><source type='unix' path='/t'/></backend></tpm>`,
      }).get('-device') ?? []
    ).map((one) => JSON.parse(one) as Record<string, unknown>)
    const place = (driver: string): unknown =>
      devices.find((one) => one['driver'] === driver)?.['bus']
    assert.equal(place('pcie-root-port'), 'pcie.0')
    assert.equal(place('virtio-net-pci'), 'pci.1')
    assert.equal(place('qemu-xhci'), 'pci.2')
    assert.equal(place('virtio-gpu-pci'), 'pci.3')
    assert.equal(place('usb-tablet'), 'usb.0')
    assert.ok(devices.some(({ driver }) => driver === 'tpm-tis-device'))
  })

  test('has all virtio devices outside PCI once one of them is', () => {
    const line = build({
      devices: `<disk type='file'><source file='/d'/><target dev='vda' bus='virtio'/><address type='virtio-mmio'/></disk>
        <interface type='user'/><memballoon model='virtio'/>`,
    })
    const drivers = (line.get('-device') ?? []).map(
      (one) => (JSON.parse(one) as { readonly driver: string }).driver,
    )
    assert.deepEqual(drivers, ['virtio-blk-device', 'virtio-net-device', 'virtio-balloon-device'])
  })

  test('chooses UEFI firmware of its own architecture', () => {
    const x86 = firmware('/x86', '/x86-vars')
    const arm = { ...x86, loader: { path: '/arm', format: 'raw' as const } }
    const targets = [{ architecture: 'aarch64' as const, machines: ['virt-*'] }]
    const text = { inner: '<features><acpi/></features>' }
    const options = { firmware: [x86, { ...arm, targets }], nvramDirectory: '/nvram' }
    const domain = readDomain(
      normaliseDomain(
        parseDomainXml(`<domain type='qemu'><name>a</name><memory unit='MiB'>64</memory>
<os firmware='efi'><type arch='aarch64' machine='virt-7.2'>hvm</type></os>${text.inner}</domain>`),
        options,
      ),
    ).domain
    assert.equal(domain.os.loader?.path, '/arm')
    assert.throws(() => read(text), { message: /ACPI needs UEFI/ })
  })

  test('adds the vectors whose lengths the processor has', () => {
    const cpu = (features: string): string =>
      `<cpu mode='maximum'>${features}<feature policy='require' name='sve256'/></cpu>`
    assert.deepEqual(build({ inner: cpu('') }).get('-cpu'), ['max,sve256=on,sve=on'])
    const off = "<feature policy='disable' name='sve'/>"
    assert.throws(() => build({ inner: cpu(off) }), { message: /"sve" is disabled/ })
  })
})

for (const [what, machine, place] of [
  ['a floppy', { devices: "<disk type='file' device='floppy'><target dev='fda'/></disk>" }, 'disk'],
  ['a PS/2 mouse', { devices: "<input type='mouse' bus='ps2'/>" }, 'input'],
  ['Hyper-V', { inner: '<features><hyperv><relaxed/></hyperv></features>' }, 'hyperv'],
  ['the clock of KVM', { inner: "<clock><timer name='kvmclock'/></clock>" }, 'timer'],
  ['a machine type of PCs', { machine: 'pc-q35-7.2' }, 'machine'],
] as const) {
  test(`buildCommandLine() refuses ${what} on ARM`, () => {
    assert.throws(() => build(machine), { name: 'DomainXmlError', message: new RegExp(place) })
  })
}

for (const [what, machine] of [
  ['gic', { inner: "<features><gic version='2'/></features>" }],
  ['dtb', { os: '<kernel>/k</kernel><dtb>/d</dtb>' }],
  ['serial', { devices: "<serial type='pty'><target type='system-serial'/></serial>" }],
] as const) {
  test(`buildCommandLine() refuses <${what}> of ARM on a PC`, () => {
    const pc = { arch: 'x86_64', machine: 'pc-q35-7.2', ...machine }
    assert.throws(() => build(pc), { code: 'XML_INVALID', message: new RegExp(what) })
  })
}
