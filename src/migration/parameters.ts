import { QemuError } from '../errors.ts'
import type { MigrationParameterValues } from '../qmp/commands.ts'
import type { MultifdCompression } from '../wire/multifd-packet.ts'
import type { MigrationFeatures } from './features.ts'

/** The levels of QEMU's multifd compressions and the parameter for each (QEMU qapi/migration.json, the same in 7.2 and 10.0). */
export const MULTIFD_LEVELS: Readonly<
  Record<
    Exclude<MultifdCompression, 'none'>,
    { readonly parameter: string; readonly levels: readonly [least: number, most: number] }
  >
> = {
  zlib: { parameter: 'multifd-zlib-level', levels: [1, 9] },
  zstd: { parameter: 'multifd-zstd-level', levels: [1, 20] },
}

/** How QEMU finds zero pages (QEMU >= 9.0; before, its main thread does: `legacy`). */
export type ZeroPageDetection = 'none' | 'legacy' | 'multifd'

/** The parameters in which our migrations differ. */
export interface WantedParameters {
  /** Number of multifd channels; 0 or absent: no multifd. */
  readonly channels?: number | undefined
  readonly multifdCompression?: MultifdCompression | undefined
  readonly compressionLevel?: number | undefined
  readonly zeroPageDetection?: ZeroPageDetection | undefined
  readonly directIo?: boolean | undefined
  /** Limit in bytes per second. Default: unlimited. */
  readonly maxBandwidth?: number | undefined
}

/** Unlimited: the largest whole MiB/s that QEMU accepts, and the value that libvirt sends (libvirt 9.0 to 12.8). */
const UNLIMITED = 9223372036853727232n

/** QEMU's defaults of the parameters that we set (QEMU migration/options.c, the same in 7.2 and 10.0). */
const DEFAULTS: MigrationParameterValues = {
  'max-bandwidth': 134217728,
  'downtime-limit': 300,
  'multifd-channels': 2,
  'x-multifd-channels': 2,
  'multifd-compression': 'none',
  'multifd-zlib-level': 1,
  'multifd-zstd-level': 1,
  'zero-page-detection': 'multifd',
  'direct-io': false,
  'tls-creds': '',
}

/** Our parameters for a migration; those it does not name get QEMU's default. @throws QemuError QEMU_LACKS_FEATURE */
export function migrationParameters(
  features: MigrationFeatures,
  wanted: WantedParameters,
): MigrationParameterValues {
  const { maxBandwidth } = wanted
  // QEMU sends the last part without limit if it expects to send it within the downtime limit; the guest is stopped anyway.
  const limits =
    maxBandwidth === undefined
      ? { 'max-bandwidth': UNLIMITED }
      : { 'max-bandwidth': maxBandwidth, 'downtime-limit': 1 }
  return { ...DEFAULTS, ...limits, ...namedParameters(features, wanted) }
}

/** Our parameters with QEMU's defaults. */
export function defaultParameters(): MigrationParameterValues {
  return DEFAULTS
}

/** The values that this QEMU has set differently. */
export function parameterChanges(
  present: MigrationParameterValues,
  values: MigrationParameterValues,
): MigrationParameterValues {
  return Object.fromEntries(
    Object.entries(values).filter(
      // One of the two may be a bigint.
      ([name, value]) => name in present && String(present[name]) !== String(value),
    ),
  )
}

/** The wanted parameters by QEMU's names. */
function namedParameters(
  features: MigrationFeatures,
  wanted: WantedParameters,
): Record<string, unknown> {
  const { channels = 0, multifdCompression = 'none', compressionLevel, directIo } = wanted
  const values: Record<string, unknown> = {}
  if (channels > 0) {
    if (features.channelsParameter === undefined) throw lacks('multifd channels', '4.0')
    values[features.channelsParameter] = channels
  }
  if (multifdCompression !== 'none') {
    if (!features.multifdCompressions.includes(multifdCompression))
      throw lacks(`multifd compression ${multifdCompression}`, '5.0, built with that library')
    values['multifd-compression'] = multifdCompression
    if (compressionLevel !== undefined)
      values[MULTIFD_LEVELS[multifdCompression].parameter] = compressionLevel
  }
  if (wanted.zeroPageDetection !== undefined && features.zeroPageDetections.length > 0)
    values['zero-page-detection'] = wanted.zeroPageDetection
  if (directIo === true) {
    if (!features.directIo) throw lacks('direct I/O in migrations', '9.1')
    values['direct-io'] = true
  }
  return values
}

/** The error for a feature that a QEMU lacks, with the version that has it. */
export function lacks(what: string, since: string): QemuError {
  return new QemuError('QEMU_LACKS_FEATURE', `This QEMU does not support ${what}`, {
    hint: `Use QEMU ${since} or later`,
  })
}
