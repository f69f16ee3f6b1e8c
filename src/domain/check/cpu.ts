import type { Cpu } from '../../qemu/domain-xml/model/board/cpu.ts'
import { qemuFeatureName } from '../../qemu/command-line/board/cpu-features.ts'
import { type Finding, fault, right, warning } from './finding.ts'

/**
 * Checks whether the guest will find the processor that it had. QEMU loads the state in any case, and the guest then fails at the first
 * missing instruction. So a missing feature is an error if the image names it, and a warning if the CPU model only implies it.
 *
 * @param missing the features that QEMU cannot provide, by QEMU's names
 * @param options whether `cpu` is from libvirt's cookie, and so has all features that the guest really had
 */
export function checkCpu(
  cpu: Cpu | undefined,
  missing: readonly string[],
  options: { readonly fromCookie: boolean },
): readonly Finding[] {
  if (missing.length === 0)
    return [right('CPU', `This host has all features of the processor ${modelOf(cpu)}`)]
  const named = new Set(
    (cpu?.features ?? [])
      .filter(({ policy }) => policy === 'require' || policy === 'force')
      .map(({ name }) => qemuFeatureName(name)),
  )
  const needed = missing.filter((name) => named.has(name))
  const implied = missing.filter((name) => !named.has(name))
  const findings: Finding[] = []
  if (needed.length > 0) {
    findings.push(
      fault(
        'CPU',
        `The guest's processor has features that this host lacks: ${needed.join(', ')}`,
        'Restore it on a host with a processor that is at least as new, or under KVM if it ran under KVM',
      ),
    )
  }
  if (implied.length > 0) {
    const text = `The model ${modelOf(cpu)} has features that this host lacks: ${implied.join(', ')}`
    const hint =
      'The restore works if the saving host lacked them too, which the image does not record'
    findings.push(warning('CPU', text, options.fromCookie ? undefined : hint))
  }
  return findings
}

function modelOf(cpu: Cpu | undefined): string {
  return cpu === undefined ? 'qemu64' : (cpu.model ?? cpu.mode)
}
