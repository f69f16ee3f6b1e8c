import { createHash } from 'node:crypto'
import { join } from 'node:path'
import {
  type RecordKind,
  fieldsOf,
  readCacheFile,
  writeRecordFile,
} from '../../io/records/record-file.ts'
import { type MigrationFeatures, probeMigration } from '../../migration/features.ts'
import { emulatorDigest } from '../../qemu/probe/probe.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { Directories } from '../store/directories.ts'
import { placeOfHost } from '../store/host-directory.ts'

/**
 * The migration features of a running QEMU. Probing them takes half as long as its start, so they are cached in the state directory for as long as
 * its binary stays the same. Only for a QEMU that was just started from that binary.
 * @throws QemuError, CancelledError
 */
export async function migrationFeatures(
  control: QmpConnection,
  emulator: string,
  directories: Directories,
  signal: AbortSignal | undefined,
): Promise<MigrationFeatures> {
  const key = await emulatorDigest(emulator)
  const name = createHash('sha256').update(key).digest('hex').slice(0, 24)
  const path = join(placeOfHost(directories.stateDir, 'cache'), `migration-${name}.json`)
  const cached = await readCacheFile(CACHED_FEATURES, path)
  if (cached?.key === key) return cached.features
  const features = await probeMigration(control, { signal })
  // A cache that cannot be written is ignored.
  const entry = { key, features }
  await writeRecordFile(CACHED_FEATURES, path, entry, { durable: false }).catch(() => undefined)
  return features
}

interface CachedFeatures {
  /** Identifies the QEMU, see `emulatorDigest`. */
  readonly key: string
  readonly features: MigrationFeatures
}

const CACHED_FEATURES: RecordKind<CachedFeatures> = {
  what: 'the migration features of a QEMU',
  version: 1,
  parse(value, version) {
    const fields = fieldsOf(value)
    const fits =
      version > 0 &&
      typeof fields?.['key'] === 'string' &&
      Array.isArray(fieldsOf(fields['features'])?.['capabilities'])
    return fits ? (fields as unknown as CachedFeatures) : undefined
  },
}
