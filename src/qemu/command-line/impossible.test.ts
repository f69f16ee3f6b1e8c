import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normaliseDomain } from '../domain-xml/normalise.ts'
import { parseDomainXml } from '../domain-xml/parse.ts'
import { readDomain } from '../domain-xml/read-domain.ts'
import { buildCommandLine } from './build.ts'

interface Parts {
  readonly machine?: string
  readonly top?: string
  readonly os?: string
  readonly devices?: string
  readonly qemu?: number
}

function build({ machine = 'pc-q35-7.2', top = '', os = '', devices = '', qemu = 7 }: Parts): void {
  const text = `<domain type='qemu'><name>a</name><memory unit='MiB'>64</memory>${top}
<os><type arch='x86_64' machine='${machine}'>hvm</type>${os}</os><devices>${devices}</devices></domain>`
  const { domain } = readDomain(normaliseDomain(parseDomainXml(text)))
  const qemuVersion = { major: qemu, minor: 2, micro: 0 }
  buildCommandLine(domain, { qemuVersion, monitors: [], incoming: false, socketDirectory: '/run' })
}

function disk(target: string, more: string, format = 'raw'): Parts {
  const file = `<driver name='qemu' type='${format}'/><source file='/d'/>`
  return { devices: `<disk type='file' device='disk'>${file}<target ${target}/>${more}</disk>` }
}

const sata = `dev='sda' bus='sata'`
const scsi = `dev='sda' bus='scsi'`
const usb = `dev='sda' bus='usb'`
const numa = `<cpu><numa><cell id='0' cpus='0' memory='64' unit='MiB'/></numa></cpu>`
const card = (size: number): Parts => ({
  devices: `<interface type='user'><model type='virtio'/><driver rx_queue_size='${size}'/></interface>`,
})
const xhci = (ports: number): Parts => ({
  devices: `<controller type='usb' index='0' model='qemu-xhci' ports='${ports}'/>`,
})
const tseg = (size: string, machine?: string): Parts => ({
  top: `<features><acpi/><smm state='on'><tseg ${size}</tseg></smm></features>`,
  ...(machine !== undefined && { machine }),
})
const port = (mode: string): Parts => ({
  devices: `<serial type='unix'><source mode='${mode}' path='/s'><reconnect enabled='yes' timeout='5'/></source></serial>`,
})
const expander = (node: number): Parts => ({
  machine: 'pc-i440fx-7.2',
  top: numa,
  devices: `<controller type='pci' index='1' model='pci-expander-bus'><target><node>${node}</node></target></controller>`,
})
const ps2 = (more: string, devices = ''): Parts => ({
  top: `<features><acpi/><ps2 state='off'/>${more}</features>`,
  devices,
})

const POSSIBLE: Readonly<Record<string, Parts>> = {
  'queue size': card(512),
  product: disk(sata, `<product>0123456789abcdef</product>`),
  vendor: disk(scsi, `<vendor>01234567</vendor><product>x</product>`),
  'shared raw image': disk(sata, `<shareable/>`),
  'shared image that nobody writes': disk(sata, `<shareable/><readonly/>`, 'qcow2'),
  'USB disk': disk(usb, `<address type='usb' bus='0' port='1'/>`),
  'xhci ports': xhci(15),
  tseg: tseg(`unit='MiB'>16`),
  reconnect: port('connect'),
  'expander bus': expander(0),
  cpuset: { top: `<vcpu cpuset='0-3,^2'>1</vcpu>` },
  'no PS/2': ps2(''),
}

const IMPOSSIBLE: Readonly<Record<string, readonly [Parts, RegExp]>> = {
  'queue size': [card(300), /driver.*\/@rx_queue_size: 300 is not a power of two/],
  product: [disk(sata, `<product>0123456789abcdefg</product>`), /disk.*\/product: .*16 characters/],
  'product of a virtio disk': [disk(`dev='vda' bus='virtio'`, `<product>x</product>`), /product/],
  vendor: [disk(scsi, `<vendor>012345678</vendor>`), /disk.*\/vendor: .*8 characters/],
  'vendor of a SATA disk': [disk(sata, `<vendor>x</vendor>`), /only SCSI disks have a vendor/],
  'shared qcow2': [disk(sata, `<shareable/>`, 'qcow2'), /disk.*\/shareable: .*raw image/],
  'empty USB disk': [
    { devices: `<disk type='file' device='cdrom'><target ${usb}/></disk>` },
    /cannot be empty/,
  ],
  'USB disk on PCI': [
    disk(usb, `<address type='pci' bus='0' slot='9' function='0'/>`),
    /disk.*\/address.*: the device is on a USB bus/,
  ],
  'xhci ports': [xhci(16), /@ports: "qemu-xhci" has at most 15 ports/],
  'tseg on i440fx': [tseg(`unit='MiB'>16`, 'pc-i440fx-7.2'), /tseg: it exists only on q35/],
  'tseg size': [tseg(`unit='KiB'>1025`), /tseg: .*multiple of 1 MiB/],
  reconnect: [port('bind'), /serial.*\/source\/reconnect: .*mode="connect"/],
  'expander bus': [expander(1), /target.*\/node: the domain has no NUMA cell 1/],
  'second root': [
    { devices: `<controller type='pci' index='1' model='pcie-root'/>` },
    /@index: .*must have the index 0/,
  ],
  cpuset: [{ top: `<vcpu cpuset='aaa'>1</vcpu>` }, /vcpu.*\/@cpuset/],
  nodeset: [
    { top: `<numatune><memory mode='strict' nodeset='0,^0'/></numatune>` },
    /"nodeset" contains no node/,
  ],
  'memnode without cells': [
    { top: `<numatune><memnode cellid='0' mode='strict' nodeset='0'/></numatune>` },
    /memnode: the domain has no NUMA cells/,
  ],
  'PS/2 mouse': [ps2('', `<input type='mouse' bus='ps2'/>`), /input.*: .*no PS\/2 controller/],
  vmport: [ps2(`<vmport state='on'/>`), /vmport: it needs the PS\/2 controller/],
  'boot menu': [{ os: `<bootmenu enable='yes' timeout='65536'/>` }, /bootmenu.*@timeout/],
  'I/O thread': [
    { devices: `<controller type='virtio-serial' index='0'><driver iothread='1'/></controller>` },
    /@iothread: only virtio SCSI/,
  ],
}

test('refuseImpossible() accepts what machines can have', () => {
  for (const [name, parts] of Object.entries(POSSIBLE))
    assert.doesNotThrow(() => build(parts), name)
})

test('refuseImpossible() names the place of what no machine can have, in one line', () => {
  for (const [name, [parts, message]] of Object.entries(IMPOSSIBLE)) {
    assert.throws(
      () => build(parts),
      (error) => {
        const { code, message: text } = error as { code?: string; message: string }
        assert.equal(code, 'XML_INVALID', `${name}: ${text}`)
        assert.match(text, message, name)
        assert.doesNotMatch(text, /\n/, name)
        return true
      },
      name,
    )
  }
})

test('refuseImpossible() knows which QEMU can be without a PS/2 controller', () => {
  assert.throws(() => build({ ...ps2(''), machine: 'pc-q35-6.2', qemu: 6 }), {
    code: 'QEMU_LACKS_FEATURE',
  })
})
