import type { MigrationCapability } from '../qmp/replies.ts'

/** Capabilities that our migrations switch on; all others are switched off. */
export type WantedCapability =
  | 'multifd'
  | 'mapped-ram'
  | 'postcopy-ram'
  | 'return-path'
  | 'background-snapshot'
  | 'pause-before-switchover'

/**
 * The changes after which only the wanted capabilities and `events` (which reports each change of state) are on. All others that this QEMU has are
 * switched off, even if another client switched them on.
 */
export function capabilityChanges(
  present: readonly MigrationCapability[],
  wanted: readonly WantedCapability[],
): MigrationCapability[] {
  const on = new Set<string>([...wanted, 'events'])
  return present
    .filter(({ capability, state }) => state !== on.has(capability))
    .map(({ capability }) => ({ capability, state: on.has(capability) }))
}
