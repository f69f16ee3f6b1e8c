import type { Element } from '@xmldom/xmldom'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { completeMachine } from '../../src/domain/machine/complete-machine.ts'
import { wantsVhost } from '../../src/domain/networks/open-taps.ts'
import { connected } from '../../src/domain/networks/connect-networks.ts'
import { DomainXmlError, StasisError } from '../../src/errors.ts'
import { attribute, child, children } from '../../src/qemu/domain-xml/access.ts'
import { buildCommandLine } from '../../src/qemu/command-line/build.ts'
import type { QemuVersion } from '../../src/qemu/command-line/options.ts'
import type { Domain } from '../../src/qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../src/qemu/domain-xml/parse.ts'
import { readDomain } from '../../src/qemu/domain-xml/read-domain.ts'
import type { Firmware } from '../../src/qemu/domain-xml/firmware.ts'
import { readFirmwareDescriptors } from '../../src/qemu/probe/firmware-descriptors.ts'
import { cacheDir } from '../support/cache-dir.ts'
import type { ProbedQemu } from '../../src/qemu/probe/probed-qemu.ts'

/** What came of a domain XML. */
export type Built =
  | { readonly outcome: 'built'; readonly argv: readonly string[]; readonly timeMs: number }
  | { readonly outcome: 'unsupported' | 'invalid'; readonly reasons: readonly string[] }
  | { readonly outcome: 'crashed'; readonly error: unknown }

/** The time in libvirt's tests, and their time zone (`VIR00:30`), half an hour behind UTC. */
const NOW = Object.assign(new Date(1234567890 * 1000), { getTimezoneOffset: () => 30 })

/** The descriptors that the host of libvirt's tests has, in the order in which libvirt reads directories. */
const FIRMWARE = {
  '11.3': await readFirmware('11.3.0'),
  '9.0': await readFirmware('9.0.0'),
}

function readFirmware(version: string): Promise<readonly Firmware[]> {
  return readFirmwareDescriptors(
    ['usr/share', 'etc', 'home/user/.config'].map((folder) =>
      join(cacheDir, `libvirt-tests/${version}/tests/qemufirmwaredata`, folder, 'qemu/firmware'),
    ),
  )
}

const OPTICAL_DRIVES: ReadonlySet<string> = new Set(['/dev/cdrom'])

/** Without transient disks that share their files: libvirt plugs them in after the start of QEMU. */
function withoutLateDisks(argv: readonly string[], root: Element): readonly string[] {
  const drives = children(child(root, 'devices') ?? root, 'disk').flatMap((disk, index) =>
    attribute(child(disk, 'transient'), 'shareBacking') === 'yes'
      ? [`"drive":"libvirt-${index + 1}-format"`]
      : [],
  )
  const isLate = (value = ''): boolean => drives.some((drive) => value.includes(drive))
  return argv.filter((value, at) => !isLate(value) && !isLate(argv[at + 1]))
}

/** In libvirt's tests every SCSI unit of the host has the same device. */
function scsiDevices({ hostDevices }: Domain): ReadonlyMap<string, string> {
  return new Map(
    hostDevices.flatMap(({ source }) => (source.type === 'scsi' ? [[source.at, '/dev/sg0']] : [])),
  )
}

/** The longest processor time that the command line of any machine may take. */
export const LIMIT_MS = 50

/** Cards of these types have tap devices. libvirt's tests have `/dev/vhost-net`. */
const TAPS: ReadonlySet<string> = new Set(['ethernet', 'bridge', 'direct'])

/** Which host a machine is for, whether it exists already, and whether its memory comes from an image. */
export interface TestHost {
  readonly libvirt: string
  readonly existing: boolean
  readonly fromImage?: boolean | undefined
}

/** Builds the command line of a machine as `define` and `start` do on a host with this QEMU; `existing` as `restore` does. */
export function buildMachine(path: string, probed: ProbedQemu, host: TestHost): Built {
  const text = readFileSync(path, 'utf8')
  let result = attempt(text, probed, host)
  // The compiler and the garbage collector can make any single measurement long.
  for (
    let times = 0;
    times < 5 && result.outcome === 'built' && result.timeMs > LIMIT_MS;
    times++
  ) {
    result = attempt(text, probed, host)
  }
  return result
}

function attempt(text: string, probed: ProbedQemu, host: TestHost): Built {
  const start = process.cpuUsage()
  try {
    const document = parseDomainXml(text)
    readDomain(document)
    const complete = completeMachine(document, {
      probed,
      firmware: FIRMWARE[host.libvirt === '9.0' ? '9.0' : '11.3'],
      nvramDirectory: '/var/lib/libvirt/qemu/nvram',
      existing: host.existing,
      fromImage: host.fromImage,
    })
    const { domain } = readDomain(complete)
    // As with --network NAME=tap:vnet0 for each network that this host does not have.
    const interfaces = domain.interfaces.map((card) =>
      card.network === undefined ? card : connected(card, { kind: 'tap', device: 'vnet0' }),
    )
    const taps = new Map(
      interfaces.flatMap((card, index) => {
        if (!TAPS.has(card.type)) return []
        const fds = Array.from({ length: card.queues ?? 1 }, (_, at) => 40 + at)
        return [[index, { fds, vhostFds: wantsVhost(card, domain) ? fds : [] }] as const]
      }),
    )
    const whole = buildCommandLine(
      { ...domain, interfaces },
      {
        qemuVersion: versionOf(probed),
        cpuProperties:
          probed.cpuProperties.length === 0 ? undefined : new Set(probed.cpuProperties),
        monitors: [],
        taps,
        sev: probed.sev,
        incoming: false,
        opticalDrives: OPTICAL_DRIVES,
        scsiDevices: scsiDevices(domain),
        socketDirectory: '/run/stasis/domain',
        now: NOW,
      },
    )
    const used = process.cpuUsage(start)
    const argv = withoutLateDisks(whole, complete.root)
    return { outcome: 'built', argv, timeMs: (used.user + used.system) / 1000 }
  } catch (error) {
    if (!(error instanceof StasisError) || error.code === 'INTERNAL')
      return { outcome: 'crashed', error }
    const unsupported = error.code === 'XML_UNSUPPORTED' || error.code === 'QEMU_LACKS_FEATURE'
    return { outcome: unsupported ? 'unsupported' : 'invalid', reasons: reasonsOf(error) }
  }
}

function versionOf({ version }: ProbedQemu): QemuVersion {
  const [major = 0, minor = 0, micro = 0] = version.split('.').map(Number)
  return { major, minor, micro }
}

/** Where in the XML the problems are, without positions: `interface/@type`. */
function reasonsOf(error: StasisError): readonly string[] {
  if (!(error instanceof DomainXmlError)) return [error.code.toLowerCase()]
  const places =
    error.problems.length > 0 ? error.problems.map(({ place }) => place) : [error.message]
  const short = places
    .map((text) => /^\/domain\/?([^\s:,]*)/.exec(text)?.[1] ?? '')
    .map((place) => place.replaceAll(/\[\d+\]/g, '').replace(/^devices\//, ''))
  return [...new Set(short)].toSorted()
}
