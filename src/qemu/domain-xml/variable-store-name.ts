/** The name of the file for a domain's UEFI variables, which depends on the format of the file. libvirt uses the same names. */
export function variableStoreName(domain: string, format: string): string {
  return `${domain}_VARS.${format === 'qcow2' ? 'qcow2' : 'fd'}`
}
