import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isReachable } from '../../../io/files/file-names.ts'
import { listDefinitions } from '../../store/definitions.ts'
import { type HealthCheck, right } from '../health-check.ts'

const UNIT = 'stasis-host.service'
const ENABLED = '/etc/systemd/system'

/** Whether the guests are saved when the host shuts down. */
export const SYSTEMD: HealthCheck = {
  name: 'systemd',
  async look({ root, directories }) {
    if (!(await isReachable('/run/systemd/system')))
      return [right('systemd did not boot this host: nothing saves the guests when it shuts down')]
    if (!root) return [right(`only root's guests can be saved by ${UNIT} when the host shuts down`)]
    if (await isEnabled()) return [right(`${UNIT} saves the guests when the host shuts down`)]
    const text = `${UNIT} is not enabled: nothing saves the guests when the host shuts down`
    if ((await listDefinitions(directories)).length === 0) return [right(text)]
    return [
      {
        verdict: 'warning',
        text,
        remedy: `\`stasis systemd-units ${ENABLED}\` writes it; then \`systemctl enable --now ${UNIT}\``,
      },
    ]
  },
}

/** An enabled unit has a link in the directory of a target (systemctl(1)). */
async function isEnabled(): Promise<boolean> {
  const names = await readdir(ENABLED).catch(() => [])
  const wanted = names.filter((name) => /\.(?:wants|requires)$/.test(name))
  const found = await Promise.all(wanted.map((name) => isReachable(join(ENABLED, name, UNIT))))
  return found.includes(true)
}
