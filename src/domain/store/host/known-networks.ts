import { dirname } from 'node:path'
import { makeDirectory } from '../../../io/files/directory.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  writeRecordFile,
} from '../../../io/records/record-file.ts'
import { placeOfHost } from '../host-directory.ts'
import type { Directories } from '../directories.ts'

/** The targets that callers gave for names of networks, by name: `bridge:br0` and the like. */
export type KnownNetworks = Readonly<Record<string, string>>

/** The networks that callers named before. @throws StorageError */
export async function readKnownNetworks(directories: Directories): Promise<KnownNetworks> {
  return (await readRecordFile(KNOWN_NETWORKS, pathOf(directories)))?.networks ?? {}
}

/** Remembers networks, and forgets those whose value is `forget`. @throws StorageError */
export async function rememberNetworks(
  directories: Directories,
  given: KnownNetworks,
): Promise<void> {
  const before = await readKnownNetworks(directories)
  const after = Object.entries({ ...before, ...given }).filter(([, value]) => value !== 'forget')
  const networks = Object.fromEntries(after.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  if (JSON.stringify(networks) === JSON.stringify(before)) return
  await makeDirectory(dirname(pathOf(directories)))
  await writeRecordFile(KNOWN_NETWORKS, pathOf(directories), { networks }, { durable: true })
}

const KNOWN_NETWORKS: RecordKind<{ readonly networks: KnownNetworks }> = {
  what: 'the record of networks',
  version: 1,
  parse(value) {
    const networks = fieldsOf(fieldsOf(value)?.['networks'])
    if (networks === undefined) return undefined
    if (Object.values(networks).some((one) => typeof one !== 'string')) return undefined
    return { networks: networks as KnownNetworks }
  },
  hint: 'Remove the file, and name the networks again with --network',
}

function pathOf({ stateDir }: Directories): string {
  return placeOfHost(stateDir, 'networks.json')
}
