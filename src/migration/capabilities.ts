import type { MigrationCapability } from '../qmp/replies.ts'

/** Capabilities that a migration of ours switches on; all others are switched off. */
export type WantedCapability = 'multifd' | 'mapped-ram' | 'postcopy-ram' | 'return-path'

/**
 * What has to change so that exactly the wanted capabilities are on, and `events`, which tells of each change of state; all others
 * that this QEMU has go off, whoever left them on.
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
