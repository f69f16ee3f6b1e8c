import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'

import { readCookieCpu } from '../domain-xml/model/board/cpu.ts'
import { normaliseDomain } from '../domain-xml/normalise.ts'
import { parseDomainXml } from '../domain-xml/parse.ts'
import { readDomain } from '../domain-xml/read-domain.ts'
import { buildCommandLine } from './build.ts'

/** The XML that libvirt received: without addresses, so that these are compared too. */
function domainXml(guest: 'g35' | 'gpc'): string {
  const q35 = guest === 'g35'
  return `<domain type='qemu'>
  <name>${guest}</name>
  <uuid>fb4e5fcc-14b3-4f68-bf62-f9349410bde6</uuid>
  <memory unit='KiB'>${q35 ? 131072 : 98304}</memory>
  <os>
    <type arch='x86_64' machine='${q35 ? 'q35' : 'pc'}'>hvm</type>
    <kernel>/var/lib/libvirt/images/vmlinuz</kernel>
    <initrd>/var/lib/libvirt/images/initrd.gz</initrd>
    <cmdline>console=ttyS0 quiet fillrand=0 filltext=0</cmdline>
    <boot dev='hd'/>
  </os>
  <features><acpi/><apic/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/var/lib/libvirt/images/vm/disk.qcow2'/>
      <backingStore/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <controller type='usb' index='0' model='none'/>
    <interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/></interface>
    <serial type='file'><source path='/tmp/serial.log' append='on'/></serial>
    <serial type='pty'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>`
}

for (const [bed, version] of [
  ['deb12', '7.2'],
  ['bpo', '10.0'],
  ['sid', '11.1'],
] as const) {
  for (const guest of ['g35', 'gpc'] as const) {
    suite(`buildCommandLine() for ${guest} and QEMU ${version}`, () => {
      const theirs = options(readTranscript(bed, guest))
      const ours = options(build(guest, version))

      test('creates the same devices with the same addresses and properties', () => {
        assert.deepEqual(devices(ours), devices(theirs))
      })
      test('creates the same disks', () => {
        const paths = (list: string[]): string[] =>
          list.map((one) => one.replace(/"filename":"[^"]*"/, '"filename":"…"'))
        assert.deepEqual(paths(ours.get('-blockdev') ?? []), paths(theirs.get('-blockdev') ?? []))
      })
      test('creates the same machine, memory and processors', () => {
        const machine = theirs.get('-machine')?.[0]?.replace(/(,acpi=on)?$/, ',acpi=on')
        assert.equal(ours.get('-machine')?.[0], machine)
        assert.equal(kibibytes(ours), kibibytes(theirs))
        for (const name of ['-accel', '-cpu', '-smp', '-rtc', '-boot', '-overcommit']) {
          assert.deepEqual(ours.get(name), theirs.get(name), name)
        }
        const objects = (theirs.get('-object') ?? []).filter(
          (one) => !/"(secret|monitor-qmp)"/.test(one),
        )
        assert.deepEqual(ours.get('-object'), objects)
      })
      test('boots the same kernel', () => {
        for (const name of ['-kernel', '-initrd', '-append']) {
          assert.deepEqual(ours.get(name), theirs.get(name), name)
        }
      })
      test('sets the same globals', () => {
        assert.deepEqual(ours.get('-global'), theirs.get('-global'))
        assert.deepEqual(ours.get('-watchdog-action'), theirs.get('-watchdog-action'))
      })
    })
  }
}

test('buildCommandLine() takes the processor from a cookie as libvirt does on restore', () => {
  const cpuOverride = readCookieCpu(`<cookie>
  <cpu mode='custom' match='exact' check='full'>
    <model fallback='forbid'>qemu64</model>
    <feature policy='require' name='hypervisor'/>
    <feature policy='require' name='lahf_lm'/>
    <feature policy='disable' name='svm'/>
  </cpu>
</cookie>
`)
  const { domain } = readDomain(normaliseDomain(parseDomainXml(domainXml('g35'))))
  const argv = buildCommandLine(domain, {
    qemuVersion: { major: 7, minor: 2, micro: 0 },
    monitors: [],
    incoming: true,
    cpuOverride,
  })
  assert.deepEqual(options(argv).get('-cpu'), ['qemu64,hypervisor=on,lahf-lm=on,svm=off'])
  assert.deepEqual(options(argv).get('-incoming'), ['defer'])
})

function build(guest: 'g35' | 'gpc', version: string): readonly string[] {
  const machines = (name: string): string =>
    name === 'q35' ? `pc-q35-${version}` : `pc-i440fx-${version}`
  const document = normaliseDomain(parseDomainXml(domainXml(guest)), {
    machines,
    // libvirt 9.0 adds no watchdog.
    existing: version === '7.2',
  })
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return buildCommandLine(readDomain(document).domain, {
    qemuVersion: { major, minor, micro: 0 },
    monitors: [],
    incoming: false,
  })
}

/** One option a line: `-name 'value' \`. */
function readTranscript(bed: string, guest: string): readonly string[] {
  const url = new URL(
    `../../../test/data/libvirt-command-lines/${bed}-${guest}.txt`,
    import.meta.url,
  )
  return readFileSync(url, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const match = /^(-\S+)(?: (?:'(.*)'|(.*?)))?(?: \\)?$/.exec(line)
      const value = match?.[2] ?? match?.[3]
      return [match?.[1] ?? '', ...(value === undefined ? [] : [value])]
    })
}

/** All values of each option. */
function options(argv: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  argv.forEach((word, at) => {
    if (!word.startsWith('-')) return
    const value = argv[at + 1]
    const values = found.get(word) ?? []
    if (value !== undefined && !value.startsWith('-')) values.push(value)
    found.set(word, values)
  })
  return found
}

function devices(found: Map<string, string[]>): unknown[] {
  return (found.get('-device') ?? []).map((one) => JSON.parse(one) as unknown)
}

/** Old libvirt uses MiB, new libvirt KiB. */
function kibibytes(found: Map<string, string[]>): number {
  const value = found.get('-m')?.[0] ?? ''
  const match = /^(?:size=(\d+)k|(\d+))$/.exec(value)
  return match?.[1] === undefined ? Number(match?.[2]) * 1024 : Number(match[1])
}
