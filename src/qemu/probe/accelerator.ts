import { deviceFault } from '../../io/files/device-access.ts'

const KVM_DEVICE = '/dev/kvm'

/** Whether this user on this host can use KVM; if not, the reason and a remedy. */
export type KvmAccess =
  | { readonly usable: true }
  | { readonly usable: false; readonly reason: string; readonly hint: string }

/** Opens `/dev/kvm`, as QEMU does first (QEMU accel/kvm/kvm-all.c `kvm_init`). */
export async function kvmAccess(): Promise<KvmAccess> {
  const errno = await deviceFault(KVM_DEVICE)
  switch (errno) {
    case undefined:
      return { usable: true }
    case 'ENOENT':
      return {
        usable: false,
        reason: `${KVM_DEVICE} does not exist`,
        hint: 'Load the kernel module kvm_intel or kvm_amd. If this host is itself a guest, enable nested virtualisation',
      }
    case 'EACCES':
    case 'EPERM':
      return {
        usable: false,
        reason: `there is no permission to open ${KVM_DEVICE}`,
        hint: 'Add the user to the group kvm and log in again',
      }
    default:
      return {
        usable: false,
        reason: `${KVM_DEVICE} cannot be opened (${errno})`,
        hint: 'Look at the kernel log (dmesg)',
      }
  }
}
