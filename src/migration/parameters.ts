import { QemuError } from '../errors.ts'
import type { MigrationParameterValues } from '../qmp/commands.ts'
import type { MigrationFeatures } from './features.ts'

/** Compression that QEMU itself applies to its channels. */
export type MultifdCompression = 'none' | 'zlib' | 'zstd'

/** Who looks for zero pages (QEMU >= 9.0; before, the main thread does: `legacy`). */
export type ZeroPageDetection = 'none' | 'legacy' | 'multifd'

/** The parameters in which migrations of ours differ. */
export interface WantedParameters {
  /** Number of multifd channels; 0 or absent: no multifd. */
  readonly channels?: number | undefined
  readonly multifdCompression?: MultifdCompression | undefined
  readonly compressionLevel?: number | undefined
  readonly zeroPageDetection?: ZeroPageDetection | undefined
  readonly directIo?: boolean | undefined
  /** Bytes per second that QEMU sends at most. Default: as fast as it goes. */
  readonly maxBandwidth?: number | undefined
}

/** As fast as it goes: the largest whole MiB/s that QEMU takes, and what libvirt sends (libvirt 9.0 to 12.8). */
const UNLIMITED = 9223372036853727232n

/** QEMU's own values of the parameters that we set (QEMU migration/options.c, the same in 7.2 and 10.0). */
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

/** The parameters of ours as a migration wants them; those that it does not name have QEMU's default. @throws QemuError QEMU_LACKS_FEATURE */
export function migrationParameters(
  features: MigrationFeatures,
  wanted: WantedParameters,
): MigrationParameterValues {
  const { maxBandwidth } = wanted
  // What QEMU takes it can send within the downtime limit goes without limit at the end; the guest stands anyway.
  const limits =
    maxBandwidth === undefined
      ? { 'max-bandwidth': UNLIMITED }
      : { 'max-bandwidth': maxBandwidth, 'downtime-limit': 1 }
  return { ...DEFAULTS, ...limits, ...namedParameters(features, wanted) }
}

/** The parameters of ours as QEMU has them when it starts. */
export function defaultParameters(): MigrationParameterValues {
  return DEFAULTS
}

/** Which of the values this QEMU has and has otherwise. */
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
      values[`multifd-${multifdCompression}-level`] = compressionLevel
  }
  if (wanted.zeroPageDetection !== undefined && features.zeroPageDetections.length > 0)
    values['zero-page-detection'] = wanted.zeroPageDetection
  if (directIo === true) {
    if (!features.directIo) throw lacks('direct I/O in migrations', '9.1')
    values['direct-io'] = true
  }
  return values
}

/** An error for what a QEMU cannot do, with the version that can. */
export function lacks(what: string, since: string): QemuError {
  return new QemuError('QEMU_LACKS_FEATURE', `This QEMU has no ${what}`, {
    hint: `It takes QEMU ${since} or later`,
  })
}
