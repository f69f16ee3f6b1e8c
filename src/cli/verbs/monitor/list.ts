import { Option } from 'commander'
import {
  type DomainSummary,
  type ListOptions,
  type ListedState,
  listDomains,
} from '../../../domain/status/list.ts'
import { errorText, withFaultObject } from '../../reports/error.ts'
import { formatTable } from '../../terminal/table.ts'
import { memoryWords } from '../../../domain/status/memory-words.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly all?: boolean
  readonly inactive?: boolean
  readonly stateRunning?: boolean
  readonly statePaused?: boolean
  readonly stateShutoff?: boolean
  readonly stateOther?: boolean
  readonly persistent?: boolean
  readonly transient?: boolean
  readonly withManagedSave?: boolean
  readonly withoutManagedSave?: boolean
  readonly withSnapshot?: boolean
  readonly withoutSnapshot?: boolean
  readonly withCheckpoint?: boolean
  readonly withoutCheckpoint?: boolean
  readonly autostart?: boolean
  readonly name?: boolean
  readonly uuid?: boolean
  readonly id?: boolean
  readonly table?: boolean
  readonly managedSave?: boolean
  readonly title?: boolean
}

/** `list` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .option('--all', 'also list domains that are not running')
      .option('--inactive', 'list domains that are not running')
      .option('--state-running', 'only domains that run')
      .option('--state-paused', 'only paused domains')
      .option('--state-shutoff', 'domains that are shut off; with --all only these')
      .option('--state-other', 'only domains in other states')
      .option('--persistent', 'only domains that are defined')
      .option('--transient', 'only domains that are not defined')
      .option('--with-managed-save', 'only domains that have a managed save')
      .option('--without-managed-save', 'only domains that have no managed save')
      .option('--with-snapshot', 'only domains that have checkpoints')
      .option('--without-snapshot', 'only domains that have no checkpoints')
      .option('--with-checkpoint', 'the same as --with-snapshot')
      .option('--without-checkpoint', 'the same as --without-snapshot')
      .option('--autostart', 'only domains that start with the host')
      .option('--no-autostart', 'only domains that do not start with the host')
      .option('--name', 'only the names')
      .option('--uuid', 'only the UUIDs')
      .option('--id', 'only the ids')
      .addOption(new Option('--table', 'a table (the default)').conflicts(['name', 'uuid', 'id']))
      .option('--managed-save', "show 'saved' as the state of domains that have a managed save")
      .option('--title', 'also show the titles'),
  looks: true,
  example: 'stasis list --all --managed-save',
  run: async (_args, flags, { directories, signal, json, quiet, output }) => {
    const domains = await listDomains({ ...directories, signal, ...wanted(flags) })
    for (const { fault } of domains)
      if (fault !== undefined && !json) output.note(errorText(fault, { debug: false }))
    const text =
      flags.name === true || flags.uuid === true || flags.id === true
        ? words(domains, flags)
        : table(domains, flags, quiet)
    return { text, json: domains.map(withFaultObject) }
  },
}

/** Both of two opposites are all domains, as with virsh. */
function wanted(flags: Flags): ListOptions {
  const states: readonly (readonly [ListedState, boolean | undefined])[] = [
    ['running', flags.stateRunning],
    ['paused', flags.statePaused],
    ['shut off', flags.stateShutoff],
    ['other', flags.stateOther],
  ]
  const asked = states.flatMap(([state, isAsked]) => (isAsked === true ? [state] : []))
  return {
    all: flags.all,
    inactive: flags.inactive === true || flags.stateShutoff === true,
    states: asked.length === 0 ? undefined : asked,
    persistent: oneOf(flags.persistent, flags.transient),
    managedSave: oneOf(flags.withManagedSave, flags.withoutManagedSave),
    checkpoints:
      oneOf(flags.withSnapshot, flags.withoutSnapshot) ??
      oneOf(flags.withCheckpoint, flags.withoutCheckpoint),
    autostart: flags.autostart,
    title: flags.title,
  }
}

function oneOf(yes = false, no = false): boolean | undefined {
  return yes === no ? undefined : yes
}

/** virsh lists no domain without an id if only ids are asked for. */
function words(domains: readonly DomainSummary[], { uuid, id, name }: Flags): string {
  const only = id === true && uuid !== true && name !== true
  return domains
    .filter((domain) => !only || domain.id !== undefined)
    .map((domain) =>
      [
        ...(uuid === true ? [domain.uuid] : []),
        ...(id === true ? [String(domain.id ?? '-')] : []),
        ...(name === true ? [domain.name] : []),
      ].join(' '),
    )
    .join('\n')
}

/** The word of virsh comes first, so a script that reads only that sees no difference. Only a lazy restore adds words. */
function stateWords(state: string, postcopy: DomainSummary['postcopy']): string {
  return postcopy === undefined || postcopy.state === 'lost'
    ? state
    : `${state} (${memoryWords(postcopy)})`
}

/** The state of a domain that is off, for `--managed-save`. */
function savedWords(state: string, isSaved: true | undefined): string {
  return isSaved === undefined ? `${state}, save unknown` : 'saved'
}

function table(domains: readonly DomainSummary[], flags: Flags, quiet: boolean): string {
  // On one host the table is that of virsh.
  const named = domains.some(({ host }) => host !== undefined)
  const heading = [
    ...['Id', 'Name', 'State'],
    ...(named ? ['Host'] : []),
    ...(flags.title === true ? ['Title'] : []),
  ]
  const rows = domains.map(({ id, name, state, managedSave, postcopy, title, host }) => [
    String(id ?? '-'),
    name,
    flags.managedSave === true && managedSave !== false && id === undefined && host === undefined
      ? savedWords(state, managedSave)
      : stateWords(state, postcopy),
    ...(named ? [host ?? ''] : []),
    title ?? '',
  ])
  return formatTable(heading, rows, { quiet })
}
