/** The QEMU version in a machine type's name: `pc-q35-7.2` is 7.2; `undefined` for names without one. */
export function machineVersion(machine: string): { major: number; minor: number } | undefined {
  const match = /^(?:pc-(?:q35-|i440fx-)?|virt-)(\d+)\.(\d+)$/.exec(machine)
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) }
}
