import { lookForLibvirt } from '../../../qemu/foreign/libvirt-domains.ts'
import { listDefinitions } from '../../store/definitions.ts'
import { listRuntimes } from '../../catalogue/catalogue.ts'
import { type HealthCheck, right } from '../health-check.ts'

/** Whether libvirt runs domains with the names of ours: both would use the same disks. */
export const LIBVIRT: HealthCheck = {
  name: 'libvirt',
  async look({ directories }) {
    const { listens, running, hidden } = await lookForLibvirt()
    const ours = new Set([
      ...(await listDefinitions(directories)),
      ...(await listRuntimes(directories)),
    ])
    const same = running.filter((name) => ours.has(name))
    if (same.length > 0) {
      const names = same.map((name) => `'${name}'`).join(', ')
      return [
        {
          verdict: 'warning',
          text: `libvirt runs ${names}, and Stasis has ${same.length === 1 ? 'a domain' : 'domains'} of the same name`,
          remedy:
            'Do not start the same guest twice: both would write to its disks. Undefine it here, or in libvirt',
        },
      ]
    }
    const count = `${running.length} domain${running.length === 1 ? '' : 's'}`
    const unseen = hidden.length === 0 ? '' : `; this user may not look into ${hidden.join(', ')}`
    if (running.length > 0)
      return [right(`libvirt runs ${count}, none with a name of ours${unseen}`)]
    return [
      right(`libvirt ${listens ? 'is here, and runs' : 'is not here: it runs'} no domain${unseen}`),
    ]
  },
}
