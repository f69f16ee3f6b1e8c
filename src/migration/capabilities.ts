import type { QmpConnection } from '../qmp/connection.ts'

/** Capabilities that a migration of ours switches on; all others are switched off. */
export type WantedCapability = 'multifd' | 'mapped-ram' | 'postcopy-ram' | 'return-path'

/**
 * Switches on exactly the wanted capabilities, and `events`, which tells of each change of state; all others that this QEMU has
 * go off, whoever left them on. Only what differs is sent, in one command, for QEMU checks the combination as a whole.
 * @throws QemuError QEMU_REFUSED
 */
export async function setCapabilities(
  qmp: QmpConnection,
  wanted: readonly WantedCapability[],
): Promise<void> {
  const on = new Set<string>([...wanted, 'events'])
  const present = await qmp.execute('query-migrate-capabilities')
  const capabilities = present
    .filter(({ capability, state }) => state !== on.has(capability))
    .map(({ capability }) => ({ capability, state: on.has(capability) }))
  if (capabilities.length > 0) await qmp.execute('migrate-set-capabilities', { capabilities })
}
