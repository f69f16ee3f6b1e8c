import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { DomainXmlError } from '../../errors.ts'
import { isServer } from './model/screen-and-sound/graphics.ts'
import { parseDomainXml } from './parse.ts'
import { readDomain } from './read-domain.ts'

function domain(rest: { top?: string; os?: string; devices?: string } = {}): string {
  return `<domain type='qemu'>
<name>web</name>
<memory unit='MiB'>64</memory>
${rest.top ?? ''}
<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>${rest.os ?? ''}</os>
<devices>
${rest.devices ?? ''}
</devices>
</domain>`
}

function read(text: string, ignoreUnsupported = false): ReturnType<typeof readDomain> {
  return readDomain(parseDomainXml(text), { ignoreUnsupported })
}

test('readDomain() throws XML_UNSUPPORTED naming every unknown element and attribute with path and line', () => {
  const text = domain({
    top: `<surprise/><vcpu colour='red'>1</vcpu>`,
    devices: `<rng model='virtio'><backend model='random'/></rng>\n<gadget type='x'/>`,
  })
  assert.throws(
    () => read(text),
    (error: DomainXmlError) => {
      assert.equal(error.code, 'XML_UNSUPPORTED')
      assert.equal(error.message, '3 parts of the domain XML are not supported')
      assert.deepEqual(
        error.problems.map(({ code, place, line, message }) => [code, place, line, message]),
        [
          [
            'UNKNOWN_ELEMENT',
            '/domain/surprise',
            4,
            '/domain/surprise (line 4): this element is not known',
          ],
          [
            'UNKNOWN_ATTRIBUTE',
            '/domain/vcpu/@colour',
            4,
            '/domain/vcpu/@colour (line 4): this attribute is not known',
          ],
          [
            'UNKNOWN_ELEMENT',
            '/domain/devices/gadget',
            8,
            '/domain/devices/gadget (line 8), "x": this element is not known',
          ],
        ],
      )
      return true
    },
  )
})

const MARTIAN = domain({
  devices: `<interface type='martian'><mac address='52:54:00:00:00:01'/><source network='default' via='space'/><model type='virtio'/></interface>
      <interface type='user'><model type='virtio'/></interface>
      <channel type='martian'><source path='/a'/><target type='virtio' name='a'/></channel>
      <graphics type='martian'><gl enable='yes'/></graphics>`,
})

test('readDomain() leaves out only the host side of devices with ignoreUnsupported', () => {
  const { domain: read_, ignored } = read(MARTIAN, true)
  assert.deepEqual(
    read_.interfaces.map(({ type, mac, model }) => [type, mac, model]),
    [
      ['null', '52:54:00:00:00:01', 'virtio'],
      ['user', undefined, 'virtio'],
    ],
  )
  assert.equal(read_.channels[0]?.backend.type, 'null')
  assert.equal(read_.channels[0]?.name, 'a')
  assert.deepEqual(read_.graphics, [])
  assert.equal(ignored.length, 3)
  assert.match(
    ignored[0] ?? '',
    /^\/domain\/devices\/interface\[1\]\/@type \(line 7\): "martian" is not supported; .* connected to nothing$/,
  )
  assert.throws(
    () => read(MARTIAN),
    ({ problems }: DomainXmlError) => problems.every(({ hostSideOnly }) => hostSideOnly),
  )
})

test('readDomain() never leaves out what the guest sees, unless the XML is only looked at', () => {
  for (const text of [
    domain({ devices: `<gadget type='x'/>` }),
    domain({ devices: `<interface type='user'><model type='martian'/></interface>` }),
    domain({ devices: `<rng model='virtio'><backend model='random'/><martian/></rng>` }),
    domain({ top: `<vcpu colour='red'>2</vcpu>` }),
  ]) {
    assert.throws(() => read(text, true), { code: 'XML_UNSUPPORTED' })
    const { domain: seen } = readDomain(parseDomainXml(text), { tolerant: true })
    assert.equal(seen.name, 'web')
  }
})

test('readDomain() sees the disk of a guest whose source it does not know, and never leaves it out', () => {
  const disks = [
    `<disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='vda' bus='virtio'/></disk>`,
    `<disk type='network' device='disk'><source protocol='sheepdog' name='v'/><target dev='vda' bus='virtio'/></disk>`,
    `<disk type='file' device='disk'><source file='/v'><news/></source><target dev='vda' bus='virtio'/></disk>`,
    `<disk type='file' device='disk'><driver type='bochs'/><source file='/v'/><target dev='vda' bus='virtio'/></disk>`,
  ]
  for (const devices of disks) {
    const text = domain({ devices })
    const { disks: seen } = readDomain(parseDomainXml(text), { tolerant: true }).domain
    assert.deepEqual(
      seen.map(({ target, bus }) => `${target} ${bus}`),
      ['vda virtio'],
      devices,
    )
    for (const ignoreUnsupported of [false, true])
      assert.throws(() => read(text, ignoreUnsupported), { code: 'XML_UNSUPPORTED' }, devices)
  }
})

test('readDomain() does not change the document when it omits something', () => {
  const document = parseDomainXml(domain({ top: '<surprise/>' }))
  readDomain(document, { tolerant: true })
  assert.equal(document.root.getElementsByTagName('surprise').length, 1)
})

test('readDomain() never omits an essential part of the domain', () => {
  const foreign = domain().replace("arch='x86_64'", "arch='ppc64le'")
  assert.throws(() => read(foreign, true), { code: 'XML_UNSUPPORTED', message: /ppc64le/ })
  const xen = domain().replace("type='qemu'", "type='xen'")
  assert.throws(() => read(xen, true), { code: 'XML_UNSUPPORTED', message: /xen/ })
})

test('readDomain() reads the password of a display, whose end is in UTC', () => {
  const read1 = (attributes: string): unknown =>
    read(
      domain({ devices: `<graphics type='spice' passwd='secret' ${attributes}/>` }),
    ).domain.graphics.find(isServer)?.password
  const password = { text: 'secret', validTo: undefined, connected: undefined }
  assert.deepEqual(read1(''), password)
  assert.deepEqual(read1(`passwdValidTo='2026-01-02T03:04:05' connected='keep'`), {
    ...password,
    validTo: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000,
    connected: 'keep',
  })
  assert.throws(() => read1(`passwdValidTo='tomorrow'`), { code: 'XML_INVALID' })
})

test('readDomain() accepts elements without an effect on the guest', () => {
  const text = domain({
    top: `<title>t</title><description>d</description><metadata><x:y xmlns:x='u'/></metadata>
      <cputune><shares>9</shares><vcpupin vcpu='0' cpuset='1'/></cputune><resource><partition>/m</partition></resource>
      <seclabel type='dynamic' model='apparmor' relabel='yes'/><on_lockfailure>poweroff</on_lockfailure>`,
  })
  assert.deepEqual(read(text).ignored, [])
})

test('readDomain() rounds memory up to MiB, as libvirt does, and reads the balloon’s target', () => {
  const text = domain({ top: `<currentMemory unit='MiB'>16</currentMemory>` }).replace(
    "<memory unit='MiB'>64",
    "<memory unit='KB'>100000",
  )
  const { memoryBytes, currentMemoryBytes } = read(text).domain
  assert.equal(memoryBytes, 96 * 1024 * 1024)
  assert.equal(currentMemoryBytes, 16 * 1024 * 1024)
})

test('readDomain() reads the chain of a disk', () => {
  const layer = (file: string, below: string): string =>
    `<source file='${file}'/><backingStore${below === '' ? '/>' : ` type='file'><format type='qcow2'/>${below}</backingStore>`}`
  const { disks } = read(
    domain({
      devices: `<disk type='file'><driver type='qcow2'/>${layer('/a', layer('/b', ''))}<target dev='vda'/></disk>
        <disk type='block'><source dev='/dev/sdz'/><target dev='vdb'/></disk>`,
    }),
  ).domain
  assert.partialDeepStrictEqual(disks[0]?.source, {
    type: 'file',
    path: '/a',
    format: 'qcow2',
    backing: { type: 'file', path: '/b', format: 'qcow2', backing: 'none' },
  })
  assert.partialDeepStrictEqual(disks[1]?.source, {
    type: 'block',
    path: '/dev/sdz',
    format: 'raw',
    backing: undefined,
  })
})

test('readDomain() throws XML_INVALID with the place of an impossible value', () => {
  const cases: readonly (readonly [Parameters<typeof domain>[0], RegExp])[] = [
    [{ devices: `<disk><target dev='vda'/></disk>` }, /devices\/disk .*no source/],
    [
      { devices: `<disk><source file='/x'/><target bus='virtio'/></disk>` },
      /disk\/target .*"dev" is missing/,
    ],
    [
      { devices: `<rng model='virtio'><address type='pci' slot='0x20'/></rng>` },
      /address\/@slot .*at most 31/,
    ],
    [{ devices: `<interface type='bridge'/>` }, /<source> is missing/],
    [{ top: '<vcpu>0</vcpu>' }, /between 1 and 4096, got 0/],
    [{ top: `<cpu><numa><cell id='1' memory='64'/></numa></cpu>` }, /count up from 0/],
    [{ top: `<iothreads>5000</iothreads>` }, /too many/],
  ]
  for (const [parts, message] of cases) {
    assert.throws(() => read(domain(parts)), { code: 'XML_INVALID', message })
  }
})
