import type { Guest } from './guests.ts'
import type { BedVersion } from './libvirt-bed.ts'
import { qemus } from './qemus.ts'
import type { TravelFormat } from './travelling-guest.ts'

/** The combinations to try with a libvirt. */
export interface InteropBed {
  readonly version: BedVersion
  /** The QEMU that both sides run; the domain XML names it. */
  readonly emulator: string
  /** By their full names. */
  readonly machines: { readonly q35: string; readonly pc: string }
  /** The formats that each guest on each machine goes through. */
  readonly formats: TravelPlan
  /** Whether every combination is tried. */
  readonly whole: boolean
  /** The formats in which images are edited. */
  readonly editedFormats: readonly TravelFormat[]
}

type TravelPlan = Readonly<Record<Guest, Readonly<Record<'q35' | 'pc', readonly TravelFormat[]>>>>

const RAW = { format: 'raw' } as const
const GZIP = { format: 'gzip' } as const
/** The formats of libvirt 9.0. */
const STREAMS: readonly TravelFormat[] = [
  RAW,
  GZIP,
  { format: 'lzop' },
  { format: 'bzip2' },
  { format: 'xz' },
]
/** The formats of libvirt 11.3, the slow ones last. */
const ALL: readonly TravelFormat[] = [
  RAW,
  { format: 'raw', bypassCache: true },
  { format: 'sparse', channels: 1 },
  { format: 'sparse', channels: 2 },
  { format: 'sparse', channels: 4, bypassCache: true },
  { format: 'zstd' },
  { format: 'lzop' },
  GZIP,
  { format: 'bzip2' },
  { format: 'xz' },
]

/** The libvirts to try: usually Debian's own, in short; with `STASIS_LIBVIRT=all` (`npm run test:libvirt`) also that of the backports. */
export function interopBeds(): readonly InteropBed[] {
  const whole = process.env['STASIS_LIBVIRT'] === 'all'
  const short = { tiny: { q35: STREAMS.slice(0, 3), pc: [RAW] }, linux: { q35: [RAW], pc: [] } }
  if (!whole) return [{ ...bed('9.0', 7, short, [GZIP]), whole }]
  const edited: readonly TravelFormat[] = [
    RAW,
    { format: 'zstd' },
    { format: 'sparse', channels: 2 },
  ]
  const beds = [
    bed('9.0', 7, everywhere(STREAMS), [RAW, GZIP]),
    bed('11.3', 10, everywhere(ALL), edited),
  ]
  return beds.map((one) => ({ ...one, whole }))
}

/** Beds for single journeys: what both sides run. */
export function simpleBeds(
  versions: readonly BedVersion[],
): readonly Pick<InteropBed, 'version' | 'emulator' | 'machines'>[] {
  return versions.map((version) => commonOf(version, version === '9.0' ? 7 : 10))
}

function everywhere(formats: readonly TravelFormat[]): TravelPlan {
  const both = { q35: formats, pc: formats }
  return { tiny: both, linux: both }
}

function bed(
  version: BedVersion,
  major: number,
  formats: TravelPlan,
  editedFormats: readonly TravelFormat[],
): Omit<InteropBed, 'whole'> {
  return { ...commonOf(version, major), formats, editedFormats }
}

function commonOf(
  version: BedVersion,
  major: number,
): Pick<InteropBed, 'version' | 'emulator' | 'machines'> {
  const qemu = qemus().find((one) => one.major === major)
  if (qemu === undefined) throw new Error(`QEMU ${major} is missing: run \`sh scripts/qemu-10\``)
  const { label, emulator } = qemu
  const machines = { q35: `pc-q35-${label}`, pc: `pc-i440fx-${label}` }
  return { version, emulator, machines }
}
