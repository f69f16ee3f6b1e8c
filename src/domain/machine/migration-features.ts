import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type RecordKind, fieldsOf, readCacheFile, writeRecordFile } from '../../io/record-file.ts'
import { type MigrationFeatures, probeMigration } from '../../migration/features.ts'
import { emulatorDigest } from '../../qemu/probe.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { Directories } from '../store/directories.ts'

/**
 * What a QEMU that runs can do in a migration: asked once, which takes as long as half its start, and then kept in the state directory
 * for as long as its binary stays the same. Only for a QEMU that was started from that binary just now.
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
  const path = join(directories.stateDir, 'cache', `migration-${name}.json`)
  const kept = await readCacheFile(KEPT_FEATURES, path)
  if (kept?.key === key) return kept.features
  const features = await probeMigration(control, { signal })
  // A cache that cannot be written is done without.
  const entry = { key, features }
  await writeRecordFile(KEPT_FEATURES, path, entry, { durable: false }).catch(() => undefined)
  return features
}

interface KeptFeatures {
  /** Of which QEMU, see `emulatorDigest`. */
  readonly key: string
  readonly features: MigrationFeatures
}

const KEPT_FEATURES: RecordKind<KeptFeatures> = {
  what: 'what a QEMU can do in a migration',
  version: 1,
  parse(value, version) {
    const fields = fieldsOf(value)
    const fits =
      version > 0 &&
      typeof fields?.['key'] === 'string' &&
      Array.isArray(fieldsOf(fields['features'])?.['capabilities'])
    return fits ? (fields as unknown as KeptFeatures) : undefined
  },
}
