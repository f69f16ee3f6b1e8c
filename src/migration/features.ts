import type { QmpConnection } from '../qmp/connection.ts'
import { QmpSchema } from './schema.ts'

/** What a QEMU can do in a migration. Plain data: it may be kept for as long as the binary stays the same. */
export interface MigrationFeatures {
  /** Every capability that it knows. */
  readonly capabilities: readonly string[]
  /** Every parameter that `migrate-set-parameters` takes. */
  readonly parameters: readonly string[]
  readonly multifd: boolean
  /** What the number of channels is called; `undefined` without multifd. */
  readonly channelsParameter: 'multifd-channels' | 'x-multifd-channels' | undefined
  /** What QEMU itself can compress channels with; `none` is among them. */
  readonly multifdCompressions: readonly string[]
  /** Who may look for zero pages: `none`, `legacy`, `multifd`; empty where it cannot be chosen. */
  readonly zeroPageDetections: readonly string[]
  readonly mappedRam: boolean
  readonly directIo: boolean
  readonly postcopyRam: boolean
  readonly events: boolean
  /** Whether a failed load can leave QEMU alive to say why (`exit-on-error` of `migrate-incoming`). */
  readonly exitOnError: boolean
  /** Whether a `file:` URI is known. */
  readonly fileUri: boolean
}

/**
 * Asks a QEMU what it can do in a migration; never concluded from its version. Takes 30 to 100 ms, nearly all of it the schema.
 * Source: QEMU qapi/migration.json 7.2 and 10.0.
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

/** The features that a list of capabilities and a schema amount to. */
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
