import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type MigrationFeatures, probeMigration } from '../../migration/features.ts'
import { emulatorDigest } from '../../qemu/probe.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { Directories } from '../store/directories.ts'
import { writeWhole } from '../store/whole-text.ts'

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
  const kept = await load(path, key)
  if (kept !== undefined) return kept
  const features = await probeMigration(control, { signal })
  // A cache that cannot be written is done without.
  await writeWhole(path, JSON.stringify({ key, features })).catch(() => undefined)
  return features
}

async function load(path: string, key: string): Promise<MigrationFeatures | undefined> {
  try {
    const entry = JSON.parse(await readFile(path, 'utf8')) as {
      readonly key?: unknown
      readonly features?: MigrationFeatures
    }
    return entry.key === key && Array.isArray(entry.features?.capabilities)
      ? entry.features
      : undefined
  } catch {
    return undefined
  }
}
