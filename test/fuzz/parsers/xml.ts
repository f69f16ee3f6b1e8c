import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { checkSameMachine } from '../../../src/domain/machine/compatibility.ts'
import { disksInCookie } from '../../../src/domain/cookie/disk-cookie.ts'
import { cloneXml } from '../../../src/domain/machine/clone-xml.ts'
import { withNewGenid } from '../../../src/domain/machine/new-genid.ts'
import {
  attachedProvenance,
  provenanceCookie,
  readProvenance,
} from '../../../src/domain/cookie/provenance.ts'
import { reachesOf } from '../../../src/domain/trust/reaches.ts'
import { cookieWithDisks } from '../../../src/domain/cookie/disk-cookie.ts'
import { changeOfDisks, writableDisks } from '../../../src/domain/store/disks/disk-identity.ts'
import { buildCommandLine } from '../../../src/qemu/command-line/build.ts'
import { formatDomainXml } from '../../../src/qemu/domain-xml/format.ts'
import { readCookieCpu } from '../../../src/qemu/domain-xml/model/board/cpu.ts'
import { normaliseDomain } from '../../../src/qemu/domain-xml/normalise.ts'
import { parseDomainXml } from '../../../src/qemu/domain-xml/parse.ts'
import { readDomain } from '../../../src/qemu/domain-xml/read-domain.ts'
import { tagOfRootChild, textOfRootChild } from '../../../src/qemu/domain-xml/tags.ts'
import { domainXml } from '../../support/domain-xml.ts'
import { Broken, type FuzzParser } from '../parser.ts'
import { xmlShapes } from '../shapes.ts'
import {
  cookieWithProcessor,
  processorInCookie,
} from '../../../src/domain/cookie/processor-cookie.ts'
import { missingFeatures } from '../../../src/domain/machine/missing-features.ts'

const RICH = `<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>rich</name>
<uuid>8f4c1e9a-0f1b-4c2d-9e3f-001122334455</uuid><genid>8f4c1e9a-0f1b-4c2d-9e3f-001122334456</genid><title>t</title>
<metadata><a:b xmlns:a="urn:a" c="d">text<e/></a:b></metadata>
<memory unit='MiB'>256</memory><currentMemory unit='MiB'>128</currentMemory><memoryBacking><hugepages/><access mode='shared'/></memoryBacking>
<vcpu placement='static' cpuset='0-3,^2' current='2'>4</vcpu><iothreads>2</iothreads>
<os firmware='efi'><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><loader readonly='yes' secure='no' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>
<nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/var/lib/x.fd</nvram><bootmenu enable='yes' timeout='3000'/><smbios mode='sysinfo'/><boot dev='hd'/></os>
<sysinfo type='smbios'><bios><entry name='vendor'>v</entry></bios><system><entry name='serial'>s</entry></system></sysinfo>
<features><acpi/><apic/><pae/><hyperv mode='custom'><relaxed state='on'/><spinlocks state='on' retries='8191'/></hyperv><kvm><hidden state='on'/></kvm><smm state='on'><tseg unit='MiB'>48</tseg></smm></features>
<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>qemu64</model><topology sockets='1' dies='1' cores='2' threads='2'/><feature policy='require' name='x2apic'/>
<numa><cell id='0' cpus='0-3' memory='262144' unit='KiB' memAccess='shared'/></numa><maxphysaddr mode='emulate' bits='42'/></cpu>
<clock offset='variable' adjustment='-3600' basis='utc'><timer name='rtc' tickpolicy='catchup'/><timer name='hpet' present='no'/></clock>
<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash><pm><suspend-to-mem enabled='no'/></pm>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap'/><source file='/var/lib/a.qcow2'/><backingStore type='file'><format type='raw'/><source file='/var/lib/b.raw'/><backingStore/></backingStore><target dev='vda' bus='virtio'/><serial>abc</serial><boot order='1'/></disk>
<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='/var/lib/c.iso' startupPolicy='optional'/><target dev='sda' bus='sata'/><readonly/><address type='drive' controller='0' bus='0' target='0' unit='0'/></disk>
<controller type='scsi' index='0' model='virtio-scsi'><driver queues='4'/></controller><controller type='usb' index='0' model='qemu-xhci' ports='15'/>
<controller type='pci' index='1' model='pcie-root-port'><target chassis='1' port='0x10'/><address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0' multifunction='on'/></controller>
<interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/><backend type='passt'/></interface><interface type='bridge'><source bridge='br0'/><target dev='vnet0'/><model type='e1000e'/><link state='up'/></interface>
<serial type='unix'><source mode='bind' path='/run/s'/><target type='isa-serial' port='0'/><log file='/var/log/x' append='on'/></serial><console type='pty'><target type='virtio' port='1'/></console>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel><input type='tablet' bus='usb'/>
<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'><listen type='address' address='127.0.0.1'/></graphics><video><model type='qxl' ram='65536' vram='65536' heads='1' primary='yes'/></video>
<sound model='ich9'><codec type='micro'/></sound><audio id='1' type='none'/><watchdog model='itco' action='reset'/><memballoon model='virtio'><stats period='5'/></memballoon>
<rng model='virtio'><rate bytes='1024' period='1000'/><backend model='random'>/dev/urandom</backend></rng><panic model='isa'/><vmcoreinfo state='on'/></devices></domain>`

function seeds(): readonly string[] {
  const plain = { name: 'a', guest: 'tiny', emulator: '/usr/bin/qemu-system-x86_64' } as const
  const folder = join(import.meta.dirname, '../../fixtures')
  return [
    domainXml({ ...plain, serial: { type: 'pty' } }),
    domainXml({
      ...plain,
      serial: { type: 'unix', path: '/run/a' },
      machine: 'pc',
      vcpus: 2,
      type: 'kvm',
    }),
    ...readdirSync(folder)
      .filter((name) => name.endsWith('.xml'))
      .map((name) => readFileSync(join(folder, name), 'utf8')),
    RICH,
  ]
}

const WORDS = [
  '<!DOCTYPE',
  '<![CDATA[',
  ']]>',
  '<!--',
  '-->',
  '<?xml version="1.0"?>',
  '&#10;',
  '&#0;',
  '&amp;',
  '<a>',
  '</a>',
]
const VALUES = [
  "='",
  '0x',
  '-1',
  '4294967296',
  '18446744073709551615',
  'unit=',
  'bus=',
  'type=',
  '__proto__',
  '<driver ',
  '<address ',
]

/** Reads and normalises a domain, builds its command line, and asks of it what a restore asks. */
export const xmlParser: FuzzParser = {
  name: 'xml',
  isSlow: true,
  seeds: () => seeds().map((text) => Buffer.from(text)),
  shapes: () => xmlShapes(seeds()),
  words: [...WORDS, ...VALUES],
  run: (input) => {
    const text = Buffer.from(input).toString('utf8')
    textOfRootChild(text, 'name')
    tagOfRootChild(text, 'uuid')
    const document = parseDomainXml(text, { path: '/image' })
    const { domain } = readDomain(document, { ignoreUnsupported: true })
    writableDisks(domain)
    reachesOf(domain)
    const normal = normaliseDomain(document, { machines: (name) => name })
    const whole = readDomain(normal, { ignoreUnsupported: true }).domain
    const printed = formatDomainXml(normal)
    const again = normaliseDomain(parseDomainXml(printed), { machines: (name) => name })
    if (formatDomainXml(again) !== printed)
      throw new Broken('a normalised domain changes when it is read again')
    checkSameMachine(whole, readDomain(again, { ignoreUnsupported: true }).domain)
    for (const major of [7, 10]) {
      const argv = buildCommandLine(whole, {
        qemuVersion: { major, minor: 2, micro: 0 },
        monitors: [{ id: 'control', path: '/run/qmp' }],
        incoming: true,
        socketDirectory: '/run',
      })
      const bad = argv.find((argument) => typeof argument !== 'string' || argument.includes('\0'))
      if (bad !== undefined) throw new Broken(`an argument is ${JSON.stringify(bad)}`)
      const lie = argv.find(
        (argument) =>
          /\b(undefined|NaN|\[object Object\])\b/.test(argument) &&
          !text.includes('undefined') &&
          !text.includes('NaN'),
      )
      if (lie !== undefined) throw new Broken(`an argument is ${lie}`)
    }
    withNewGenid({ text: printed })
    cloneXml(printed, { name: 'clone' })
  },
}

const provenance = {
  qemuVersion: '7.2.0',
  emulator: '/usr/bin/qemu',
  commandLine: ['-name', "a'b<c>"],
}
const disk = {
  target: 'vda',
  path: '/var/lib/a b',
  sizeBytes: 4096,
  modifiedNs: '1700000000000000000',
  content: 'ab',
}
const COOKIES = [
  provenanceCookie(provenance, new Date(0)),
  cookieWithDisks(provenanceCookie({ ...provenance, attached: { cwd: '/' } }, new Date(0)), [disk]),
  cookieWithProcessor(provenanceCookie(provenance, new Date(0)), new Map([['7.0:EBX', 9]])),
  `<cookie><cpu mode='custom' match='exact'><model fallback='forbid'>qemu64</model><feature policy='require' name='x2apic'/></cpu><slirpHelper/></cookie>`,
]

/** The cookie: where an image came from, its disks, its processor. */
export const cookieParser: FuzzParser = {
  name: 'cookie',
  seeds: () => COOKIES.map((text) => Buffer.from(text)),
  shapes: () => xmlShapes(COOKIES),
  words: [
    ...WORDS,
    'urn:stasis:origin:1',
    'urn:stasis:disks:1',
    'urn:stasis:processor:1',
    "<stasis:disk target='",
    "modified='",
  ],
  run: async (input) => {
    const cookie = Buffer.from(input).toString('utf8')
    readProvenance(cookie)
    attachedProvenance(cookie)
    const disks = disksInCookie(cookie)
    if (disks !== undefined) {
      await changeOfDisks(
        disks,
        disks.map(({ target }) => ({ target, path: '/dev/null' })),
      )
      const written = disksInCookie(cookieWithDisks('<cookie>\n</cookie>\n', disks))
      if (disks.length > 0 && !isDeepStrictEqual(written, disks))
        throw new Broken(
          `the disks ${JSON.stringify(disks)} are ${JSON.stringify(written)} after they were written`,
        )
    }
    const words = processorInCookie(cookie)
    if (words !== undefined) {
      missingFeatures(words, new Map())
      const written = processorInCookie(cookieWithProcessor('<cookie>\n</cookie>\n', words))
      if (words.size > 0 && !isDeepStrictEqual(written, words))
        throw new Broken('the words of a processor are others after they were written')
    }
    readCookieCpu(cookie)
  },
}
