import type { MigrationParameterValues } from '../qmp/commands.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import type { MigrationCapability } from '../qmp/replies.ts'
import { type WantedCapability, capabilityChanges } from './capabilities.ts'
import type { MigrationFeatures } from './features.ts'
import {
  type WantedParameters,
  defaultParameters,
  lacks,
  migrationParameters,
  parameterChanges,
} from './parameters.ts'

/** The settings of a migration in either direction. */
export interface MigrationSettings extends WantedParameters {
  /** Writes pages to fixed places in a file (QEMU >= 9.0). */
  readonly mappedRam?: boolean | undefined
  /** The guest runs meanwhile, and QEMU sends its memory of the start. Excludes channels and mapped-ram. */
  readonly backgroundSnapshot?: boolean | undefined
  /** The guest runs until QEMU stops it for the rest. Excludes `backgroundSnapshot`. */
  readonly precopy?: PrecopySettings | undefined
}

/** How QEMU migrates a guest that runs. */
export interface PrecopySettings {
  /** QEMU stops the guest for the rest once it expects to send that within this time. */
  readonly downtimeLimitMs: number
  /** QEMU waits for `migrate-continue` once it has stopped the guest, while its disks are still active. */
  readonly pauseBeforeSwitchover: boolean
}

/**
 * Sets a QEMU up for a migration with exactly these settings.
 * @throws QemuError QEMU_LACKS_FEATURE when it lacks a wanted feature, QEMU_REFUSED, QEMU_DIED
 */
export async function prepareMigration(
  qmp: QmpConnection,
  features: MigrationFeatures,
  wanted: MigrationSettings,
): Promise<void> {
  const { capabilities, parameters } = settingsFor(features, wanted)
  await applySettings(qmp, capabilities, parameters)
}

/**
 * `prepareMigration` for a QEMU that was just started and has its default settings, so no query is needed. Everything is sent when this returns, so
 * that the next command need not wait for the answers.
 */
export function prepareFreshMigration(
  qmp: QmpConnection,
  features: MigrationFeatures,
  wanted: MigrationSettings,
): Promise<unknown> {
  const { capabilities, parameters } = settingsFor(features, wanted)
  const known = new Set(features.parameters)
  const defaults = Object.entries(defaultParameters()).filter(([name]) => known.has(name))
  return sendChanges(
    qmp,
    capabilityChanges(
      features.capabilities.map((capability) => ({ capability, state: false })),
      capabilities,
    ),
    parameterChanges(Object.fromEntries(defaults), parameters),
  )
}

function settingsFor(
  features: MigrationFeatures,
  wanted: MigrationSettings,
): {
  readonly capabilities: readonly WantedCapability[]
  readonly parameters: MigrationParameterValues
} {
  const { channels = 0, mappedRam = false, backgroundSnapshot = false, precopy } = wanted
  if (channels > 0 && !features.multifd) throw lacks('multifd channels', '4.0')
  if (mappedRam && !features.mappedRam) throw lacks('mapped-ram', '9.0')
  const capabilities: WantedCapability[] = []
  if (channels > 0) capabilities.push('multifd')
  if (mappedRam) capabilities.push('mapped-ram')
  if (backgroundSnapshot) capabilities.push('background-snapshot')
  if (precopy?.pauseBeforeSwitchover === true) capabilities.push('pause-before-switchover')
  const parameters = migrationParameters(features, wanted)
  if (precopy === undefined) return { capabilities, parameters }
  return { capabilities, parameters: { ...parameters, 'downtime-limit': precopy.downtimeLimitMs } }
}

/**
 * Brings capabilities and parameters to the wanted values. Sends only differences: the capabilities in one command, because QEMU checks the
 * combination as a whole, and both without waiting in between, because the guest is stopped meanwhile.
 */
export async function applySettings(
  qmp: QmpConnection,
  capabilities: readonly WantedCapability[],
  parameters: MigrationParameterValues,
): Promise<void> {
  const [presentCapabilities, presentParameters] = await Promise.all([
    qmp.execute('query-migrate-capabilities'),
    qmp.execute('query-migrate-parameters'),
  ])
  await sendChanges(
    qmp,
    capabilityChanges(presentCapabilities, capabilities),
    parameterChanges(presentParameters, parameters),
  )
}

async function sendChanges(
  qmp: QmpConnection,
  toSwitch: MigrationCapability[],
  toSet: MigrationParameterValues,
): Promise<void> {
  const sent: Promise<unknown>[] = []
  if (toSwitch.length > 0)
    sent.push(qmp.execute('migrate-set-capabilities', { capabilities: toSwitch }))
  if (Object.keys(toSet).length > 0) sent.push(qmp.execute('migrate-set-parameters', toSet))
  await Promise.all(sent)
}
