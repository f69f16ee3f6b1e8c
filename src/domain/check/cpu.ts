import type { Cpu } from '../../qemu/domain-xml/model/cpu.ts'
import { type Finding, fault, right, warning } from './finding.ts'

/**
 * Whether the guest finds the processor that it had. QEMU loads a state all the same, and the guest then fails at the first
 * instruction that is not there: so a feature that the image names is an error, one that its model merely implies a warning.
 *
 * @param missing what QEMU says it cannot give, by its own names
 * @param options whether the processor is the one in libvirt's cookie, with all features that the guest really had
 */
export function checkCpu(
  cpu: Cpu | undefined,
  missing: readonly string[],
  options: { readonly fromCookie: boolean },
): readonly Finding[] {
  if (missing.length === 0)
    return [right('CPU', `The processor ${modelOf(cpu)} has all of its features here`)]
  const named = new Set(
    (cpu?.features ?? [])
      .filter(({ policy }) => policy === 'require' || policy === 'force')
      .map(({ name }) => plain(name)),
  )
  const needed = missing.filter((name) => named.has(plain(name)))
  const implied = missing.filter((name) => !named.has(plain(name)))
  const findings: Finding[] = []
  if (needed.length > 0) {
    findings.push(
      fault(
        'CPU',
        `The guest's processor has features that are not to be had here: ${needed.join(', ')}`,
        'Restore on a host with a processor at least as new, or under KVM if it ran there',
      ),
    )
  }
  if (implied.length > 0) {
    const text = `The model ${modelOf(cpu)} has features that are not to be had here: ${implied.join(', ')}`
    const hint = 'It can be restored if the saving host lacked them too; the image does not say'
    findings.push(warning('CPU', text, options.fromCookie ? undefined : hint))
  }
  return findings
}

function modelOf(cpu: Cpu | undefined): string {
  return cpu === undefined ? 'qemu64' : (cpu.model ?? cpu.mode)
}

/** libvirt writes `lahf_lm` where QEMU says `lahf-lm`. */
function plain(name: string): string {
  return name.replaceAll('_', '-')
}
