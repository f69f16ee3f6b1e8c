import { createHash } from 'node:crypto'
import { join } from 'node:path'

import { StorageError } from '../../errors.ts'
import { areAll, isText } from '../../io/records/field-checks.ts'
import {
  type Fields,
  type RecordKind,
  fieldsOf,
  readCacheFile,
  writeRecordFile,
} from '../../io/records/record-file.ts'
import type { ProbedQemu } from './probed-qemu.ts'

/** The cached result for a fingerprint; `undefined` when there is none, or the file is not ours. */
export async function loadProbe(
  directory: string | undefined,
  key: string,
): Promise<ProbedQemu | undefined> {
  if (directory === undefined) return undefined
  const entry = await readCacheFile(KEPT_PROBE, pathOf(directory, key))
  return entry?.key === key ? entry.probed : undefined
}

/** Caches a result. A cache that cannot be written is ignored, because the probe succeeded. */
export async function storeProbe(
  directory: string | undefined,
  key: string,
  probed: ProbedQemu,
): Promise<void> {
  if (directory === undefined) return
  try {
    const entry = { key, probed }
    await writeRecordFile(KEPT_PROBE, pathOf(directory, key), entry, { durable: false })
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
  }
}

interface KeptProbe {
  readonly key: string
  readonly probed: ProbedQemu
}

const KEPT_PROBE: RecordKind<KeptProbe> = {
  what: 'what a QEMU can do',
  version: 1,
  parse(value, version) {
    const fields = fieldsOf(value)
    const probed = fieldsOf(fields?.['probed'])
    const fits = version > 0 && isText(fields?.['key']) && isProbed(probed)
    return fits ? (fields as unknown as KeptProbe) : undefined
  },
}

/** A cache of another version of Stasis may lack some: then the probe is made again. */
function isProbed(probed: Fields | undefined): boolean {
  const { sev, machines, migrationCapabilities, cpuProperties, gicVersions } = probed ?? {}
  return (
    [probed?.['emulator'], probed?.['version'], probed?.['packager']].every(isText) &&
    [probed?.['kvmUsable'], probed?.['sandbox']].every((value) => typeof value === 'boolean') &&
    (sev === undefined ||
      ['cbitPosition', 'reducedPhysBits'].every((name) =>
        Number.isSafeInteger(fieldsOf(sev)?.[name]),
      )) &&
    areAll(gicVersions, Number.isSafeInteger) &&
    areAll(machines, (machine) => isText(fieldsOf(machine)?.['name'])) &&
    [migrationCapabilities, cpuProperties].every((names) => areAll(names, isText))
  )
}

function pathOf(directory: string, key: string): string {
  return join(
    directory,
    `probe-${createHash('sha256').update(key).digest('hex').slice(0, 24)}.json`,
  )
}
