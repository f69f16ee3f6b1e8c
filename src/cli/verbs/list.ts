import { Option } from 'commander'
import { listDomains } from '../../domain/status/list.ts'
import { errorObject, errorText } from '../reports/error.ts'
import { formatTable } from '../terminal/table.ts'
import type { Verb } from '../verb.ts'

interface Flags {
  readonly all?: boolean
  readonly name?: boolean
  readonly uuid?: boolean
  readonly managedSave?: boolean
  readonly withManagedSave?: boolean
  readonly withoutManagedSave?: boolean
  readonly autostart?: boolean
}

/** `list` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .option('--all', 'also list domains that are not running')
      .option('--name', 'only the names')
      .option('--uuid', 'only the UUIDs')
      .option('--managed-save', "show 'saved' as the state of domains that have a managed save")
      .addOption(
        new Option('--with-managed-save', 'only domains that have a managed save').conflicts(
          'withoutManagedSave',
        ),
      )
      .option('--without-managed-save', 'only domains that have no managed save')
      .option('--autostart', 'only domains that start with the host'),
  looks: true,
  example: 'stasis list --all --managed-save',
  run: async (_args, flags, { directories, signal, json, quiet, output }) => {
    const domains = await listDomains({
      ...directories,
      signal,
      all: flags.all,
      managedSave:
        flags.withManagedSave === true
          ? true
          : flags.withoutManagedSave === true
            ? false
            : undefined,
      autostart: flags.autostart,
    })
    for (const { fault } of domains)
      if (fault !== undefined && !json) output.note(errorText(fault, { debug: false }))
    const answer = domains.map(({ fault, ...domain }) =>
      fault === undefined ? domain : { ...domain, fault: errorObject(fault) },
    )
    if (flags.name === true || flags.uuid === true) {
      const words = domains.map(({ name, uuid }) =>
        [flags.uuid === true && uuid, flags.name === true && name]
          .filter((word) => word !== false)
          .join(' '),
      )
      return { text: words.join('\n'), json: answer }
    }
    const rows = domains.map(({ id, name, state, managedSave }) => [
      String(id ?? '-'),
      name,
      flags.managedSave === true && managedSave && id === undefined ? 'saved' : state,
    ])
    return { text: formatTable(['Id', 'Name', 'State'], rows, { quiet }), json: answer }
  },
}
