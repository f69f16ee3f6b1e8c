import { kvmAccess } from '../../../qemu/probe/accelerator.ts'
import { type HealthCheck, right } from '../health-check.ts'

/** Whether guests can use KVM. QEMU opens it before it changes its user, which therefore needs no group. */
export const KVM: HealthCheck = {
  name: 'kvm',
  async look({ user }) {
    const access = await kvmAccess()
    if (!access.usable) return [{ verdict: 'warning', text: access.reason, remedy: access.hint }]
    const more = user === undefined ? '' : `; the user ${user.name} needs no group for it`
    return [right(`guests can use KVM${more}`)]
  },
}
