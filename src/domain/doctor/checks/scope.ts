import { hasScopes } from '../../../qemu/process/scope.ts'
import { type HealthCheck, right } from '../health-check.ts'

/** Whether each QEMU gets a control group of its own. */
export const SCOPE: HealthCheck = {
  name: 'scope',
  async look() {
    if (await hasScopes())
      return [right('each QEMU gets a scope of systemd, stasis-NAME.scope in machine.slice')]
    return [
      right(
        'QEMU stays in the control group of the command that starts it: scopes need root, a host that systemd booted, and control groups of version 2',
      ),
    ]
  },
}
