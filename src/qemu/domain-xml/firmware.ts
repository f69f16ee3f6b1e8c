/** A firmware that a host has, as its descriptor says (QEMU docs/interop/firmware.json). */
export interface Firmware {
  readonly kind: 'uefi' | 'bios'
  /** `split`: two flash memories, one for the variables; `stateless`: without variables; `rom`: no flash memory. */
  readonly mapping: 'split' | 'stateless' | 'rom'
  readonly loader: FirmwareFile
  /** The template of the variable store, for `split`. */
  readonly template: FirmwareFile | undefined
  /** Names of versioned machine types, with `*` for any text. */
  readonly machines: readonly string[]
  /** Such as `secure-boot`, `enrolled-keys` and `requires-smm`. */
  readonly features: ReadonlySet<string>
}

export interface FirmwareFile {
  readonly path: string
  readonly format: 'raw' | 'qcow2'
}

/** Whether it is made for this machine type. */
export function isForMachine({ machines }: Firmware, machine: string): boolean {
  return machines.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
    return new RegExp(`^${parts.join('.*')}$`).test(machine)
  })
}
