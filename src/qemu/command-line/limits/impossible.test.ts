import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normaliseDomain } from '../../domain-xml/normalise.ts'
import { parseDomainXml } from '../../domain-xml/parse.ts'
import { readDomain } from '../../domain-xml/read-domain.ts'
import { buildCommandLine } from '../build.ts'

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

const ACPI = '<features><acpi/></features>'
const cpu = (mode: string, content: string): Parts => ({
  top: `<cpu mode='${mode}'>${content}</cpu>`,
})
const vgpu = (attributes: string, number = 1): Parts => ({
  devices: `<hostdev mode='subsystem' type='mdev' model='vfio-pci' ${attributes}><source><address uuid='4b20d080-1b54-4048-85b3-a6a62d165c0${number}'/></source></hostdev>`,
})

const pmem = (base: number, path: string): string =>
  `<memory model='virtio-pmem'><source><path>${path}</path></source><target><size unit='MiB'>64</size><address base='${base}'/></target></memory>`
const pages = (content: string): Parts => ({
  top: `<memoryBacking><hugepages>${content}</hugepages></memoryBacking>`,
})
const SHARED = `<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>`
const vhostUser = (dev: string, bus: string): string =>
  `<disk type='vhostuser' device='disk'><source type='unix' path='/s'/><target dev='${dev}' bus='${bus}'/></disk>`

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
  'vhost-user disk': { top: SHARED, devices: vhostUser('vda', 'virtio') },
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
  "one of the host's caches": [cpu('maximum', `<cache level='3' mode='passthrough'/>`), /@level/],
  "the host's addresses": [
    cpu('maximum', `<maxphysaddr mode='passthrough' bits='42'/>`),
    /maxphysaddr\/@bits/,
  ],
  "the host's caches without its processor": [
    cpu('host-model', `<cache mode='passthrough'/>`),
    /cache\/@mode: .*host-passthrough/,
  ],
  'memory devices in one place': [
    {
      top: `<maxMemory slots='4' unit='GiB'>8</maxMemory>${numa}`,
      devices: pmem(0x140000000, '/a') + pmem(0x140100000, '/b'),
    },
    /memory\[2\].*\/address: its memory overlaps with that of .*memory\[1\]/,
  ],
  'two sizes of pages': [
    pages(`<page size='1' unit='GiB'/><page size='2' unit='MiB' nodeset='0'/>`),
    /page\[2\].*another size/,
  ],
  'a size that no pages have': [pages(`<page size='5' unit='MiB'/>`), /power of two/],
  'private memory of a vhost-user disk': [
    { devices: vhostUser('vda', 'virtio') },
    /disk.*memoryBacking/,
  ],
  'a vhost-user disk on SATA': [
    { top: SHARED, devices: vhostUser('sda', 'sata') },
    /must be a disk on the bus "virtio"/,
  ],
  'a transient device': [
    {
      devices: `<disk type='block' device='disk'><source dev='/d'/><target dev='vda' bus='virtio'/><transient/></disk>`,
    },
    /transient: only a disk of type "file"/,
  ],
  'encrypted HTTP': [
    {
      devices: `<disk type='network' device='disk'><source protocol='http' name='/d' tls='yes'><host name='h'/></source><target dev='vda' bus='virtio'/></disk>`,
    },
    /@tls: only NBD/,
  ],
  'a date of SMBIOS': [
    { top: `<sysinfo type='smbios'><bios><entry name='date'>13/31/2020</entry></bios></sysinfo>` },
    /"13\/31\/2020" is not a date/,
  ],
  'a screen that nobody sees': [vgpu(`display='on'`), /@display: the domain has no <graphics>/],
  'boot from vhost-scsi': [
    {
      devices: `<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5123456789abcde0'/><boot order='1'/></hostdev>`,
    },
    /hostdev.*\/boot: no firmware/,
  ],
  'two first screens': [
    { devices: `${vgpu(`ramfb='on' display='off'`).devices}${vgpu(`ramfb='on'`, 2).devices}` },
    /hostdev\[2\].*@ramfb/,
  ],
  'limits in two places': [
    disk(
      sata,
      `<iotune><total_bytes_sec>1</total_bytes_sec></iotune><throttlefilters><throttlefilter group='a'/></throttlefilters>`,
    ),
    /iotune.*<throttlefilters>/,
  ],
  'a static placement without nodes': [
    { top: `<numatune><memory mode='strict' placement='static'/></numatune>` },
    /needs a nodeset/,
  ],
  'cells with automatic placement': [
    {
      top: `<numatune><memory placement='auto'/><memnode cellid='0' mode='strict' nodeset='0'/></numatune>${numa}`,
    },
    /placement "auto"/,
  ],
  'modes that differ': [
    {
      top: `<numatune><memory mode='strict' nodeset='0'/><memnode cellid='0' mode='restrictive' nodeset='0'/></numatune>${numa}`,
    },
    /"restrictive", or none/,
  ],
  'firmware features without a choice': [
    { os: `<firmware><feature name='secure-boot' enabled='yes'/></firmware>` },
    /firmware is chosen by its features only/,
  ],
  'a loader without a file': [
    { os: `<loader readonly='yes' type='pflash'/>`, top: ACPI },
    /loader.*: it names no file/,
  ],
  'a store of a BIOS': [
    { os: `<loader stateless='no'>/bios</loader>`, top: ACPI },
    /only UEFI firmware has a variable store/,
  ],
  'SCSI commands on a virtio disk': [
    {
      qemu: 10,
      devices: `<disk type='block' device='lun'><driver name='qemu' type='raw'/><source dev='/d'/><target dev='vda' bus='virtio'/></disk>`,
    },
    /on the bus "scsi" only/,
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
