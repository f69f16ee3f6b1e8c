import { type StasisError, QemuError } from '../../errors.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { readRecord, writeRecord } from '../store/runtime-record.ts'
import { openAgent } from './agent.ts'

/** The guest first writes its cached data to its disks, and runs the scripts of its administrator (`fsfreeze-hook` of qemu-guest-agent). */
const FREEZE_MS = 60_000

/** Checks that the agent inside a guest answers. @throws as `openAgent` */
export async function requireAgent(name: string, paths: RuntimePaths): Promise<void> {
  using _agent = await openAgent(name, paths)
}

/**
 * Freezes the file systems of a guest through the agent inside it. Callers record that first, because the process that lets the guest run again must thaw them.
 * @throws as `openAgent`; QemuError QEMU_REFUSED
 */
export async function freezeGuest(name: string, paths: RuntimePaths): Promise<void> {
  using agent = await openAgent(name, paths)
  await agent.execute('guest-fsfreeze-freeze', undefined, { timeoutMs: FREEZE_MS })
}

/**
 * Thaws the file systems of a running guest, and records that.
 * @throws QemuError QEMU_REFUSED, QEMU_TIMEOUT: they are still frozen
 */
export async function thawGuest(name: string, paths: RuntimePaths): Promise<void> {
  try {
    using agent = await openAgent(name, paths)
    await agent.execute('guest-fsfreeze-thaw', undefined, { timeoutMs: FREEZE_MS })
  } catch (error) {
    throw new QemuError(
      'QEMU_REFUSED',
      `The file systems of domain '${name}' are still frozen: ${(error as StasisError).message}`,
      {
        operation: 'thaw the guest',
        cause: error,
        hint: `\`stasis domfsthaw ${name}\` tries again`,
      },
    )
  }
  const record = await readRecord(paths)
  if (record?.frozen === true) await writeRecord(paths, { ...record, frozen: undefined })
}
