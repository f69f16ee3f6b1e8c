import { StasisError } from '../../../errors.ts'
import { type MigrationFeatures, probeMigration } from '../../../migration/features.ts'
import { withIdleQemu } from '../../../qemu/probe/probe.ts'
import { emulatorsOf } from '../emulators.ts'
import { type Diagnosis, type HealthCheck, right } from '../health-check.ts'

/** The features of the QEMUs of this host for saves and restores. */
export const QEMU_FEATURES: HealthCheck = {
  name: 'qemu',
  async look({ directories, signal }) {
    const found: Diagnosis[] = []
    for (const { probed } of await emulatorsOf(directories, signal)) {
      const { emulator, version, packager } = probed
      const qemu = `QEMU ${version}${packager === '' ? '' : ` (${packager})`} at ${emulator}`
      try {
        const features = await withIdleQemu(emulator, signal, (qmp) =>
          probeMigration(qmp, { signal }),
        )
        found.push(diagnose(qemu, features))
      } catch (cause) {
        if (!(cause instanceof StasisError) || cause.code === 'CANCELLED') throw cause
        found.push({
          verdict: 'error',
          text: `${qemu}: ${cause.message}`,
          remedy: cause.hint,
          cause,
        })
      }
    }
    return found
  },
}

/** A QEMU that lacks a feature is not a fault of this host, unless the feature is multifd: nearly every save uses several channels. */
function diagnose(qemu: string, features: MigrationFeatures): Diagnosis {
  const wanted: readonly (readonly [string, boolean])[] = [
    [compressions(features), features.multifd],
    ['mapped-ram', features.mappedRam],
    ['direct-io', features.directIo],
    ['postcopy', features.postcopyRam],
    ['background-snapshot', features.capabilities.includes('background-snapshot')],
  ]
  const has = wanted.filter(([, isThere]) => isThere).map(([name]) => name)
  const lacks = wanted.filter(([, isThere]) => !isThere).map(([name]) => name)
  const text = `${qemu} has ${has.join(', ')}${lacks.length === 0 ? '' : `; it lacks ${lacks.join(', ')}`}`
  if (!features.multifd)
    return {
      verdict: 'warning',
      text,
      remedy: 'Saves are one stream: use a QEMU with multifd (4.0 or newer)',
    }
  if (!features.mappedRam)
    return { ...right(text), remedy: 'Only the format sparse needs that, and QEMU 9.0 or newer' }
  return right(text)
}

function compressions({ multifdCompressions }: MigrationFeatures): string {
  const methods = multifdCompressions.filter((method) => method !== 'none')
  return methods.length === 0 ? 'multifd' : `multifd with ${methods.join(' and ')}`
}
