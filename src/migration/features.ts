import type { QmpConnection } from '../qmp/connection.ts'
import { QmpSchema } from './schema.ts'

/** The migration features of a QEMU. Plain data: it may be cached for as long as the binary stays the same. */
export interface MigrationFeatures {
  /** Every capability that it has. */
  readonly capabilities: readonly string[]
  /** Every parameter that `migrate-set-parameters` accepts. */
  readonly parameters: readonly string[]
  readonly multifd: boolean
  /** The name of the parameter for the number of channels; `undefined` without multifd. */
  readonly channelsParameter: 'multifd-channels' | 'x-multifd-channels' | undefined
  /** QEMU's own compression methods for channels, including `none`. */
  readonly multifdCompressions: readonly string[]
  /** Ways to detect zero pages: `none`, `legacy`, `multifd`; empty where there is no choice. */
  readonly zeroPageDetections: readonly string[]
  readonly mappedRam: boolean
  readonly directIo: boolean
  readonly postcopyRam: boolean
  readonly events: boolean
  /** Whether QEMU can stay alive after a failed load and report the reason (`exit-on-error` of `migrate-incoming`). */
  readonly exitOnError: boolean
  /** Whether it supports a `file:` URI. */
  readonly fileUri: boolean
}

/**
 * Probes the migration features of a QEMU; they are never derived from its version. Takes 30 to 100 ms, nearly all of it for the schema. Source: QEMU
 * qapi/migration.json 7.2 and 10.0.
 */
export async function probeMigration(
  qmp: QmpConnection,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<MigrationFeatures> {
  const [known, entries] = await Promise.all([
    qmp.execute('query-migrate-capabilities', {}, options),
    qmp.execute('query-qmp-schema', {}, options),
  ])
  const capabilities = known.map(({ capability }) => capability)
  return featuresOf(capabilities, new QmpSchema(entries))
}

/** Derives the features from a list of capabilities and a schema. */
export function featuresOf(capabilities: readonly string[], schema: QmpSchema): MigrationFeatures {
  const set = 'migrate-set-parameters'
  const parameters = schema.argumentsOf(set)
  const channelsParameter = (['multifd-channels', 'x-multifd-channels'] as const).find((name) =>
    parameters.has(name),
  )
  return {
    capabilities,
    parameters: [...parameters],
    multifd: capabilities.includes('multifd') && channelsParameter !== undefined,
    channelsParameter,
    multifdCompressions: schema.enumValues(set, ['multifd-compression']),
    zeroPageDetections: schema.enumValues(set, ['zero-page-detection']),
    mappedRam: capabilities.includes('mapped-ram'),
    directIo: parameters.has('direct-io'),
    postcopyRam: capabilities.includes('postcopy-ram'),
    events: capabilities.includes('events'),
    exitOnError: schema.argumentsOf('migrate-incoming').has('exit-on-error'),
    fileUri: schema.enumValues('migrate', ['channels', 'addr', 'transport']).includes('file'),
  }
}
