import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../support/cache-dir.ts'

/** A domain XML, and the QEMU that it is for. */
export interface DomainCase {
  readonly name: string
  /** The file with the XML that a user defines. */
  readonly input: string
  /** The file with what this QEMU answers to libvirt's probe. */
  readonly replies: string
}

/** A test machine of libvirt, named as its files are (`hyperv.x86_64-latest`), and what libvirt makes of it. */
export interface MachineCase extends DomainCase {
  readonly libvirt: LibvirtVersion
  readonly architecture: TestedArchitecture
  /** libvirt's complete XML for it, as an image contains it. */
  readonly output: string | undefined
  /** Whether libvirt accepts the machine only if it exists already, and refuses it as a new one. */
  readonly exists: boolean
  /** libvirt's command line; `undefined` where libvirt refuses the machine. */
  readonly args: string | undefined
}

export type LibvirtVersion = '9.0' | '11.3'

/** The architectures whose machines are compared. */
export const TESTED_ARCHITECTURES = ['x86_64', 'aarch64'] as const
export type TestedArchitecture = (typeof TESTED_ARCHITECTURES)[number]

/** The versions whose tests `scripts/libvirt-tests` unpacks, and their folders. */
const SOURCES: Readonly<Record<LibvirtVersion, Source>> = {
  '9.0': {
    folder: '9.0.0',
    inputs: 'qemuxml2argvdata',
    outputs: 'qemuxml2xmloutdata',
    capabilities: (version, architecture) => `caps_${version}.${architecture}`,
  },
  '11.3': {
    folder: '11.3.0',
    inputs: 'qemuxmlconfdata',
    outputs: 'qemuxmlconfdata',
    capabilities: (version, architecture, variant) => `caps_${version}_${architecture}${variant}`,
  },
}

interface Source {
  readonly folder: string
  readonly inputs: string
  readonly outputs: string
  readonly capabilities: (qemu: string, architecture: string, variant: string) => string
}

/** The newest QEMU of each libvirt's capabilities. */
const LATEST: Readonly<Record<LibvirtVersion, Readonly<Record<TestedArchitecture, string>>>> = {
  '9.0': { x86_64: '8.0.0', aarch64: '7.0.0' },
  '11.3': { x86_64: '10.0.0', aarch64: '8.2.0' },
}

export const LIBVIRT_VERSIONS: readonly LibvirtVersion[] = ['11.3', '9.0']

/** A file of libvirt's tests. */
export function libvirtTestFile(version: LibvirtVersion, ...path: readonly string[]): string {
  return join(cacheDir, 'libvirt-tests', SOURCES[version].folder, 'tests', ...path)
}

/**
 * Every machine of an architecture of one version of libvirt with the capabilities of a real QEMU, in the order of their names. Machines of QEMU before 6.2, which
 * this program does not run, are left out.
 */
export function libvirtCases(
  version: LibvirtVersion,
  architecture: TestedArchitecture,
): readonly MachineCase[] {
  const { inputs, outputs, capabilities } = SOURCES[version]
  const files = new Set(readdirSync(libvirtTestFile(version, inputs)))
  const cases = [...files].toSorted().flatMap((file): MachineCase[] => {
    const match = NAME.exec(file)?.groups
    if (match?.['arch'] !== architecture) return []
    const { stem = '', qemu = '', variant = '', update = '', kind } = match
    const number = qemu === 'latest' ? LATEST[version][architecture] : qemu
    const name = file.slice(0, -`.${kind}`.length)
    const input = `${stem}.xml`
    const replies = libvirtTestFile(
      version,
      'qemucapabilitiesdata',
      `${capabilities(number, architecture, variant)}.replies`,
    )
    if (tooOld(number) || !files.has(input) || !existsSync(replies)) return []
    if (PRETENDED.test(stem)) return []
    const output = [`${name}.xml`, ...(update === '' ? [`${stem}.xml`] : [])]
      .map((one) => libvirtTestFile(version, outputs, one))
      .find((one) => one !== libvirtTestFile(version, inputs, input) && existsSync(one))
    return [
      {
        libvirt: version,
        architecture,
        name,
        exists: files.has(`${name}.abi-update.err`),
        input: libvirtTestFile(version, inputs, input),
        output: kind === 'err' ? undefined : output,
        args: kind === 'err' ? undefined : libvirtTestFile(version, inputs, file),
        replies,
      },
    ]
  })
  return cases
}

/** Machines for a QEMU without USB controllers: a list in libvirt's test program says so, not the file with the answers of its QEMU. */
const PRETENDED = /^usb-controller-.*unavailable/

const NAME =
  /^(?<stem>.+)\.(?<arch>x86_64|aarch64)-(?<qemu>latest|\d+\.\d+\.\d+)(?<variant>\+\w+)?(?<update>\.abi-update)?\.(?<kind>args|err)$/

/** The domain XMLs that virt-install writes (scripts/virt-install-domains), for the newest QEMU of libvirt 11.3. */
export function virtInstallCases(): readonly DomainCase[] {
  const folder = join(cacheDir, 'virt-install', 'domains')
  const replies = `caps_${LATEST['11.3'].x86_64}_x86_64.replies`
  return readdirSync(folder)
    .toSorted()
    .map((file) => ({
      name: file.replace(/\.\w+$/, ''),
      input: join(folder, file),
      replies: libvirtTestFile('11.3', 'qemucapabilitiesdata', replies),
    }))
}

function tooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < 6 || (major === 6 && minor < 2)
}
