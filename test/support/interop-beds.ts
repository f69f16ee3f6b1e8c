import type { BedVersion } from './libvirt-bed.ts'
import type { TravelFormat } from './travelling-guest.ts'
import { qemus } from './qemus.ts'

/** What is tried with a libvirt. */
export interface InteropBed {
  readonly version: BedVersion
  /** The QEMU that both sides run: the domain XML names it. */
  readonly emulator: string
  /** The ends of the names of its machine types. */
  readonly machines: { readonly q35: string; readonly pc: string }
  /** Every format that this libvirt knows. */
  readonly formats: readonly TravelFormat[]
  /** In which images are edited. */
  readonly editedFormats: readonly TravelFormat[]
  /** What the Linux guest on this machine goes through too: less in the everyday test, for time. */
  readonly linuxFormats: {
    readonly q35: readonly TravelFormat[]
    readonly pc: readonly TravelFormat[]
  }
}

const STREAMS = (['raw', 'gzip', 'bzip2', 'xz', 'lzop'] as const).map((format) => ({ format }))
/** The slow ones last. */
const ALL: readonly TravelFormat[] = [
  { format: 'raw' },
  { format: 'raw', bypassCache: true },
  { format: 'sparse', channels: 1 },
  { format: 'sparse', channels: 2 },
  { format: 'sparse', channels: 4, bypassCache: true },
  { format: 'zstd' },
  { format: 'lzop' },
  { format: 'gzip' },
  { format: 'bzip2' },
  { format: 'xz' },
]

/** The libvirts to try: Debian's own every day, that of the backports too with `STASIS_LIBVIRT=all` (`npm run test:libvirt`). */
export function interopBeds(): readonly InteropBed[] {
  const all = process.env['STASIS_LIBVIRT'] === 'all'
  if (!all) return [bed('9.0', 7, STREAMS, { q35: STREAMS.slice(0, 2), pc: STREAMS.slice(0, 1) })]
  return [bed('9.0', 7, STREAMS), bed('11.3', 10, ALL)]
}

function bed(
  version: BedVersion,
  major: number,
  formats: readonly TravelFormat[],
  linuxFormats: InteropBed['linuxFormats'] = { q35: formats, pc: formats },
): InteropBed {
  const qemu = qemus().find((one) => one.major === major)
  if (qemu === undefined) throw new Error(`QEMU ${major} is missing: run \`sh scripts/qemu-10\``)
  const { label, emulator } = qemu
  const machines = { q35: `pc-q35-${label}`, pc: `pc-i440fx-${label}` }
  const edited = new Set(version === '9.0' ? ['gzip'] : ['raw', 'zstd', 'sparse'])
  const editedFormats = formats.filter(
    ({ format, bypassCache }, index) =>
      edited.has(format) &&
      bypassCache !== true &&
      formats.findIndex((other) => other.format === format) === index,
  )
  return { version, emulator, machines, formats, editedFormats, linuxFormats }
}
