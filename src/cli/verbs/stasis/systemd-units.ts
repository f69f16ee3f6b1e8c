import { resolve } from 'node:path'
import { systemdUnits, writeSystemdUnits } from '../../../domain/host/systemd-units.ts'
import type { Verb } from '../../verb.ts'

/** `systemd-units [DIRECTORY]` */
export const verb: Verb = {
  declare: (command) =>
    command.argument('[directory]', 'where to write them; without it they are only shown'),
  looks: ([directory]) => directory === undefined,
  example: 'sudo stasis systemd-units /etc/systemd/system',
  run: async ([directory], _flags, { signal }) => {
    const [, script = ''] = process.argv
    // The Node that runs now: systemd does not search where a user's shell does.
    const units = await systemdUnits([process.execPath, resolve(script)])
    if (directory === undefined) {
      const text = units.map((unit) => `# ${unit.name}\n${unit.text}`).join('\n')
      return { text: text.trimEnd(), json: { type: 'result', units } }
    }
    const written = await writeSystemdUnits(units, resolve(directory), { signal })
    const names = units.map(({ name }) => name)
    return {
      text: [
        ...written.map((path) => `Wrote ${path}`),
        `To use them: systemctl daemon-reload && systemctl enable --now ${names.join(' ')}`,
      ].join('\n'),
      json: { type: 'result', units, written },
    }
  },
}
