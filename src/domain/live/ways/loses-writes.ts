import { atLeast } from '../../../qemu/command-line/options.ts'
import { parseVersion } from '../../machine/emulator.ts'
import type { LiveGuest } from './live-guest.ts'

/**
 * Whether a migration of this running guest may lack pages that the guest wrote meanwhile: QEMU before 9.0 does not notice each write of a guest without KVM. Only its
 * version tells (notes/qemu/dirty-pages.md).
 * @throws QemuError QEMU_DIED
 */
export async function losesWrites({
  control,
  record,
}: Pick<LiveGuest, 'control' | 'record'>): Promise<boolean> {
  if (atLeast(parseVersion(record.qemuVersion), 9, 0)) return false
  return !(await control.execute('query-kvm')).enabled
}
