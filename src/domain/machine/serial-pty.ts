import type { RuntimePaths } from '../store/runtime-paths.ts'
import { openQuery } from './monitor.ts'

/**
 * The path of the pty that QEMU opened for the first serial port or console of a running domain; `undefined` if it has opened none.
 * @throws QemuError, DomainError DOMAIN_BUSY when QEMU does not answer
 */
export async function serialPty(
  paths: RuntimePaths,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  await using monitor = await openQuery(paths, signal)
  const devices = await monitor.execute('query-chardev', {}, { signal })
  const ptys = devices.filter(({ filename }) => filename.startsWith('pty:'))
  const device = ptys.find(({ label }) => /serial0$|console0$/.test(label)) ?? ptys[0]
  return device?.filename.slice('pty:'.length)
}
