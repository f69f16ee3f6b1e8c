import type { Architecture } from './architecture.ts'

/** A firmware that a host has, as its descriptor says (QEMU docs/interop/firmware.json). */
export interface Firmware {
  readonly kind: 'uefi' | 'bios'
  /** `split`: two flash memories, one for the variables; `stateless`: without variables; `rom`: no flash memory. */
  readonly mapping: 'split' | 'stateless' | 'rom'
  readonly loader: FirmwareFile
  /** The template of the variable store, for `split`. */
  readonly template: FirmwareFile | undefined
  /** The machines that it is made for. */
  readonly targets: readonly FirmwareTarget[]
  /** Such as `secure-boot`, `enrolled-keys` and `requires-smm`. */
  readonly features: ReadonlySet<string>
}

export interface FirmwareTarget {
  readonly architecture: Architecture
  /** Names of versioned machine types, with `*` for any text. */
  readonly machines: readonly string[]
}

export interface FirmwareFile {
  readonly path: string
  readonly format: 'raw' | 'qcow2'
}

/** Whether it is made for this machine type. */
export function isForMachine(
  { targets }: Firmware,
  architecture: Architecture,
  machine: string,
): boolean {
  const own = targets.filter((target) => target.architecture === architecture)
  const patterns = own.flatMap(({ machines }) => machines)
  return patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
    return new RegExp(`^${parts.join('.*')}$`).test(machine)
  })
}
