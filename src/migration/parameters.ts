import { QemuError } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
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
}

/** As fast as it goes: the largest whole MiB/s that QEMU takes, and what libvirt sends (libvirt 9.0 to 12.8). */
const UNLIMITED = 9223372036853727232n

/** QEMU's own values of the parameters that we set (QEMU migration/options.c, the same in 7.2 and 10.0). */
const DEFAULTS: Readonly<Record<string, unknown>> = {
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

/**
 * Sets exactly the wanted parameters; those of ours that are not named get QEMU's default.
 * @throws QemuError QEMU_LACKS_FEATURE when this QEMU has not what is wanted, QEMU_REFUSED
 */
export async function setParameters(
  qmp: QmpConnection,
  features: MigrationFeatures,
  wanted: WantedParameters,
): Promise<void> {
  const named = { 'max-bandwidth': UNLIMITED, ...namedParameters(features, wanted) }
  await sendParameters(qmp, { ...DEFAULTS, ...named })
}

/** Gives the parameters of ours QEMU's default again. @throws QemuError QEMU_REFUSED */
export function resetParameters(qmp: QmpConnection): Promise<void> {
  return sendParameters(qmp, DEFAULTS)
}

/** The wanted parameters by QEMU's names. @throws QemuError QEMU_LACKS_FEATURE */
export function namedParameters(
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

/** Sends what this QEMU has and what differs. */
async function sendParameters(
  qmp: QmpConnection,
  values: Readonly<Record<string, unknown>>,
): Promise<void> {
  const present = await qmp.execute('query-migrate-parameters')
  const changes = Object.entries(values).filter(
    ([name, value]) => name in present && !sameValue(present[name], value),
  )
  if (changes.length > 0) {
    await qmp.execute('migrate-set-parameters', Object.fromEntries(changes))
  }
}

function sameValue(a: unknown, b: unknown): boolean {
  return typeof a === 'bigint' || typeof b === 'bigint' ? String(a) === String(b) : a === b
}
