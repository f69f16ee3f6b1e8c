import type { Architecture } from './architecture.ts'

/** The families of machines that are supported: two of PCs, and QEMU's own ARM machine. */
export type Chipset = 'q35' | 'i440fx' | 'virt'

/**
 * The family of a machine type: `pc-q35-7.2` and `q35`, `pc-i440fx-7.2` and `pc`, `virt-10.0` and `virt`, also in Red Hat's naming. `undefined` for any
 * other machine.
 */
export function chipsetOf(machine: string): Chipset | undefined {
  if (machine === 'q35' || machine.startsWith('pc-q35-')) return 'q35'
  if (machine === 'pc' || /^pc-(i440fx-|\d)/.test(machine)) return 'i440fx'
  if (machine === 'virt' || machine.startsWith('virt-')) return 'virt'
  return undefined
}

/** Whether QEMU for that architecture has machines of the family. */
export function isOf(chipset: Chipset, architecture: Architecture): boolean {
  return (chipset === 'virt') === (architecture === 'aarch64')
}

/** The machine type where the XML names none, as in libvirt. */
export function usualMachine(architecture: Architecture): string {
  return architecture === 'aarch64' ? 'virt' : 'pc'
}

/** The hint for an unsupported machine type. */
export function supportedMachines(architecture: Architecture): string {
  return architecture === 'aarch64'
    ? 'Supported is virt, in all its versions'
    : 'Supported are q35 and pc, in all their versions'
}
