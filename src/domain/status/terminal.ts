import { DomainError } from '../../errors.ts'
import { findRunning } from '../catalogue/running-entry.ts'
import { serialPty } from '../machine/serial-pty.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'

/**
 * The pty behind the first serial port of a running domain.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY, DOMAIN_WRONG_STATE if it has none; QemuError, StorageError
 */
export async function domainTerminal(
  reference: string,
  { signal, ...options }: DomainOptions,
): Promise<{ readonly name: string; readonly path: string }> {
  const { name, paths } = await findRunning(await openDirectories(options), reference)
  const path = await serialPty(paths, signal)
  if (path !== undefined) return { name, path }
  throw new DomainError('DOMAIN_WRONG_STATE', `No serial port of domain '${name}' is a pty`)
}
