import { listDomains } from '../../domain/list.ts'
import { formatTable } from '../table.ts'
import type { Verb } from '../verb.ts'

interface Flags {
  readonly all?: boolean
  readonly name?: boolean
  readonly uuid?: boolean
}

/** `list` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .option('--all', 'those that do not run, too')
      .option('--name', 'only the names')
      .option('--uuid', 'only the UUIDs'),
  example: 'stasis list --all',
  run: async (_args, flags, { directories, signal }) => {
    const domains = await listDomains({ ...directories, signal, all: flags.all })
    if (flags.name === true || flags.uuid === true) {
      const words = domains.map(({ name, uuid }) =>
        [flags.uuid === true && uuid, flags.name === true && name]
          .filter((word) => word !== false)
          .join(' '),
      )
      return { text: words.join('\n'), json: domains }
    }
    const rows = domains.map(({ id, name, state }) => [String(id ?? '-'), name, state])
    return { text: formatTable(['Id', 'Name', 'State'], rows), json: domains }
  },
}
