import { DomainError, StasisError } from '../../errors.ts'
import { QmpConnection, type QmpConnectOptions } from '../../qmp/connection.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

const ANSWER_MS = 5000

/**
 * Connects to the monitor of a running machine. A busy monitor means a busy domain.
 * @throws QemuError QEMU_DIED, DomainError DOMAIN_BUSY when QEMU does not answer
 */
export async function connectMonitor(
  path: string,
  options: QmpConnectOptions,
): Promise<QmpConnection> {
  try {
    return await QmpConnection.connect(path, options)
  } catch (error) {
    if (!StasisError.is(error, 'QEMU_BUSY')) throw error
    const { message, hint, cause } = error
    throw new DomainError('DOMAIN_BUSY', message, { path, hint, cause })
  }
}

/**
 * Opens the monitor for operations. Callers must hold the lock.
 * @throws QemuError QEMU_DIED, DomainError DOMAIN_BUSY when QEMU does not answer
 */
export async function openControl(
  paths: RuntimePaths,
  signal?: AbortSignal,
): Promise<QmpConnection> {
  return connectMonitor(paths.controlSocket, { signal })
}

/**
 * Opens the monitor for queries, which works while an operation uses the other one.
 * @throws QemuError QEMU_DIED, DomainError DOMAIN_BUSY when QEMU does not answer
 */
export async function openQuery(paths: RuntimePaths, signal?: AbortSignal): Promise<QmpConnection> {
  return connectMonitor(paths.querySocket, { signal, timeoutMs: ANSWER_MS })
}
