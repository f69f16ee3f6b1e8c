/** The two families of PC that are supported. */
export type Chipset = 'q35' | 'i440fx'

/** The family of a machine type: `pc-q35-7.2` and `q35`, `pc-i440fx-7.2` and `pc`, also in Red Hat's naming. `undefined` for any other machine. */
export function chipsetOf(machine: string): Chipset | undefined {
  if (machine === 'q35' || machine.startsWith('pc-q35-')) return 'q35'
  if (machine === 'pc' || /^pc-(i440fx-|\d)/.test(machine)) return 'i440fx'
  return undefined
}

/** The hint for an unsupported machine type. */
export const SUPPORTED_MACHINES: string = 'Supported are q35 and pc, in all their versions'
