import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { flushFile } from '../../io/files/flush-file.ts'
import { writableDisks } from '../store/disks/disk-identity.ts'

/**
 * Makes durable what QEMU has written to the disks of a guest so far: QEMU flushes them while the guest is stopped, and then has less to do. A disk that
 * cannot be flushed from here is left to QEMU.
 */
export async function flushDisks(domain: Domain): Promise<void> {
  await Promise.all(writableDisks(domain).map(({ path }) => flushFile(path).catch(() => undefined)))
}
