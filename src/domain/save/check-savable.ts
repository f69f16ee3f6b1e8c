import { DomainError, QemuError } from '../../errors.ts'
import { FORMATS } from '../../image/format-table.ts'
import type { SaveTransport } from '../../image/image-format.ts'
import { cancelMigration } from '../../migration/cancel.ts'
import { type MigrationFeatures, probeMigration } from '../../migration/features.ts'
import { postcopyProgress } from '../../migration/postcopy.ts'
import {
  hasEncryptedMemory,
  isRunning,
  migrationBlockers,
  runState,
} from '../../migration/run-state.ts'
import type { RunState } from '../../qmp/replies.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { stateOfRunState } from '../machine/domain-state.ts'
import type { SaveSettings } from './save-options.ts'

/** The facts about a running machine that a save needs. */
export interface Savable {
  readonly features: MigrationFeatures
  /** Whether the guest's processors run now. */
  readonly running: boolean
  /** Whether the guest has suspended itself to RAM (ACPI S3). */
  readonly asleep: boolean
}

/**
 * Checks, before the guest is stopped, that this QEMU can save its machine with these settings. Cancels a migration that a killed save left active.
 * @throws DomainError DOMAIN_WRONG_STATE, QemuError QEMU_LACKS_FEATURE, QEMU_REFUSED with the blockers
 */
export async function checkSavable(
  name: string,
  control: QmpConnection,
  settings: SaveSettings,
  signal: AbortSignal | undefined,
): Promise<Savable> {
  const features = await probeMigration(control, { signal })
  checkFeatures(features, settings)
  await cancelMigration(control)
  const blockers = await migrationBlockers(control, { signal })
  if (blockers.length > 0) {
    throw new QemuError(
      'QEMU_REFUSED',
      `Domain '${name}' cannot be saved: ${blockers.join('; ')}`,
      {
        operation: 'save',
      },
    )
  }
  if (await hasEncryptedMemory(control, { signal })) {
    throw new QemuError(
      'QEMU_REFUSED',
      `Domain '${name}' cannot be saved: its memory is encrypted, and QEMU cannot save such a guest`,
      { operation: 'save', hint: 'Shut the guest down instead' },
    )
  }
  const status = await checkState(name, control)
  return { features, running: isRunning(status), asleep: status === 'suspended' }
}

/**
 * Checks that QEMU has all of the guest's memory, whatever sends it. QEMU 11.1 aborts when it receives a save command during a postcopy migration;
 * 7.2 and 10.0 refuse it when the guest is already stopped.
 * @throws DomainError DOMAIN_WRONG_STATE
 */
export async function checkMemoryIsThere(name: string, control: QmpConnection): Promise<void> {
  const { phase } = await postcopyProgress(control)
  if (phase !== 'postcopy') return
  throw new DomainError(
    'DOMAIN_WRONG_STATE',
    `Domain '${name}' cannot be saved: it is in a postcopy migration`,
    { operation: 'save', hint: 'Save it when the migration is complete' },
  )
}

async function checkState(name: string, control: QmpConnection): Promise<RunState> {
  const status = await runState(control)
  if (isRunning(status) || SAVABLE_STOPPED.has(status)) return status
  const state = stateOfRunState(status)
  throw new DomainError(
    'DOMAIN_WRONG_STATE',
    `Domain '${name}' cannot be saved: it is ${state === 'paused' ? `in QEMU's state ${status}` : state}`,
    { operation: 'save' },
  )
}

/** A save that failed late leaves a paused guest in `finish-migrate` or `postmigrate`. */
const SAVABLE_STOPPED: ReadonlySet<string> = new Set([
  'paused',
  // QEMU stopped these guests; they are saved in this state, and continue paused.
  'io-error',
  'watchdog',
  'prelaunch',
  'finish-migrate',
  'postmigrate',
])

/** Refuses a save that needs something this QEMU lacks. */
type FeatureCheck = (features: MigrationFeatures) => void

const TRANSPORT_CHECKS: Readonly<Record<SaveTransport, FeatureCheck>> = {
  stream: () => undefined,
  multifd: checkMultifd,
  'mapped-ram': (features) => {
    checkMultifd(features)
    checkMappedRam(features)
  },
}

function checkFeatures(features: MigrationFeatures, settings: SaveSettings): void {
  TRANSPORT_CHECKS[FORMATS[settings.format].traits.transport](features)
  const { multifdCompression: compression } = settings
  if (features.multifdCompressions.includes(compression) || compression === 'none') return
  throw new QemuError(
    'QEMU_LACKS_FEATURE',
    `This QEMU cannot compress channels with ${compression}: that needs QEMU 5.0 or later, built with it`,
    { operation: 'save', hint: 'Use --format stasis, which does not need it' },
  )
}

function checkMultifd(features: MigrationFeatures): void {
  if (!features.multifd) {
    throw new QemuError(
      'QEMU_LACKS_FEATURE',
      'This QEMU cannot save over parallel channels: multifd needs QEMU 4.0 or later',
      { operation: 'save', hint: 'Use --format raw' },
    )
  }
}

function checkMappedRam(features: MigrationFeatures): void {
  if (!features.mappedRam) {
    throw new QemuError(
      'QEMU_LACKS_FEATURE',
      'This QEMU cannot save in the format sparse: mapped-ram needs QEMU 9.0 or later',
      {
        operation: 'save',
        hint: 'Save in another format, then convert the image with `stasis image-convert`',
      },
    )
  }
}

/** QEMU keeps a sleeping guest asleep over a migration since 9.0; before, `cont` runs its processors. */
const STAYS_ASLEEP_SINCE = 9

/** The warning before the save of a guest that sleeps; empty when it stays asleep. */
export function warningsAboutSleep({ asleep }: Savable, qemuVersion: string): readonly string[] {
  if (!asleep || Number.parseInt(qemuVersion, 10) >= STAYS_ASLEEP_SINCE) return []
  return [`The guest sleeps (ACPI S3), and QEMU ${qemuVersion} will wake it when it is restored`]
}
